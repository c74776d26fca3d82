"""What a person is shown, on a terminal of 80 columns and in a log."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from f7t_loadtest.knee import found
from f7t_loadtest.model import Failure, Operation, Run, Stage, Tasks
from f7t_loadtest.said import Said, Snapshot
from f7t_loadtest.terminal import Watching, summarise, told
from tests.loadtest.test_knee import OBJECTIVE, stage


def full(one: Stage) -> Stage:
    """The stage with an operation and tasks."""
    operation = Operation(
        name="POST /storage/xfer-external/download",
        requests=100,
        failures=0,
        rate=10,
        latency=one.latency,
        histogram=[],
        bytes_sent=0,
        bytes_received=50_000_000,
    )
    tasks = Tasks(
        begun=9,
        completed=7,
        failed=1,
        unsettled=1,
        rate=0.7,
        polls_per_task=2.5,
        age=None,
        to_job_id=one.latency,
    )
    return one.model_copy(update={"operations": [operation], "tasks": tasks})


def run() -> Run:
    stages = [full(stage(1024, p95=0.25)), full(stage(2048, p95=0.9, failures=3))]
    return Run(
        tool_version="1",
        target="http://f7t.example.org",
        system="cluster",
        scenario="mixed",
        mode="steps",
        begun=datetime(2026, 1, 1, tzinfo=UTC),
        seconds=21,
        settings={},
        objective=OBJECTIVE,
        identities=4,
        stages=stages,
        timeline=[],
        failures=[
            Failure(stage="step 2", operation="GET /a", kind="HTTP 503", count=3, example="[/busy]")
        ],
        knee=found(stages, OBJECTIVE),
        floors=[],
        warnings=["the generator [was] busy"],
        stopped="budget",
        leftovers=["cluster:/home/[me]/f7t-load-1"],
    )


def shown(width: int = 80) -> str:
    out = StringIO()
    summarise(run(), Console(file=out, width=width))
    return out.getvalue()


def test_the_summary_tells_everything_in_80_columns() -> None:
    text = shown()
    lines = text.splitlines()
    (best,) = [line for line in lines if line.lstrip().startswith("step at 1024 ")]
    quantiles = ["250", "ms"] * 3
    assert best.split()[3:] == ["1024/s", "1024.0", "0", *quantiles, "0.7", "yes"]
    assert "operation (step at 1024)" in text
    assert "7 completed, 1 failed, 1 unsettled, 2.5 polls each" in text
    assert "5.00 MB/s of bodies" in text
    assert "step 2: 3 × HTTP 503 in GET /a: [/busy]" in text
    assert "knee: 1024 arrivals per second were carried; at 2048 arrivals per second 3.0%" in text
    assert "warning: the generator [was] busy" in text
    assert "stopped early: the budget was used up" in text
    assert "could not be removed: cluster:/home/[me]/f7t-load-1" in text


def test_a_run_that_measured_nothing_is_shown() -> None:
    out = StringIO()
    empty = run().model_copy(update={"stages": [], "knee": None, "stopped": "interrupted"})
    summarise(empty, Console(file=out, width=80))
    assert "it was interrupted" in out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0123456, "12.3 ms"), (0.5, "500 ms"), (1.25, "1.25 s"), (62, "62 s")]
)
def test_times_have_a_unit_that_suits_them(seconds: float, text: str) -> None:
    assert told(seconds) == text


def snapshot(at: int, **more: object) -> Said:
    second = {
        "at": at,
        "phase": "closed",
        "load": "8 users",
        "made": 3,
        "users": 8,
        "rate": 100,
        "p95": 0.012,
        "failures": 1,
        "tasks": 0,
    }
    return Said(second=Snapshot.model_validate({**second, **more}))


def test_in_a_log_there_is_a_line_every_ten_seconds_and_for_each_phase() -> None:
    out = StringIO()
    with Watching(Console(file=out, width=80), quiet=False) as watching:
        watching.said(Said(note="preparing [it]"))
        for at in range(12):
            watching.said(snapshot(at))
        watching.said(snapshot(12, phase="removing", load=""))
    assert out.getvalue().splitlines() == [
        "preparing [it] …",
        "[    0 s] closed, 8 users: 100 req/s, p95 12 ms, 8 busy, 1 errors",
        "[   10 s] closed, 8 users: 100 req/s, p95 12 ms, 8 busy, 1 errors",
        "removing: 3 things to be removed",
    ]


def test_quiet_is_quiet() -> None:
    out = StringIO()
    with Watching(Console(file=out, width=80), quiet=True) as watching:
        watching.said(Said(note="preparing"))
        watching.said(snapshot(0))
    assert out.getvalue() == ""
