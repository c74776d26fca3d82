"""`/status/filesystems` of other tables than the testbuild's (status.md S5, S6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.firecrest.services.places import run
from tests.firecrest.services.variants import Variant, gateway_with
from tests.support.live import Live

BROKEN = "Error in filesystem configuration"


def _state(name: str, path: str, code: int) -> dict[str, Any]:
    return {
        "name": name,
        "path": path,
        "description": "",
        "status": "available" if code == 200 else "not available",
        "status_code": code,
    }


@pytest.fixture(scope="module")
def places(live: Live) -> dict[str, str]:
    """Directories of test1 that are empty, full and closed."""
    base = run(live, "mkdir empty full closed; touch full/.hidden; chmod 0 closed")
    return {name: f"{base}/{name}" for name in ("empty", "full", "closed")}


@pytest.fixture(scope="module")
def variant(
    live: Live, places: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Variant]:
    """The cluster with odd file systems, and a system where nobody listens."""

    def change(settings: dict[str, Any]) -> None:
        [cluster] = settings["systems"]
        dark = {**cluster, "name": "dark", "port": 1}
        dark["filesystems"] = [{"name": "HOME", "path": "/home"}]
        cluster["filesystems"] = [
            *({"name": name, "path": path} for name, path in places.items()),
            {"name": "file", "path": "/etc/hosts"},
        ]
        settings["systems"].append(dark)

    with gateway_with(live, tmp_path_factory.mktemp("odd"), change) as other:
        yield other


def test_empty_closed_and_no_directory(variant: Variant, places: dict[str, str]) -> None:
    expected = [
        _state("empty", places["empty"], 400),
        _state("full", places["full"], 200),
        _state("closed", places["closed"], 400),
        _state("file", "/etc/hosts", 400),
    ]
    one = variant.get("/status/filesystems/cluster", machine=None).json()["out"]
    assert one == expected
    out = variant.get("/status/filesystems", machine=None).json()["out"]
    assert out == {"cluster": expected, "dark": [_state("HOME", "/home", 400)]}


def test_it_is_about_what_the_caller_sees(variant: Variant, places: dict[str, str]) -> None:
    """The directories are in the home of test1, which is closed to others."""
    out = variant.get("/status/filesystems/cluster", user="test4", machine=None).json()["out"]
    assert [one["status_code"] for one in out] == [400] * 4


def test_a_system_that_is_away(variant: Variant) -> None:
    """The answer as a whole stays 200."""
    answer = variant.get("/status/filesystems/dark", machine=None)
    assert (answer.status_code, answer.json()["out"]) == (200, [_state("HOME", "/home", 400)])


def test_a_broken_table(live: Live, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An entry without a path stops nothing but the page about it."""

    def change(settings: dict[str, Any]) -> None:
        [cluster] = settings["systems"]
        whole = {**cluster, "name": "whole", "filesystems": [{"name": "HOME", "path": "/home"}]}
        cluster["filesystems"].append({"name": "ARCHIVE"})
        settings["systems"].append(whole)

    with gateway_with(live, tmp_path_factory.mktemp("broken"), change) as variant:
        everything = variant.get("/status/filesystems", machine=None)
        assert (everything.status_code, everything.json()) == (
            200,
            {"description": "Filesystem information", "out": BROKEN},
        )
        one = variant.get("/status/filesystems/cluster", machine=None)
        assert (one.status_code, one.json()["out"]) == (200, BROKEN)
        good = variant.get("/status/filesystems/whole", machine=None).json()["out"]
        assert good == [_state("HOME", "/home", 200)]
        system = variant.get("/status/systems/cluster", machine=None).json()["out"]
        assert system["description"] == "Filesystem /project is not available"
