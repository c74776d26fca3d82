"""What the clients do not even try, by the version that they were told or that the server tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.running import Run
from tests.clients.runs import CLIENTS, KINDS

AFTER_1_15 = [
    *("nodes", "partitions", "reservations", "compress", "extract"),
    *("submit_compress_job", "submit_extract_job", "list_files recursive"),
]


def _old(settings: dict[str, Any]) -> None:
    settings["firecrest_version"] = "1.13.0"
    settings["tasks"]["data_shape"] = "string"
    settings["systems"].append({"name": "gone", "host": "no-such-host.invalid"})


RUNS = {**CLIENTS, "old": Run("old_server", change=_old)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_that_is_set(told: Callable[[str], Any], kind: str, node_names: set[str]) -> None:
    sessions = told(kind)["seen"]["sessions"]
    assert sessions["refused"] == ["filesystems", "groups", *AFTER_1_15]
    assert set(sessions["not refused"]) == node_names


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_tells_none(told: Callable[[str], Any], kind: str) -> None:
    """Versions are told since 1.16.1: the client takes an older server for 1.15.0."""
    old = told("old")
    assert old["seen"][kind]["refused"] == AFTER_1_15
    assert ["GET", "/status/parameters"] in old["made"][f"{kind}.filesystems"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_expects_too_much(told: Callable[[str], Any], kind: str) -> None:
    failed = told("old")["seen"][kind]["told too much"]
    assert (failed["class"], failed["status"]) == ("NotFound", 404)


@pytest.mark.parametrize("kind", KINDS)
def test_links_of_old_servers(told: Callable[[str], Any], kind: str) -> None:
    """Up to 1.13.0 the data of a finished download is the link itself (D14)."""
    link = told("old")["seen"][kind]["link"]
    assert link.startswith("http://")
    assert f"/old-{kind}?" in link


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", ["list_files", "submit", "external_download", "all_reservations"])
def test_unreachable_machines(told: Callable[[str], Any], kind: str, call: str) -> None:
    failed = told("old")["seen"][kind]["unreachable"][call]
    assert (failed["class"], failed["status"], failed["headers"]) == (
        "HeaderException",
        400,
        ["X-Machine-Not-Available"],
    )
    assert "Machine is not available" in failed["text"]
