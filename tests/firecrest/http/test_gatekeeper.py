"""Who comes in: token first, then the table of published paths and methods (contract §1, §2.1)."""

from __future__ import annotations

import json

import pytest

from f7t.http.gatekeeper import is_published
from tests.firecrest.http.wire import exchange, head

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE")
TABLE = {
    "/status/systems": {"GET"},
    "/status/": {"GET"},
    "/status": set(),
    "/utilities/ls": {"GET", "POST", "PUT", "DELETE"},
    "/utilities": set(),
    "/compute/jobs": {"GET", "POST", "DELETE"},
    "/compute": set(),
    "/storage/xfer-external/upload": {"GET", "POST"},
    "/storage": set(),
    "/tasks": {"GET"},
    "/tasks/": {"GET"},
    "/tasks/0123": {"GET"},
    "/tasksx": set(),
    "/reservations": {"GET", "POST", "PUT", "DELETE"},
    "/reservations/": {"GET", "POST", "PUT", "DELETE"},
    "/reservationsx": set(),
    "/": set(),
    "/metrics": set(),
    "/health/ready": set(),
    "/openapi.json": set(),
    "/STATUS/systems": set(),
    "//status/systems": set(),
    "/x/../status/systems": set(),
}
INVALID = {"message": "Invalid"}


@pytest.mark.parametrize("path", TABLE)
def test_published_paths_and_methods(path: str) -> None:
    assert {method for method in METHODS if is_published(path, method)} == TABLE[path]


REFUSED = [(path, method) for path in TABLE for method in METHODS if method not in TABLE[path]]


@pytest.mark.parametrize(("path", "method"), REFUSED)
async def test_what_is_not_published_is_invalid(port: int, path: str, method: str) -> None:
    answer = await exchange(port, head(method, path))
    assert answer.status == 400
    assert answer.header("Content-Type") == "application/json"
    if method != "HEAD":
        assert json.loads(answer.body) == INVALID


@pytest.mark.parametrize(("path", "method"), [(p, m) for p, m in REFUSED if m != "HEAD"])
async def test_without_token_everything_is_unauthorized(port: int, path: str, method: str) -> None:
    answer = await exchange(port, head(method, path, token=None))
    assert (answer.status, json.loads(answer.body)) == (401, {"message": "Unauthorized"})


async def test_published_path_without_token(port: int) -> None:
    answer = await exchange(port, head("GET", "/utilities/echo", token=None))
    assert (answer.status, json.loads(answer.body)) == (401, {"message": "Unauthorized"})


async def test_refused_token(port: int) -> None:
    answer = await exchange(port, head("GET", "/utilities/echo", token="abc"))
    assert (answer.status, json.loads(answer.body)) == (401, {"message": "Bad token; invalid JSON"})


async def test_a_refused_body_is_not_awaited(port: int) -> None:
    request = head(
        "POST", "/utilities/echo", token=None, Content_Length="100000", Expect="100-continue"
    )
    answer = await exchange(port, request)
    assert (answer.status, answer.interim) == (401, ())


@pytest.mark.parametrize("path", ["/docs", "/docs/openapi.json", "/docs/oauth2-redirect"])
async def test_documentation_needs_no_token(gateway: int, path: str) -> None:
    answer = await exchange(gateway, head("GET", path, token=None))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/docsx", 401),
        ("/Docs", 401),
        ("/status/systems?x=/docs", 401),
        ("/docs/../status/systems", 404),
        ("/docs%2f..%2fstatus%2fsystems", 404),
    ],
)
async def test_documentation_opens_nothing_else(gateway: int, path: str, status: int) -> None:
    answer = await exchange(gateway, head("GET", path, token=None))
    assert answer.status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_documentation_is_for_reading(gateway: int, method: str) -> None:
    answer = await exchange(gateway, head(method, "/docs"))
    assert (answer.status, json.loads(answer.body)) == (400, INVALID)


async def test_preflight_comes_before_the_token_check(gateway: int) -> None:
    request = head(
        "OPTIONS",
        "/compute/jobs",
        token=None,
        Origin="http://portal.example",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization,x-machine-name,x-task-id,content-type,accept",
    )
    answer = await exchange(gateway, request)
    assert answer.status == 200
    assert answer.header("Access-Control-Allow-Origin") == "*"
    assert answer.header("Access-Control-Max-Age") == "3600"
    assert answer.header("Access-Control-Allow-Credentials") is None
    allowed = answer.header("Access-Control-Allow-Methods")
    assert allowed is not None
    assert set(allowed.split(", ")) == {"GET", "POST", "PUT", "DELETE"}
    names = (answer.header("Access-Control-Allow-Headers") or "").lower()
    assert {"accept", "x-machine-name", "x-task-id", "authorization", "content-type"} <= set(
        names.split(", ")
    )


async def test_refusals_are_readable_by_a_page_of_another_origin(gateway: int) -> None:
    answer = await exchange(
        gateway, head("GET", "/status/systems", token=None, Origin="http://portal.example")
    )
    assert answer.status == 401
    assert answer.header("Access-Control-Allow-Origin") == "*"


async def test_options_without_preflight_headers_needs_a_token(gateway: int) -> None:
    answer = await exchange(gateway, head("OPTIONS", "/compute/jobs", token=None))
    assert answer.status == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/utilities/nope", 404),
        ("GET", "/utilities/ls/", 404),
        ("GET", "/utilities/", 404),
        ("POST", "/utilities/ls", 405),
        ("DELETE", "/utilities/download", 405),
        ("GET", "/compute/jobs/upload/x", 404),
        ("DELETE", "/compute/acct", 405),
        ("GET", "/storage/xfer-external/upload", 405),
        ("GET", "/reservations/nope/nope", 404),
        ("GET", "/tasks/0123/x", 404),
    ],
)
async def test_unknown_inside_a_published_prefix(
    gateway: int, method: str, path: str, status: int
) -> None:
    """JSON where a framework would answer a page of HTML."""
    answer = await exchange(gateway, head(method, path))
    assert answer.status == status
    assert answer.header("Content-Type") == "application/json"
    assert {"description", "message"} & json.loads(answer.body).keys()


@pytest.mark.parametrize("path", ["/tasks", "/tasks/"])
async def test_no_redirect_between_spellings(gateway: int, path: str) -> None:
    """Validation answers both, so that no store is needed here: neither is a 307."""
    answer = await exchange(gateway, head("GET", f"{path}?tasks="))
    assert (answer.status, json.loads(answer.body)) == (
        400,
        {"description": "Failed to retrieve tasks information", "error": "'tasks' is empty"},
    )
