"""Calls about jobs, and what their settled tasks say."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.support.live import Live


def submit(live: Live, script: str, *, user: str = "test1", **fields: str) -> dict[str, Any]:
    """`data` of the settled submission."""
    answer = live.post(
        "/compute/jobs/upload", user=user, files={"file": ("job.sh", script)}, data=fields
    )
    task = live.settled(answer, user=user)
    assert task["status"] == "200", task
    data: dict[str, Any] = task["data"]
    return data


def ask(live: Live, path: str, *, user: str = "test1", **parameters: str) -> dict[str, Any]:
    """The settled task of a query."""
    return live.settled(live.get(path, user=user, params=parameters), user=user)


def cancel(live: Live, ids: str, *, user: str = "test1") -> dict[str, Any]:
    answer = live.delete(f"/compute/jobs/{quote(ids)}", user=user)
    assert answer.status_code == 200, answer.text
    return live.settled(answer, user=user)


def queued(live: Live, *, user: str = "test1", **parameters: str) -> list[str]:
    data = ask(live, "/compute/jobs", user=user, **parameters)["data"]
    return [job["jobid"] for job in data.values()]
