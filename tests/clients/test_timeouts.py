"""A tool that needs too long, a transfer that fails: what the clients make of it.

The time-outs are true ones: the gateway's limits are short, and the person's `tar` is slow on the
login node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.running import Run
from tests.clients.runs import KINDS

TIMEOUT = {
    "class": "HeaderException",
    "status": 400,
    "headers": ["X-Timeout"],
}


def _impatient(settings: dict[str, Any]) -> None:
    settings["utilities"] = {**settings.get("utilities", {}), "timeout": 2}
    settings["storage"]["transfer_timeout"] = 0.001


RUNS = {"impatient": Run("impatient", change=_impatient)}


def is_timeout(failed: dict[str, Any] | None) -> bool:
    assert failed, "it was in time"
    known = {name: failed[name] for name in TIMEOUT}
    return known == TIMEOUT and "Command has finished with timeout signal" in failed["text"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", ["compress", "extract"])
def test_failures(told: Callable[[str], Any], kind: str, call: str) -> None:
    assert is_timeout(told("impatient")["seen"][kind]["archives"][call])


@pytest.mark.parametrize("kind", KINDS)
def test_jobs_instead(told: Callable[[str], Any], kind: str) -> None:
    """`fail_on_timeout=False`: the client submits a job, waits for its end and looks for errors."""
    archives = told("impatient")["seen"][kind]["archives"]
    assert archives["compressed"] is None
    if kind == "AsyncFirecrest":
        # Its own fault: after the job it looks at the answer that ran out of time once more.
        assert is_timeout(archives["extracted"])
    else:
        assert archives["extracted"] is None
    assert sorted(archives["entries"]) == ["slow", "slow/file"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", ["compress", "extract"])
def test_requests_of_the_fall_back(told: Callable[[str], Any], kind: str, call: str) -> None:
    made = {tuple(request) for request in told("impatient")["made"][f"{kind}.{call}"]}
    assert {
        ("POST", f"/utilities/{call}"),
        ("POST", f"/storage/xfer-internal/{call}"),
        ("GET", "/compute/jobs"),
        ("GET", "/utilities/head"),
    } <= made


@pytest.mark.parametrize("kind", KINDS)
def test_failed_transfers(told: Callable[[str], Any], kind: str) -> None:
    transfers = told("impatient")["seen"][kind]["transfers"]
    assert transfers["115"]["class"] == "StorageUploadException"
    assert transfers["118"]["class"] == "StorageDownloadException"
