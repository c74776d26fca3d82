"""What counts for which stage and second, with a clock that is set by hand."""

from __future__ import annotations

from f7t_loadtest.model import Stage
from f7t_loadtest.recorder import Recorder, stage_of


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def always(_: Stage) -> bool:
    return True


def test_a_request_counts_for_the_stage_in_which_it_was_due() -> None:
    clock = Clock()
    recorder = Recorder(clock)
    recorder.request("GET /a", 0.0, 0.0)
    clock.at += 10
    counts = recorder.begin("open", offered=5)
    clock.at += 1
    recorder.request("GET /a", 10.5, 10.75, sent=3, received=7)
    clock.at += 1
    recorder.end()
    clock.at += 2
    recorder.request("GET /a", 11.0, 13.0, failure=("HTTP 503", "busy"))
    recorder.request("GET /a", 13.0, 13.0)
    stage = stage_of(counts, always)
    assert (stage.requests, stage.failures, stage.begins, stage.seconds) == (2, 1, 10, 2)
    # What was answered after the end was not carried in the stage's time.
    assert stage.rate == 0.5
    assert stage.latency is not None
    assert stage.latency.maximum == 3.0
    assert stage.generator.late_mean == (0.25 + 2.0) / 2
    (operation,) = stage.operations
    assert (operation.bytes_sent, operation.bytes_received, operation.rate) == (3, 7, 0.5)
    (failure,) = recorder.failures()
    assert (failure.stage, failure.kind, failure.example) == ("open", "HTTP 503", "busy")
    assert [(one.at, one.stage, one.requests) for one in recorder.timeline()] == [
        (0, None, 1),
        (11, "open", 1),
        (14, None, 2),
    ]


def test_arrivals_that_nobody_began_are_failures_without_a_latency() -> None:
    clock = Clock()
    recorder = Recorder(clock)
    counts = recorder.begin("open", offered=5)
    recorder.request("GET /a", 0.0, 0.0)
    clock.at += 2
    recorder.end()
    counts.overdue = 3
    stage = stage_of(counts, always)
    assert (stage.requests, stage.failures, stage.rate) == (4, 3, 0.5)
    assert stage.latency is not None
    assert stage.latency.count == 1


def test_tasks_and_their_polls() -> None:
    clock = Clock()
    recorder = Recorder(clock)
    counts = recorder.begin("closed", users=2)
    begun = [recorder.task_begun(0.0) for _ in range(3)]
    clock.at += 2
    recorder.task_settled(begun[0], success=True, polls=3, age=1.5, to_job=2.0)
    recorder.end()
    clock.at += 1
    recorder.task_settled(begun[1], success=False, polls=1, age=0.5, to_job=None)
    tasks = stage_of(counts, always).tasks
    assert tasks is not None
    assert (tasks.begun, tasks.completed, tasks.failed, tasks.unsettled) == (3, 1, 1, 1)
    assert (tasks.rate, tasks.polls_per_task) == (0.5, 2.0)
    assert tasks.to_job_id is not None
    assert tasks.to_job_id.count == 1
    assert recorder.task_begun(3.0) is None
    assert sum(one.tasks_completed for one in recorder.timeline()) == 1


def test_preparation_is_forgotten() -> None:
    clock = Clock()
    recorder = Recorder(clock)
    recorder.request("GET /a", 0.0, 0.0)
    clock.at += 60
    recorder.restart()
    assert recorder.now() == 0
    assert recorder.timeline() == []


def test_a_warning_is_told_once() -> None:
    recorder = Recorder()
    recorder.warn("slow")
    recorder.warn("slow")
    assert recorder.warnings == ["slow"]
