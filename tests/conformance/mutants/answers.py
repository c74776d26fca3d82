"""Faults of envelopes, headers, status codes and of who may call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from f7t import auth
from f7t.http import limits, parameters
from f7t.tasks.model import Task
from tests.conformance.mutants.altering import Altered, Asked, Reply, answering, asking
from tests.conformance.mutants.model import Layer, Mutant, patching

_ANY = ".*"


def _dropping(header: str) -> Layer:
    return answering(_ANY, _ANY, lambda asked, reply: reply.without(header))


def _turning(
    method: str, path: str, old: int, new: int, header: str = "", body: object = None
) -> Layer:
    """Another status code (with `header` only where that is set), perhaps another body."""

    def change(asked: Asked, reply: Reply) -> Reply:
        if reply.status != old or (header and not reply.header(header)):
            return reply
        changed = replace(reply.without(header) if header else reply, status=new)
        return changed if body is None else changed.with_json(body)

    return answering(method, path, change)


def _lower(asked: Asked, reply: Reply) -> Reply:
    return replace(reply, headers=[(bytes.lower(name), value) for name, value in reply.headers])


def _html(asked: Asked, reply: Reply) -> Reply:
    page = b"<!doctype html><title>404 Not Found</title><h1>Not Found</h1>"
    return reply.with_body(page, b"text/html") if reply.status == 404 else reply


def _validated_by_framework(asked: Asked, reply: Reply) -> Reply:
    if reply.status != 400 or b"not specified" not in reply.body:
        return reply
    detail = [{"type": "missing", "loc": ["query", "targetPath"], "msg": "Field required"}]
    return replace(reply.with_json({"detail": detail}), status=422)


def _crash(asked: Asked, reply: Reply) -> Reply:
    if reply.status != 400 or b"has invalid char" not in reply.body:
        return reply
    return replace(reply.with_json({"error": "Internal Server Error"}), status=500)


def _redirect(asked: Asked, reply: Reply) -> Reply:
    return replace(reply.with_body(b""), status=307, headers=[(b"Location", b"/tasks")])


def _first_machine(asked: Asked) -> Asked:
    if any(name == b"x-machine-name" for name, _ in asked.headers):
        return asked
    return replace(asked, headers=[*asked.headers, (b"x-machine-name", b"cluster")])


def _other_texts(asked: Asked, reply: Reply) -> Reply:
    return reply.with_json({"detail": "Not authenticated"}) if reply.status == 401 else reply


def _without_description(asked: Asked, reply: Reply) -> Reply:
    body = reply.json
    if reply.status != 200 or not isinstance(body, dict):
        return reply
    return reply.with_json({key: value for key, value in body.items() if key != "description"})


def _only_given(value: str | None) -> str:
    return "not specified" if value is None else "" if value else "is empty"


def _unsigned(self: auth.TokenVerifier, token: Any) -> Any:
    async def accepted() -> None:
        return None

    return accepted()


def _unlimited(self: limits.BodyLimit, scope: Any, receive: Any, send: Any) -> Any:
    return self._app(scope, receive, send)


def _one_user(claims: Any, role: str) -> str:
    return "service-account-firecrest-sample"


_UTILITIES = "/utilities/.*"

MUTANTS = (
    Mutant(
        "error-header-dropped",
        "failures of paths come without X-Invalid-Path",
        _dropping("X-Invalid-Path"),
        ("F7T-ERR-05",),
    ),
    Mutant(
        "headers-in-lower-case",
        "names of all headers are in lower case, as frameworks send them",
        lambda app: Altered(app, answer=_lower),
        ("F7T-ERR-05",),
    ),
    Mutant(
        "missing-path-404",
        "a missing path is 404 instead of 400",
        answering(
            _ANY,
            _UTILITIES,
            lambda asked, reply: (
                replace(reply, status=404) if reply.header("X-Invalid-Path") else reply
            ),
        ),
        ("F7T-ERR-05",),
    ),
    Mutant(
        "bad-input-500",
        "a forbidden character crashes the server",
        answering(_ANY, _ANY, _crash),
        ("F7T-ERR-031",),
    ),
    Mutant(
        "html-404",
        "unknown resources are answered with a page of HTML",
        answering(_ANY, _ANY, _html),
        ("F7T-ERR-00",),
    ),
    Mutant(
        "redirect-of-tasks",
        "/tasks/ redirects to /tasks",
        answering("GET", "/tasks/", _redirect),
        ("F7T-ERR-007", "F7T-TASK-017"),
    ),
    Mutant(
        "framework-validation-422",
        "missing parameters are answered by the framework",
        answering(_ANY, _ANY, _validated_by_framework),
        ("F7T-ERR-031", "F7T-UTIL-26"),
    ),
    Mutant(
        "refusal-in-other-words",
        "401 has the framework's body",
        answering(_ANY, _ANY, _other_texts),
        ("F7T-AUTH-00",),
    ),
    Mutant(
        "forbidden-instead-of-401",
        "a missing token is 403",
        _turning(_ANY, _ANY, 401, 403),
        ("F7T-AUTH-00",),
    ),
    Mutant(
        "method-404",
        "a method that a path does not have is 404",
        _turning(_ANY, _ANY, 405, 404),
        ("F7T-ERR-00",),
    ),
    Mutant(
        "description-missing",
        "answers of utilities have no description",
        answering(_ANY, _UTILITIES, _without_description),
        ("F7T-ERR-070",),
    ),
    Mutant(
        "unknown-machine-200",
        "utilities answer 200 for a machine that is not there",
        _turning(_ANY, _ANY, 400, 200, "X-Machine-Does-Not-Exist"),
        ("F7T-ERR-04",),
    ),
    Mutant(
        "plural-header-missing",
        "X-Machine-Does-Not-Exists is missing, which clients know",
        _dropping("X-Machine-Does-Not-Exists"),
        ("F7T-ERR-05",),
    ),
    Mutant(
        "machine-header-ignored",
        "without X-Machine-Name the first machine is taken",
        asking(_ANY, "/(utilities|compute|reservations)/?.*", _first_machine),
        ("F7T-ERR-045",),
    ),
    Mutant(
        "path-not-checked",
        "forbidden characters are accepted in every parameter",
        patching(parameters, "verdict", _only_given),
        ("F7T-ERR-031",),
    ),
    Mutant(
        "body-limit-not-enforced",
        "request bodies of any size are taken",
        patching(limits.BodyLimit, "__call__", _unlimited),
        ("F7T-ERR-02",),
    ),
    Mutant(
        "documentation-needs-a-token",
        "/docs is refused without a token",
        _turning("GET", "/docs.*", 200, 401, body={"message": "Unauthorized"}),
        ("F7T-ERR-012",),
    ),
    Mutant(
        "no-cors",
        "answers cannot be read across origins",
        _dropping("Access-Control-Allow-Origin"),
        ("F7T-ERR-01",),
    ),
    Mutant(
        "signature-not-verified",
        "anybody can make a token",
        patching(auth.TokenVerifier, "_check_signature", _unsigned),
        ("F7T-AUTH-01",),
    ),
    Mutant(
        "issuer-not-checked",
        "the issuer of a token is not looked at",
        patching(auth.TokenVerifier, "_check_issuer", lambda self, token: None),
        ("F7T-AUTH-00", "F7T-AUTH-01"),
    ),
    Mutant(
        "expiry-ignored",
        "an expired token is as good as a fresh one",
        patching(auth, "_check_times", lambda claims, now: None),
        ("F7T-AUTH-014",),
    ),
    Mutant(
        "one-user-for-all",
        "every token counts as the same user",
        patching(auth, "user_of", _one_user),
        ("F7T-AUTH-022", "F7T-SEC-01"),
    ),
    Mutant(
        "foreign-task-readable",
        "tasks do not look at their owner",
        patching(Task, "owned_by", lambda self, user: True),
        ("F7T-TASK-015", "F7T-SEC-017"),
    ),
    Mutant(
        "unknown-system-200",
        "the state of an unknown system is 200",
        _turning("GET", "/status/systems/.*", 404, 200),
        ("F7T-STAT-005",),
    ),
    Mutant(
        "state-as-boolean",
        "systems are up or not, in other words than available",
        answering(
            "GET",
            "/status/systems.*",
            lambda asked, reply: reply.with_body(reply.body.replace(b'"available"', b'"up"')),
        ),
        ("F7T-STAT-00",),
    ),
    Mutant(
        "limit-announced-wrong",
        "the announced limit of utilities is ten times the real one",
        answering(
            "GET",
            "/status/parameters",
            lambda asked, reply: reply.with_body(
                reply.body.replace(b'"value":"5",', b'"value":"50",')
            ),
        ),
        ("F7T-ERR-02", "F7T-STAT-018"),
    ),
    Mutant(
        "parameters-as-numbers",
        "values of parameters are numbers",
        answering(
            "GET",
            "/status/parameters",
            lambda asked, reply: reply.with_body(reply.body.replace(b'"value":"5"', b'"value":5')),
        ),
        ("F7T-STAT-01",),
    ),
)
