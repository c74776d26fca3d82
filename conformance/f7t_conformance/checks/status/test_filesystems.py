"""S5, S6: the file systems and their state."""

from __future__ import annotations

from typing import Any

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.capabilities import Detected

_STATES = {("available", 200), ("not available", 400)}


def _filesystems(api: Api) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = api.get("/status/filesystems").expect(200).json["out"]
    return found


def _names(listed: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((one["name"], one["path"]) for one in listed)


@requirement("F7T-STAT-012")
def test_all(api: Api, detected: Detected) -> None:
    answer = api.get("/status/filesystems").expect(200, description="Filesystem information")
    missing = set(detected.capabilities.systems) - answer.json["out"].keys()
    if missing:
        raise Unexpected(f"file systems of {sorted(missing)}", answer.excerpt)


@requirement("F7T-STAT-013")
def test_state(api: Api) -> None:
    for one in (fs for listed in _filesystems(api).values() for fs in listed):
        if (one["status"], one["status_code"]) not in _STATES:
            raise Unexpected("a status with a status_code that belongs to it", str(one))
        if not all(isinstance(one.get(key), str) for key in ("name", "path", "description")):
            raise Unexpected("the texts name, path and description", str(one))


@requirement("F7T-STAT-014")
def test_one_system(api: Api) -> None:
    for system, listed in _filesystems(api).items():
        answer = api.get(f"/status/filesystems/{system}")
        answer.expect(200, description=f"Filesystem information for system {system}")
        if _names(answer.json["out"]) != _names(listed):
            raise Unexpected(f"the file systems {_names(listed)}", answer.excerpt)


@requirement("F7T-STAT-015")
def test_unknown_system(api: Api) -> None:
    api.get("/status/filesystems/f7t-no-such-system").expect(
        404,
        description="Filesystem information for system f7t-no-such-system",
        out="System 'f7t-no-such-system' doesn't exist",
    )


@requirement("F7T-STAT-016")
def test_available_means_listable(api: Api) -> None:
    for one in api.get(f"/status/filesystems/{api.system}").expect(200).json["out"]:
        answer = api.get("/utilities/ls", targetPath=one["path"], showhidden="true")
        listable = answer.status == 200 and bool(answer.json["output"])
        if (one["status"] == "available") is not listable:
            raise Unexpected(f"{one['path']}: as a listing of it says", f"{one['status']}")
