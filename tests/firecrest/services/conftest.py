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
    """Everything a request could have left behind."""

    files: dict[str, list[Any]]
    canary: bytes
    tasks: frozenset[str]
    jobs: frozenset[str]


def _listing(live: Live, path: str) -> list[Any]:
    parameters = {"targetPath": path, "showhidden": "true"}
    answer = live.get("/utilities/ls", user=USER, params=parameters)
    assert answer.status_code == 200, answer.text
    entries: list[Any] = answer.json()["output"]
    return entries


def traces(live: Live) -> Traces:
    """The user's files, tasks and jobs now; the tasks before the job listing makes one."""
    directories = (HOME, f"{HOME}/test_directory", f"/scratch/{USER}")
    tasks = live.get("/tasks", user=USER, machine=None).json()["tasks"]
    content = live.get("/utilities/download", user=USER, params={"sourcePath": f"{HOME}/canary"})
    assert content.status_code == 200, content.text
    listed = live.settled(live.get("/compute/acct", user=USER), user=USER)["data"]
    return Traces(
        {path: _listing(live, path) for path in directories},
        content.content,
        frozenset(tasks),
        frozenset(row["jobid"] for row in listed or []),
    )


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
    before = traces(live)
    assert before.canary == CANARY
    # Looking made a task: it is no trace of what comes.
    known = frozenset(live.get("/tasks", user=USER, machine=None).json()["tasks"])
    yield
    after = traces(live)
    assert after.files == before.files
    assert after.canary == CANARY
    assert after.jobs == before.jobs
    assert after.tasks <= known, "a refused request left a task"
