"""Listings of jobs that many ask for at once, against the real scheduler, which counts."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.firecrest.services.jobs import ask, cancel, queued, submit
from tests.support.live import Live, until

HELD = "#!/bin/sh\n#SBATCH --hold --output=/dev/null\ntrue\n"
COUNTING = "#!/bin/sh\n#SBATCH --output=counted.txt\nsdiag\necho done\n"
_COUNT = re.compile(r"REQUEST_JOB_(?:USER_)?INFO(?:_SINGLE)? .*count:(\d+)")
WORKERS = 2
POLLERS = 16
MANY = 12


@pytest.fixture
def held(live: Live) -> Iterator[list[str]]:
    """Ids of the held jobs that a test made; cancelled at its end."""
    made: list[str] = []
    yield made
    if made:
        cancel(live, ",".join(made))


def _questions(live: Live) -> int:
    """How often the controller was asked about jobs since it started, as it says itself."""
    job = submit(live, COUNTING)
    path = str(PurePosixPath(job["job_file"]).parent / "counted.txt")

    def probe() -> int | None:
        answer = live.get("/utilities/download", params={"sourcePath": path})
        if answer.status_code != 200 or "\ndone\n" not in answer.text:
            return None
        return sum(int(one) for one in _COUNT.findall(answer.text))

    return until(probe, what="the controller's counts")


def test_many_pollers_cost_few_commands(live: Live) -> None:
    """Whatever the number of listings: at most one command per worker and second, and mostly one
    for all workers."""
    live.token()
    ask(live, "/compute/jobs")
    before = _questions(live)
    began = time.monotonic()
    with ThreadPoolExecutor(POLLERS) as pool:
        polls = [pool.submit(ask, live, "/compute/jobs") for _ in range(8 * POLLERS)]
        listed = [poll.result() for poll in polls]
    seconds = time.monotonic() - began
    asked = _questions(live) - before
    assert len({one["hash_id"] for one in listed}) == 8 * POLLERS
    # Each new second may begin one more; the job that counted before may have run in between, and
    # a submission asks for its own job.
    assert asked <= WORKERS * (seconds + 2) + 4


def test_a_listing_shows_what_its_user_has_just_changed(live: Live, held: list[str]) -> None:
    """Whichever of the workers answers, though both have an answer that is young."""
    for _ in range(6):
        held.append(str(submit(live, HELD)["jobid"]))
        assert set(held) <= set(queued(live))
    for gone in held[:3]:
        cancel(live, gone)
        assert gone not in queued(live)


def test_a_job_never_goes_back(live: Live) -> None:
    """Whichever of the workers answers: what one has shown is what the other knows."""
    for _ in range(3):
        job_id = submit(live, "#!/bin/sh\n#SBATCH --output=/dev/null\nsleep 60\n")["jobid"]

        def state(job_id: object = job_id) -> str:
            rows = ask(live, "/compute/jobs")["data"].values()
            return next(str(row["state"]) for row in rows if row["jobid"] == str(job_id))

        until(lambda: state() == "RUNNING" or None, what=f"job {job_id} running")
        assert [state() for _ in range(6)] == ["RUNNING"] * 6
        cancel(live, str(job_id))


def test_nobody_gets_the_answer_to_another(live: Live, held: list[str]) -> None:
    held.append(str(submit(live, HELD)["jobid"]))
    users = ["test1", "test2", "test4"] * 4

    def listing(user: str) -> tuple[str, dict[str, Any]]:
        return user, ask(live, "/compute/jobs", user=user)["data"]

    for user in set(users):
        live.token(user)
    with ThreadPoolExecutor(len(users)) as pool:
        for user, rows in pool.map(listing, users):
            assert {row["user"] for row in rows.values()} <= {user}
            assert (held[0] in [row["jobid"] for row in rows.values()]) == (user == "test1")


def test_the_files_of_many_jobs_are_told(live: Live, held: list[str]) -> None:
    made = {str(job["jobid"]): job for job in (submit(live, HELD) for _ in range(MANY))}
    held.extend(made)
    rows = ask(live, "/compute/jobs")["data"].values()
    shown = {row["jobid"]: row for row in rows if row["jobid"] in made}
    assert set(shown) == set(made)
    for job_id, row in shown.items():
        assert row["job_file"] == made[job_id]["job_file"]
        assert row["job_file_out"] == "/dev/null"
