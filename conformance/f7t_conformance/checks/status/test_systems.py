"""S3, S4: the systems and their state."""

from __future__ import annotations

import re
from typing import Any

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.capabilities import Detected

_STATES = {
    "available": re.compile(r"System ready|Filesystem /\S.* is not available"),
    "not available": re.compile(
        r"System does not accept connections|System down|Filesystem /\S.* is not available"
    ),
}


def _systems(api: Api) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = api.get("/status/systems").expect(200).json["out"]
    return listed


@requirement("F7T-STAT-001")
def test_systems_are_listed(api: Api) -> None:
    answer = api.get("/status/systems").expect(200)
    names = [one["system"] for one in answer.json["out"]]
    if api.system not in names:
        raise Unexpected(f"an entry of {api.system}", answer.excerpt)


@requirement("F7T-STAT-002")
def test_envelope(api: Api) -> None:
    answer = api.get("/status/systems").expect(
        200, description="List of systems with status and description."
    )
    for one in answer.json["out"]:
        if not all(isinstance(one.get(key), str) for key in ("system", "status", "description")):
            raise Unexpected("the texts system, status and description", str(one))


@requirement("F7T-STAT-003")
def test_status_words(api: Api) -> None:
    for one in _systems(api):
        words = _STATES.get(one["status"])
        if words is None or not words.fullmatch(one["description"]):
            raise Unexpected("a status with a description that belongs to it", str(one))


@requirement("F7T-STAT-004")
def test_one_system(api: Api, detected: Detected) -> None:
    for name in detected.capabilities.systems:
        answer = api.get(f"/status/systems/{name}").expect(200, description="System information")
        one = answer.json["out"]
        words = _STATES.get(one["status"])
        if one["system"] != name or words is None or not words.fullmatch(one["description"]):
            raise Unexpected(f"the entry of {name}", answer.excerpt)


@requirement("F7T-STAT-005")
def test_unknown_system(api: Api) -> None:
    answer = api.get("/status/systems/f7t-no-such-system")
    answer.expect(404, description="System does not exists.")


@requirement("F7T-STAT-006")
def test_available_means_usable(api: Api) -> None:
    for one in _systems(api):
        if one["status"] == "available":
            machine = {"X-Machine-Name": one["system"]}
            root = api.call("GET", "/utilities/ls", query={"targetPath": "/"}, headers=machine)
            root.expect(200)


@requirement("F7T-STAT-024")
def test_no_machine_is_needed(api: Api) -> None:
    for path in ("/status/parameters", "/status/systems"):
        for machine in (None, "f7t-no-such-machine"):
            api.call("GET", path, headers={"X-Machine-Name": machine}).expect(200)
