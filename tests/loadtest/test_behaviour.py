"""Bad servers: what is measured and told of them."""

from __future__ import annotations

import itertools
import os
import time

import pytest

from f7t_loadtest.counters import CHANNELS, CONNECTS, NoCounters, read
from f7t_loadtest.model import Objective
from f7t_loadtest.running import Broken
from tests.loadtest.conftest import at_stub, performed
from tests.loadtest.stub import GOOD, serving

SLOW = 0.2


def slow(path: str) -> tuple[int, object]:
    """Listings take their time."""
    if path.startswith("/utilities"):
        time.sleep(SLOW)
    return 200, GOOD


def test_latency_counts_from_when_a_request_was_due() -> None:
    with serving(slow) as url:
        opened = performed(
            *(at_stub(url), "cold"),
            mode="open",
            rate=20,
            paced=True,
            users=1,
            duration=1.0,
            objective=Objective(p95=0.1, error_rate=0.01),
        )
    (stage,) = opened.stages
    assert stage.latency is not None
    # The fourth arrival was due after 0.2 s and begun when three answers had come.
    assert stage.latency.maximum >= 3 * SLOW
    assert stage.generator.late_p99 >= 2 * SLOW
    assert not stage.within_objective
    kinds = {one.kind: one.count for one in opened.failures}
    # Twenty were due and about five could be begun.
    assert kinds["not begun in time"] >= 5
    assert stage.failures >= kinds["not begun in time"]
    assert any("late" in one for one in opened.warnings)


def test_failures_are_told_by_kind_and_without_secrets() -> None:
    bodies = iter(range(10**9))

    def bad(path: str) -> tuple[int, object]:
        if not path.startswith("/utilities"):
            return 200, GOOD
        match next(bodies) % 3:
            case 0:
                return 503, {"error": "busy", "access_token": "st4tic-t0ken"}
            case 1:
                return 200, b"<html>"
            case _:
                return 200, {"something": "else"}

    with serving(bad) as url:
        run = performed(at_stub(url), "cold", users=2, duration=0.5)
    assert {one.kind for one in run.failures} == {"HTTP 503", "no JSON", "unexpected answer"}
    assert sum(one.count for one in run.failures) == run.stages[0].failures
    assert run.stages[0].failures == run.stages[0].requests
    assert not run.stages[0].within_objective
    assert "st4tic" not in run.model_dump_json()
    assert all(len(one.example) <= 300 for one in run.failures)


def test_tasks_that_fail_or_never_settle_are_failures() -> None:
    states = itertools.cycle(["200", "400", "100"])
    status: dict[str, str] = {}

    def tasks(path: str) -> tuple[int, object]:
        if path == "/compute/jobs/upload":
            task_id = f"{len(status):032}"
            status[task_id] = next(states)
            return 201, {"task_id": task_id}
        if path.startswith("/tasks/"):
            data = {"jobid": 7, "job_file": ""}
            return 200, {"task": {"status": status.get(path[7:], "400"), "data": data}}
        return 200, GOOD

    with serving(tasks) as url:
        run = performed(at_stub(url), "tasks", patience=0.2, max_jobs=30, duration=30.0)
    (stage,) = run.stages
    assert stage.tasks is not None
    assert (stage.tasks.begun, stage.tasks.completed) == (30, 10)
    assert (stage.tasks.failed, stage.tasks.unsettled) == (10, 10)
    kinds = {one.kind for one in run.failures}
    assert kinds == {"task ended with 400", "task not settled in time"}
    assert stage.failures >= 10
    assert not stage.within_objective


def test_what_cannot_be_removed_or_counted_is_told() -> None:
    def keeps(path: str) -> tuple[int, object]:
        if path.startswith("/utilities/rm"):
            return 400, {"error": "no"}
        return 200, {**GOOD, "output": "someone"}

    with serving(keeps) as url:
        without = {"F7T_LOAD_METRICS": f"{url}/metrics"}
        run = performed({**at_stub(url), **without}, "files", duration=0.3, entries=1)
    # Nor has it the counters: it is measured without them.
    assert run.stages[0].ssh is None
    assert any("SSH is not counted" in one for one in run.warnings)
    (left,) = run.leftovers
    assert left.startswith("cluster:/home/someone/f7t-load-")


def test_ssh_is_counted_at_all_gateways() -> None:
    """Behind a balancer each gateway tells of what it has opened itself."""

    def counting(path: str) -> tuple[int, object]:
        if path.startswith("/metrics"):
            number = int(path[-1])
            return 200, f'{CONNECTS} {number}\n{CHANNELS}{{worker="1"}} {10 * number}\n'.encode()
        return 404, {}

    with serving(counting) as url:
        assert read(f"{url}/metrics1 {url}/metrics2") == (3, 30)
        with pytest.raises(NoCounters, match=r"/other answered 404"):
            read(f"{url}/metrics1 {url}/other")


def test_what_a_failed_preparation_leaves_is_told() -> None:
    def unwilling(path: str) -> tuple[int, object]:
        if path.startswith(("/utilities/upload", "/utilities/rm")):
            return 400, {"error": "no"}
        return 200, {**GOOD, "output": "someone"}

    with serving(unwilling) as url, pytest.raises(Broken) as raised:
        performed(at_stub(url), "files")
    assert "files could not be prepared: POST /utilities/upload: HTTP 400" in str(raised.value)
    assert "could not be removed: cluster:/home/someone/f7t-load-" in str(raised.value)


def test_no_firecrest_is_told() -> None:
    with serving(lambda path: (200, b"hello")) as url, pytest.raises(Broken, match="FirecREST"):
        performed(at_stub(url), "cold")


def test_identities_that_do_not_work_are_told() -> None:
    command = {"F7T_LOAD_IDENTITY__COMMAND": "exit 3"}
    environment = {**os.environ, "F7T_LOAD_TARGET": "http://127.0.0.1:1", **command}
    with pytest.raises(Broken, match="token command ended with status 3"):
        performed(environment, "cold")


def test_an_unknown_system_is_told() -> None:
    with serving() as url, pytest.raises(Broken, match="no system 'other'; it has cluster"):
        performed({**at_stub(url), "F7T_LOAD_SYSTEM": "other"}, "cold")
