"""Bad input as a table: what is sent, and the whole of what must come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.firecrest.services.wire import Request, send
from tests.support.live import Live

USER = "test2"
"""The one who sends nonsense: nobody else's tests look at what this user has."""

HOME = f"/home/{USER}"
FORBIDDEN = "<>|;\"'&\\()`" + "".join(map(chr, range(0x20)))
SINGULAR = {"X-Machine-Does-Not-Exist": "Machine does not exist"}
BOTH = {**SINGULAR, "X-Machine-Does-Not-Exists": "Machine does not exists"}
NO_MACHINE = {"description": "No machine name given"}
INVALID = {"message": "Invalid"}
NOT_FOUND = {"description": "The requested URL was not found"}
NOT_ALLOWED = {"message": "Method not allowed"}
DENIED_PATH = {"X-Permission-Denied": "User does not have permissions to access path"}
DENIED = {"X-Permission-Denied": "User does not have permissions to access machine or path"}


@dataclass(frozen=True)
class Case:
    """A request that must be refused, and how."""

    name: str
    request: Request
    status: int
    body: Mapping[str, Any] | None
    """None where an answer has no body (HEAD)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    user: str | None = USER


def all_cases(*groups: Iterable[Case]) -> list[Case]:
    """The table of one test; the names must be unique."""
    cases = [case for group in groups for case in group]
    names = [case.name for case in cases]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)
    return cases


def name_of(case: Case) -> str:
    """The case's id in the test's name."""
    return case.name


def check(live: Live, case: Case) -> None:
    """Send it and compare status, body and error headers, all of them exactly."""
    answer = send(live, case.request, user=case.user)
    got = (answer.status, answer.json() if case.body is not None else None, answer.errors)
    assert got == (case.status, case.body, case.headers)


def machines(
    name: str, request: Request, *, description: str, both: bool = False
) -> Iterator[Case]:
    """Missing, empty and unknown machine."""
    unknown = {
        "description": description,
        "error": "Machine does not exists" if both else "Machine does not exist",
    }
    for value in (None, ""):
        changed = request.with_header("X-Machine-Name", value)
        yield Case(f"{name}: machine {value!r}", changed, 400, NO_MACHINE)
    for value in (
        "nowhere",
        "Cluster",
        "cluster;cluster",
        "cluster,cluster",
        "../cluster",
        "clüster",
    ):
        changed = request.with_header("X-Machine-Name", value)
        headers = BOTH if both else SINGULAR
        yield Case(f"{name}: machine {value!r}", changed, 400, unknown, headers)


Build = Callable[[str], Request]


def validated(
    name: str, parameter: str, build: Build, absent: Request, *, description: str
) -> Iterator[Case]:
    """Contract §3.2 for one parameter: absent, empty, every forbidden character."""

    def refused(verdict: str) -> dict[str, str]:
        return {"description": description, "error": f"'{parameter}' {verdict}"}

    yield Case(f"{name}: no {parameter}", absent, 400, refused("not specified"))
    yield Case(f"{name}: empty {parameter}", build(""), 400, refused("is empty"))
    yield from forbidden(f"{name}: {parameter}", build, refused("has invalid char"))


def forbidden(name: str, build: Build, body: Mapping[str, Any]) -> Iterator[Case]:
    """Every forbidden character, and what an attacker would make of them."""
    attempts = [
        *(f"{HOME}/a{character}b" for character in FORBIDDEN),
        f"{HOME}/$(touch {HOME}/executed)",
        f"{HOME}/`touch {HOME}/executed`",
        f"{HOME}; touch {HOME}/executed",
        f"{HOME}' && touch {HOME}/executed #",
        f"{HOME}\n touch {HOME}/executed",
        f"{HOME}\0",
    ]
    for text in attempts:
        yield Case(f"{name} {text!r}", build(text), 400, body)


def methods(path: str, allowed: str, published: str) -> Iterator[Case]:
    """Methods that the path does not know (405), and that its prefix does not let in (400)."""
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"):
        if method in allowed.split():
            continue
        status, body = (405, NOT_ALLOWED) if method in published.split() else (400, INVALID)
        shown = None if method == "HEAD" else body
        yield Case(f"{method} {path}", Request(method, path), status, shown)


def unknown_paths(*paths: str) -> Iterator[Case]:
    """Unknown inside a published prefix."""
    for path in paths:
        yield Case(f"GET {path}", Request("GET", path), 404, NOT_FOUND)


def unpublished(*paths: str) -> Iterator[Case]:
    """Not routed at all: the token first, then `Invalid`."""
    for path in paths:
        yield Case(f"GET {path}", Request("GET", path), 400, INVALID)
        yield Case(
            f"GET {path} without token",
            Request("GET", path),
            401,
            {"message": "Unauthorized"},
            user=None,
        )
