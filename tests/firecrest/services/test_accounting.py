"""`/compute/acct`: what the tutorial does not show (compute.md C6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.firecrest.services.jobs import ask, submit
from tests.support.live import Live, until


@pytest.fixture(scope="module")
def accounted(live: Live) -> dict[str, Any]:
    """The record of a job of today that has ended."""
    job_id = submit(live, "#!/bin/bash\n#SBATCH --job-name=acct\nexit 3\n")["jobid"]
    return live.accounted(job_id)


def test_keys_of_an_accounted_job(accounted: dict[str, Any]) -> None:
    assert accounted.keys() == {
        *("jobid", "partition", "name", "user", "state", "nodes", "nodelist"),
        *("start_time", "time", "time_left"),
        *("cpu_time", "elapsed_time", "termination_time", "exit_code"),
    }
    assert all(isinstance(value, str) for value in accounted.values())
    assert (accounted["name"], accounted["user"], accounted["state"]) == ("acct", "test1", "FAILED")
    assert accounted["exit_code"] == "3:0"
    # The historic names, and the proper ones beside them.
    assert accounted["time_left"] == accounted["termination_time"]
    assert accounted["time"] == accounted["cpu_time"]


FORMATS = (
    "%H:%M",
    "%H:%M:%S",
    "%I:%M %p",
    "%I:%M:%S %p",
    "%m%d",
    "%m%d%y",
    "%m/%d",
    "%m/%d/%y",
    "%m.%d",
    "%m.%d.%y",
    "%m/%d-%H:%M",
    "%m/%d/%y-%H:%M:%S",
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
)


@pytest.mark.parametrize("form", FORMATS)
def test_formats_of_times(live: Live, accounted: dict[str, Any], form: str) -> None:
    """D10: each documented format is read, as begin and as end."""
    started = datetime.fromisoformat(accounted["start_time"])
    begin = started.replace(second=0).strftime(form)

    def found() -> bool | None:
        """A window ends before the second in which it is asked for."""
        rows = ask(live, "/compute/acct", starttime=begin)["data"] or []
        return True if accounted["jobid"] in {row["jobid"] for row in rows} else None

    until(found, seconds=20, what=f"job {accounted['jobid']} since {begin}")
    midnight = started.replace(hour=0, minute=0, second=0).strftime(form)
    before = ask(live, "/compute/acct", starttime="2001-01-01", endtime=midnight)
    assert before["status"] == "200"
    assert accounted["jobid"] not in {row["jobid"] for row in before["data"] or []}


def test_nothing_accounted(live: Live, accounted: dict[str, Any]) -> None:
    """D29."""
    long_ago = {"starttime": "2001-01-01", "endtime": "2001-01-02"}
    task = ask(live, "/compute/acct", **long_ago)
    assert (task["status"], task["data"]) == ("200", {})


def test_pages_of_accounting(live: Live, accounted: dict[str, Any]) -> None:
    everything = ask(live, "/compute/acct")["data"]
    first = ask(live, "/compute/acct", pageSize="1")["data"]
    assert [row["jobid"] for row in first] == [everything[0]["jobid"]]
    task = ask(live, "/compute/acct", pageSize="1", pageNumber="-1")
    assert (task["status"], task["data"]) == ("400", "pageNumber (-1) cannot be a negative number")


@pytest.mark.parametrize("jobs", ["--allusers", "1 --allusers", "-a", "{}", "{} -a"])
def test_nobody_elses_jobs(live: Live, accounted: dict[str, Any], jobs: str) -> None:
    wanted = jobs.replace("{}", accounted["jobid"])
    task = ask(live, "/compute/acct", user="test2", jobs=wanted)
    rows = task["data"] if task["status"] == "200" else []
    assert {row["user"] for row in rows or []} <= {"test2"}


def test_a_job_that_has_just_ended_is_shown_with_its_name_and_partition(live: Live) -> None:
    """The database calls it `allocation` for up to five seconds; the controller knows better."""
    script = "#!/bin/sh\n#SBATCH --job-name=young\ntrue\n"
    job_id = str(live.submit(script)["data"]["jobid"])

    def ended() -> dict[str, str] | None:
        answer = live.get("/compute/acct", params={"jobs": job_id})
        rows: list[dict[str, str]] = live.settled(answer)["data"] or []
        return next((row for row in rows if row["state"] == "COMPLETED"), None)

    first_seen = until(ended, what=f"job {job_id} accounted")
    assert (first_seen["name"], first_seen["partition"]) == ("young", "part01")
