"""§1: which paths and methods there are, and what everything else is answered."""

from __future__ import annotations

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.binding import requirement

_UNKNOWN_INSIDE = ("/status/f7t-nope", "/utilities/f7t-nope", "/compute/f7t-nope")
_WRONG_METHODS = (("POST", "/utilities/ls"), ("GET", "/utilities/mkdir"), ("GET", "/utilities/rm"))


def _invalid(answer: Answer) -> None:
    answer.expect(400)
    if answer.json != {"message": "Invalid"}:
        raise Unexpected('exactly {"message":"Invalid"}', answer.excerpt)


def _lowered(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers}


@requirement("F7T-ERR-001")
def test_unknown_prefix(api: Api) -> None:
    for path in ("/", "/f7t-nope", "/f7t-nope/ls", "/certificator", "/status"):
        _invalid(api.call("GET", path, contract=False))


@requirement("F7T-ERR-002")
def test_methods_that_are_not_published(api: Api) -> None:
    for method, path in (
        ("POST", "/status/systems"),
        ("PATCH", "/utilities/ls"),
        ("PUT", "/compute/jobs"),
        ("DELETE", "/storage/xfer-external/upload"),
        ("PATCH", "/reservations"),
    ):
        _invalid(api.call(method, path))


@requirement("F7T-ERR-003")
def test_tasks_are_only_read(api: Api) -> None:
    for method, path in (
        ("POST", "/tasks"),
        ("PUT", "/tasks/IDONTEXIST"),
        ("DELETE", "/tasks/IDONTEXIST"),
        ("POST", "/tasks/expire/IDONTEXIST"),
    ):
        _invalid(api.call(method, path))


@requirement("F7T-ERR-004")
def test_unknown_path_inside(api: Api) -> None:
    for path in _UNKNOWN_INSIDE:
        api.get(path).expect(404)


@requirement("F7T-ERR-005")
def test_wrong_method_inside(api: Api) -> None:
    for method, path in _WRONG_METHODS:
        api.call(method, path).expect(405)


@requirement("F7T-ERR-006")
def test_json_instead_of_pages(api: Api) -> None:
    for method, path in (*(("GET", one) for one in _UNKNOWN_INSIDE), *_WRONG_METHODS):
        answer = api.call(method, path)
        if not isinstance(answer.json, dict) or not {"description", "message"} & answer.json.keys():
            raise Unexpected("an object with description or message", answer.excerpt)


@requirement("F7T-ERR-007")
def test_tasks_with_and_without_slash(api: Api) -> None:
    for path in ("/tasks", "/tasks/"):
        answer = api.call("GET", path, query={"tasks": "IDONTEXIST"}).expect(200)
        if answer.json.get("tasks") != {}:
            raise Unexpected("no task of an unknown id", answer.excerpt)


@requirement("F7T-ERR-008")
def test_reservations_with_and_without_slash(api: Api) -> None:
    for path in ("/reservations", "/reservations/"):
        answer = api.get(path).expect(200)
        if not isinstance(answer.json.get("success"), list):
            raise Unexpected("a list under success", answer.excerpt)


@requirement("F7T-ERR-009")
def test_reservations_are_deprecated(api: Api) -> None:
    api.get("/reservations").expect(200, header="Deprecation").expect(200, header="Sunset")


@requirement("F7T-ERR-010")
def test_preflight(anonymous: Api) -> None:
    asked = {
        "Origin": "https://portal.invalid",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "Authorization, X-Machine-Name",
    }
    answer = anonymous.call("OPTIONS", "/utilities/rename", headers=asked).expect(200, 204)
    got = _lowered(answer)
    allowed = got.get("access-control-allow-headers", "").lower()
    right = (
        got.get("access-control-allow-origin") == "*"
        and "PUT" in got.get("access-control-allow-methods", "")
        and {"authorization", "x-machine-name"} <= {one.strip() for one in allowed.split(",")}
        and "access-control-allow-credentials" not in got
    )
    if not right:
        raise Unexpected("permission for PUT with these headers from anywhere", str(got))


@requirement("F7T-ERR-011")
def test_answers_across_origins(api: Api) -> None:
    origin = {"Origin": "https://portal.invalid"}
    answer = api.call("GET", "/status/systems", headers=origin).expect(200)
    if _lowered(answer).get("access-control-allow-origin") != "*":
        raise Unexpected("Access-Control-Allow-Origin: *", str(answer.headers))


@requirement("F7T-ERR-012")
def test_documentation_needs_no_token(anonymous: Api) -> None:
    answer = anonymous.call("GET", "/docs")
    answer.expect(200, 301, 302, 307, 308)


@requirement("F7T-ERR-013")
def test_acknowledgement(api: Api) -> None:
    for service in ("utilities", "compute", "storage"):
        api.call("GET", f"/{service}/status", contract=False).expect(200, success="ack")
