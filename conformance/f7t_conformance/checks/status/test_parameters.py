"""S7: what a client learns about limits and versions."""

from __future__ import annotations

from typing import Any

from packaging.version import InvalidVersion, Version

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement


def _groups(api: Api) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = api.get("/status/parameters").expect(200).json["out"]
    return groups


def _record(api: Api, group: str, name: str) -> dict[str, Any]:
    for one in _groups(api).get(group, []):
        if one["name"] == name:
            return one
    raise Unexpected(f"{name} in the group {group}", "it is not there")


def _number(api: Api, group: str, name: str, unit: str) -> None:
    one = _record(api, group, name)
    try:
        positive = isinstance(one["value"], str) and float(one["value"]) > 0
    except ValueError:
        positive = False
    if not positive or one["unit"] != unit:
        raise Unexpected(f"{name}: a positive number as text, unit {unit}", str(one))


@requirement("F7T-STAT-017")
def test_envelope(api: Api) -> None:
    answer = api.get("/status/parameters").expect(200, description="Firecrest's parameters")
    records = [one for group in answer.json["out"].values() for one in group]
    if not records or not all({"name", "value", "unit"} <= one.keys() for one in records):
        raise Unexpected("records with name, value and unit", answer.excerpt)


@requirement("F7T-STAT-018")
def test_utilities(api: Api) -> None:
    _number(api, "utilities", "UTILITIES_MAX_FILE_SIZE", "MB")
    _number(api, "utilities", "UTILITIES_TIMEOUT", "seconds")


@requirement("F7T-STAT-019")
def test_storage(api: Api) -> None:
    _record(api, "storage", "OBJECT_STORAGE")
    _number(api, "storage", "STORAGE_TEMPURL_EXP_TIME", "seconds")
    _number(api, "storage", "STORAGE_MAX_FILE_SIZE", "MB")


@requirement("F7T-STAT-020")
def test_filesystems(api: Api) -> None:
    given = {
        one["system"]: sorted(one["mounted"])
        for one in _record(api, "storage", "FILESYSTEMS")["value"]
    }
    listed = api.get("/status/filesystems").expect(200).json["out"]
    wanted = {system: sorted(fs["path"] for fs in found) for system, found in listed.items()}
    if given != wanted:
        raise Unexpected(f"FILESYSTEMS {wanted}", str(given))


@requirement("F7T-STAT-021")
def test_version(api: Api) -> None:
    value = str(_record(api, "general", "FIRECREST_VERSION")["value"])
    try:
        Version(value)
    except InvalidVersion:
        raise Unexpected("a version that PEP 440 knows", repr(value)) from None


@requirement("F7T-STAT-022")
def test_workload_manager(api: Api) -> None:
    one = _record(api, "compute", "WORKLOAD_MANAGER")
    if not one["value"]:
        raise Unexpected("a name", str(one))


@requirement("F7T-STAT-023")
def test_descriptions(api: Api) -> None:
    for one in (record for group in _groups(api).values() for record in group):
        if not one.get("description"):
            raise Unexpected(f"a description of {one['name']}", str(one))
