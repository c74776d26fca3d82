"""The scenarios against the testbuild: they work, and nothing of them is left."""

from __future__ import annotations

import pytest

from f7t_loadtest.model import Run, Stage
from tests.loadtest.conftest import performed
from tests.support.live import PASSWORDS, SERVICE_ACCOUNT, Live

USERS = (*PASSWORDS, SERVICE_ACCOUNT)


def only_stage(run: Run) -> Stage:
    """Of a run in which everything went well."""
    assert run.failures == []
    assert run.leftovers == []
    assert run.stopped is None
    (stage,) = run.stages
    assert stage.requests > 0
    assert stage.within_objective
    assert sum(one.requests for one in stage.operations) == stage.requests
    for one in stage.operations:
        assert sum(bucket.count for bucket in one.histogram) == one.requests
    return stage


def remains(live: Live) -> list[str]:
    """What is called like things of a load test, of all users: files, and jobs in the queue."""
    found = []
    for user in USERS:
        listed = live.get("/utilities/ls", user=user, params={"targetPath": f"/home/{user}"})
        found += [one["name"] for one in listed.json()["output"]]
        queue = live.settled(live.get("/compute/jobs", user=user), user=user)["data"]
        found += [one["name"] for one in queue.values()]
    return [name for name in found if name.startswith("f7t-load-")]


def submissions(live: Live) -> set[tuple[str, str]]:
    """Directories of submissions, with their users."""
    found = set()
    for user in USERS:
        path = f"/home/{user}/firecrest"
        listed = live.get("/utilities/ls", user=user, params={"targetPath": path})
        if listed.status_code == 200:
            found |= {(user, one["name"]) for one in listed.json()["output"]}
    return found


def test_a_working_day(live: Live, at_testbuild: dict[str, str]) -> None:
    before = submissions(live)
    stage = only_stage(performed(at_testbuild, "mixed", pause=0, seed=3, duration=2.0))
    names = {one.name for one in stage.operations}
    assert {"GET /utilities/ls", "GET /utilities/stat", "GET /tasks/{id}"} <= names
    assert stage.tasks is not None
    assert stage.tasks.begun == stage.tasks.completed
    assert stage.ssh is not None
    assert stage.ssh.channels > 0
    assert remains(live) == []
    assert submissions(live) <= before


def test_listings_of_waiting_jobs(live: Live, at_testbuild: dict[str, str]) -> None:
    run = performed(at_testbuild, "jobs", queued=3, max_jobs=6)
    only_stage(run)
    # Six jobs are three each of two callers.
    assert run.identities == 2
    assert [one for one in run.warnings if "2 of 4 identities" in one]
    assert remains(live) == []


def test_out_of_jobs(live: Live, at_testbuild: dict[str, str]) -> None:
    run = performed(at_testbuild, "tasks", max_jobs=5, duration=30.0)
    assert run.stopped == "budget"
    (stage,) = run.stages
    assert stage.tasks is not None
    assert stage.tasks.begun == stage.tasks.completed == 5
    assert stage.tasks.to_job_id is not None
    assert stage.tasks.to_job_id.count == 5
    assert stage.seconds < 30
    assert remains(live) == []


def test_steps_of_open_arrival(live: Live, at_testbuild: dict[str, str]) -> None:
    run = performed(
        at_testbuild, "files", mode="steps", rate=5, growth=3, limit=12, users=32, duration=0.5
    )
    assert [one.offered for one in run.stages] == [5, 12]
    assert run.knee is not None
    assert (run.knee.carried, run.knee.broken) == (12, None)
    assert {one.stage for one in run.timeline} >= {"step 1", "step 2"}
    assert remains(live) == []


@pytest.mark.long
@pytest.mark.parametrize("scenario", ["tasks", "poll-storm", "files", "transfers", "cold"])
@pytest.mark.parametrize("mode", ["closed", "open"])
def test_every_scenario(scenario: str, mode: str, live: Live, at_testbuild: dict[str, str]) -> None:
    run = performed(at_testbuild, scenario, mode=mode, rate=20, users=16, duration=2.0)
    only_stage(run)
    assert remains(live) == []


@pytest.mark.long
def test_big_files(live: Live, at_testbuild: dict[str, str]) -> None:
    size = 50_000_000
    run = performed(
        at_testbuild, "transfers", size=size, max_bytes=5 * size, users=2, duration=60.0
    )
    assert run.stopped == "budget"
    # All five, also the stream that began after the budget had ended the stage.
    carried = sum(one.bytes_sent + one.bytes_received for one in run.timeline)
    assert 5 * size <= carried <= 5 * size + 100_000
    assert remains(live) == []
