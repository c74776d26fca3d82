"""Directories on the cluster that a test has for itself: jobs make what no API call makes."""

from __future__ import annotations

import posixpath
from typing import Any

from tests.support.live import Live, until

DONE = "f7t-done"


def entries(live: Live, path: str, *, user: str = "test1", **options: str) -> list[dict[str, str]]:
    """What `ls` shows; raises AssertionError if it is refused."""
    answer = live.get("/utilities/ls", user=user, params={"targetPath": path, **options})
    assert answer.status_code == 200, answer.text
    output: list[dict[str, str]] = answer.json()["output"]
    return output


def names(live: Live, path: str, *, user: str = "test1", **options: str) -> list[str]:
    return [entry["name"] for entry in entries(live, path, user=user, **options)]


def content(live: Live, path: str, *, user: str = "test1") -> bytes:
    answer = live.get("/utilities/download", user=user, params={"sourcePath": path})
    assert answer.status_code == 200, answer.text
    return answer.content


def run(live: Live, commands: str, *, user: str = "test1", **fields: Any) -> str:
    """Run bash commands as a job; the directory in which they ran, once they are through."""
    script = f"#!/bin/bash\n#SBATCH --time=5\n{commands}\ntouch {DONE}\n"
    answer = live.post(
        "/compute/jobs", user=user, files={"file": ("job.sh", script.encode())}, data=fields
    )
    task = live.settled(answer, user=user)
    assert task["status"] == "200", task
    directory = posixpath.dirname(task["data"]["job_file"])

    def finished() -> str | None:
        return directory if DONE in names(live, directory, user=user) else None

    return until(finished, what=f"job of {directory}")
