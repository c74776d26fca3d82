"""S1, S2: the services and their state."""

from __future__ import annotations

from typing import Any

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement


def _services(api: Api) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = api.get("/status/services").expect(200).json["out"]
    return listed


def _consistent(one: dict[str, Any]) -> bool:
    code = one.get("status_code")
    if type(code) is not int:
        return False
    if one["status"] == "available":
        return code == 200 and one["description"] == "server up & flask running"
    return one["status"] == "not available" and code != 200


@requirement("F7T-STAT-007")
def test_services_are_listed(api: Api) -> None:
    answer = api.get("/status/services").expect(
        200, description="List of services with status and description."
    )
    if not answer.json["out"]:
        raise Unexpected("at least one service", answer.excerpt)
    for one in answer.json["out"]:
        if not all(isinstance(one.get(key), str) for key in ("service", "status", "description")):
            raise Unexpected("the texts service, status and description", str(one))


@requirement("F7T-STAT-008")
def test_names(api: Api) -> None:
    missing = {"utilities", "compute", "tasks", "storage"} - {
        one["service"] for one in _services(api)
    }
    if missing:
        raise Unexpected("utilities, compute, tasks and storage", f"{sorted(missing)} are missing")


@requirement("F7T-STAT-009")
def test_state(api: Api) -> None:
    for one in _services(api):
        if not _consistent(one):
            raise Unexpected("status, status_code and description that agree", str(one))


@requirement("F7T-STAT-010")
def test_one_service(api: Api) -> None:
    for listed in _services(api):
        answer = api.get(f"/status/services/{listed['service']}")
        answer.expect(200, service=listed["service"])
        if not {"status", "description"} <= answer.json.keys():
            raise Unexpected("the keys status and description", answer.excerpt)


@requirement("F7T-STAT-011")
def test_unknown_service(api: Api) -> None:
    answer = api.get("/status/services/f7t-no-such-service")
    answer.expect(404, description="Service does not exists", status_code=404)
