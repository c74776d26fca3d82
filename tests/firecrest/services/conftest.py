"""Proof from outside that nothing was executed, made or lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.firecrest.services.cases import HOME, USER
from tests.support.live import Live

CANARY = b"still alive\n"


@dataclass(frozen=True)
class Traces:
    """What a request could have left behind, besides jobs."""

    files: dict[str, list[Any]]
    canary: bytes
    tasks: frozenset[str]


def _listing(live: Live, path: str) -> list[Any]:
    parameters = {"targetPath": path, "showhidden": "true"}
    answer = live.get("/utilities/ls", user=USER, params=parameters)
    assert answer.status_code == 200, answer.text
    entries: list[Any] = answer.json()["output"]
    return entries


def traces(live: Live) -> Traces:
    """The user's files and tasks now."""
    directories = (HOME, f"{HOME}/test_directory", f"/scratch/{USER}")
    content = live.get("/utilities/download", user=USER, params={"sourcePath": f"{HOME}/canary"})
    assert content.status_code == 200, content.text
    tasks = live.get("/tasks", user=USER, machine=None).json()["tasks"]
    files = {path: _listing(live, path) for path in directories}
    return Traces(files, content.content, frozenset(tasks))


def _next_job(live: Live) -> int:
    """Id of a job that does nothing: the scheduler counts, whoever submits."""
    task = live.submit("#!/bin/sh\n#SBATCH --output=/dev/null\n", user=USER)
    job_id: int = task["data"]["jobid"]
    return job_id


def _jobs_between(live: Live, first: int, last: int) -> list[str]:
    """Jobs of the user that were submitted after the first and before the last of these."""
    if last == first + 1:
        return []
    live.accounted(last, user=USER)
    wanted = ",".join(map(str, range(first + 1, last)))
    answer = live.get("/compute/acct", user=USER, params={"jobs": wanted})
    return [row["jobid"] for row in live.settled(answer, user=USER)["data"] or []]


@pytest.fixture(scope="module")
def untouched(live: Live) -> Iterator[None]:
    """After all tests of the module the user has the files, tasks and jobs of before."""
    upload = live.post(
        "/utilities/upload",
        user=USER,
        data={"targetPath": HOME},
        files={"file": ("canary", CANARY)},
    )
    assert upload.status_code == 201, upload.text
    first = _next_job(live)
    before = traces(live)
    assert before.canary == CANARY
    yield
    after = traces(live)
    assert after == before
    assert _jobs_between(live, first, _next_job(live)) == []
