"""X4 to X9: name, time limit and dependency of the jobs of internal transfers.

The jobs wait for another one, so that the queue can be asked what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, settled, until
from f7t_conformance.binding import requirement
from f7t_conformance.waiting import finished, queued

Entry = Mapping[str, str]
OPERATIONS = ("cp", "mv", "rsync", "rm", "compress", "extract")
_TURN = 30
"""Seconds within which a scheduler must have looked at a new job."""
FORMATS = {
    "7": 420,
    "8:00": 480,
    "0:09:00": 540,
    "0-1": 3600,
    "0-1:10": 4200,
    "0-1:11:00": 4260,
}


@pytest.fixture
def holder(api: Api, place: Place, belongings: Belongings) -> Iterator[str]:
    """Id of a job that ends well as soon as the place holds a file `go`."""
    body = f"until [ -e '{place / 'go'}' ]; do sleep 0.2; done"
    job = str(belongings.submit(api, body)["data"]["jobid"])
    yield job
    settled(api, api.delete(f"/compute/jobs/{job}"))


@pytest.fixture
def held(
    api: Api, place: Place, belongings: Belongings, holder: str
) -> Iterator[Callable[..., Entry]]:
    """An internal transfer that waits for `holder`: its entry in the queue."""
    made: list[str] = []

    def hold(operation: str, **form: str) -> Entry:
        belongings.spend_job()
        account = {"account": belongings.account} if belongings.account else {}
        source = {} if operation == "rm" else {"sourcePath": place / "a.tar"}
        paths = {**source, "targetPath": place / "b"}
        path = f"/storage/xfer-internal/{operation}"
        answer = api.post(path, stageOutJobId=holder, **account, **paths, **form)
        task = settled(api, answer)
        if task["status"] != "200":
            raise Unexpected("an accepted job", str(task["data"]))
        belongings.own_job(task)
        made.append(str(task["data"]["jobid"]))
        entry = queued(api, made[-1])
        if entry is None:
            raise Unexpected(f"job {made[-1]} waiting for job {holder}", "no such job in the queue")
        return entry

    yield hold
    for job in made:
        settled(api, api.delete(f"/compute/jobs/{job}"))


def seconds_of(limit: str) -> int:
    """A time of the queue, `[D-][H:]M:S`, in seconds."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit)
    if found is None:
        raise Unexpected("a time", limit)
    days, hours, minutes, seconds = (int(one or 0) for one in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


@requirement("F7T-XFER-106")
def test_the_jobs_are_named_after_the_operation(held: Callable[..., Entry]) -> None:
    got = [held(one)["name"] for one in OPERATIONS]
    if got != [f"{one}-job" for one in OPERATIONS]:
        raise Unexpected("cp-job, mv-job, rsync-job, rm-job, compress-job, extract-job", str(got))


@requirement("F7T-XFER-107")
def test_the_default_time_is_two_hours(held: Callable[..., Entry]) -> None:
    left = held("cp")["time_left"]
    if seconds_of(left) != 7200:
        raise Unexpected("2:00:00", left)


@requirement("F7T-XFER-108")
def test_a_given_name_is_the_jobs(held: Callable[..., Entry]) -> None:
    name = held("cp", jobName="f7t-conformance.x")["name"]
    if name != "f7t-conformance.x":
        raise Unexpected("f7t-conformance.x", name)


@requirement("F7T-XFER-109")
def test_all_formats_of_time_are_understood(held: Callable[..., Entry]) -> None:
    for text, seconds in FORMATS.items():
        left = held("cp", time=text)["time_left"]
        if seconds_of(left) != seconds:
            raise Unexpected(f"{seconds} s for time={text}", left)


@requirement("F7T-XFER-110")
def test_a_transfer_waits_for_another_job(
    api: Api, place: Place, held: Callable[..., Entry], deadline: float
) -> None:
    place.write("a.tar", b"staged out\n")
    entry = held("cp")
    _must_depend(api, entry["jobid"])
    if "b" in place.names():
        raise Unexpected("no copy before the other job's end", str(place.names()))
    place.write("go", b"")
    finished(api, entry["jobid"], seconds=deadline)
    if place.read("b") != b"staged out\n":
        raise Unexpected("the copy after the other job's success", str(place.names()))


def _must_depend(api: Api, job: str) -> None:
    """The scheduler says what the job waits for: any new job waits at first, for its turn."""

    def depends() -> bool | None:
        entry = queued(api, job)
        if entry is None or entry["state"] != "PENDING":
            raise Unexpected("a pending job", "none" if entry is None else entry["state"])
        return "Dependency" in entry["nodelist"] or None

    until(depends, seconds=_TURN, what=f"job {job} waiting for its dependency")
