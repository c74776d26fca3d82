"""`/utilities` that change files, with bad input: the contract's error, and nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.firecrest.services.cases import (
    HOME,
    Build,
    Case,
    all_cases,
    check,
    forbidden,
    machines,
    methods,
    name_of,
    validated,
)
from tests.firecrest.services.wire import Part, Request, form, multipart
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

ABSENT = f"{HOME}/absent/x"
METHODS = {
    "mkdir": "POST",
    "rename": "PUT",
    "copy": "POST",
    "symlink": "POST",
    "rm": "DELETE",
    "chmod": "PUT",
    "chown": "PUT",
    "compress": "POST",
    "extract": "POST",
}
FIELDS = {
    "mkdir": {"targetPath": ABSENT},
    "rename": {"sourcePath": ABSENT, "targetPath": ABSENT},
    "copy": {"sourcePath": ABSENT, "targetPath": ABSENT},
    "symlink": {"targetPath": "x", "linkPath": ABSENT},
    "rm": {"targetPath": ABSENT},
    "chmod": {"targetPath": ABSENT, "mode": "640"},
    "chown": {"targetPath": ABSENT, "owner": "test2", "group": "test2"},
    "compress": {"sourcePath": ABSENT, "targetPath": ABSENT},
    "extract": {"sourcePath": f"{ABSENT}.zip", "targetPath": ABSENT, "extension": "auto"},
}
VALIDATED = ("sourcePath", "targetPath", "mode")
"""Parameters with the plain rule of contract §3.2."""


def request(operation: str, **changes: str) -> Request:
    return form(METHODS[operation], f"/utilities/{operation}", **FIELDS[operation] | changes)


def without(operation: str, parameter: str) -> Request:
    kept = {name: value for name, value in FIELDS[operation].items() if name != parameter}
    return form(METHODS[operation], f"/utilities/{operation}", **kept)


def build(operation: str, parameter: str) -> Build:
    return lambda text: request(operation, **{parameter: text})


def failure(operation: str, error: str, description: str = "") -> dict[str, str]:
    return {"description": description or f"Error on {operation} operation", "error": error}


def _every_operation() -> Iterator[Case]:
    for operation, method in METHODS.items():
        description = f"Error on {operation} operation"
        yield from machines(operation, request(operation), description=description)
        yield from methods(f"/utilities/{operation}", method, "GET POST PUT DELETE")
        for parameter in FIELDS[operation]:
            if parameter in VALIDATED:
                yield from validated(
                    operation,
                    parameter,
                    build(operation, parameter),
                    without(operation, parameter),
                    description=description,
                )
        yield from _not_in_a_form(operation, method)


def _not_in_a_form(operation: str, method: str) -> Iterator[Case]:
    path = f"/utilities/{operation}"
    first = next(iter(FIELDS[operation]))
    body = failure(operation, f"'{first}' not specified")
    in_query = request(operation)
    assert isinstance(in_query.body, bytes)
    target = f"{path}?{in_query.body.decode()}"
    yield Case(f"{operation}: in the query", Request(method, target), 400, body)
    json = Request(method, path, body=b'{"targetPath": "/home/test2"}')
    json = json.with_header("Content-Type", "application/json")
    yield Case(f"{operation}: JSON", json, 400, body)
    files = (Part(name, text.encode(), "f") for name, text in FIELDS[operation].items())
    yield Case(f"{operation}: as files", multipart(method, path, *files), 400, body)


def _links() -> Iterator[Case]:
    def refused(verdict: str) -> dict[str, str]:
        return failure("symlink", f"'linkPath' value {verdict}", "Failed to create symlink")

    absent = without("symlink", "linkPath")
    yield Case("symlink: no linkPath", absent, 400, refused("not specified"))
    empty = request("symlink", linkPath="")
    yield Case("symlink: empty linkPath", empty, 400, refused("is empty"))
    wrong = refused("has invalid char")
    yield from forbidden("symlink: linkPath", build("symlink", "linkPath"), wrong)


def _owners() -> Iterator[Case]:
    nobody = failure("chown", "group or owner must be set", "Error in chown operation")
    for name, fields in {
        "no owner, no group": {},
        "empty owner": {"owner": ""},
        "empty group": {"group": ""},
        "both empty": {"owner": "", "group": ""},
    }.items():
        asked = form("PUT", "/utilities/chown", targetPath=ABSENT, **fields)
        yield Case(f"chown: {name}", asked, 400, nobody)
    for parameter in ("owner", "group"):
        wrong = failure("chown", f"'{parameter}' has invalid char")
        yield from forbidden(f"chown: {parameter}", build("chown", parameter), wrong)
    unknown = {"X-Invalid-Owner": "owner is an invalid user"}
    two = failure("chown", "chown: invalid user: 'test2:test1'")
    asked = form("PUT", "/utilities/chown", targetPath=ABSENT, owner="test2:test1")
    yield Case("chown: owner and group as owner", asked, 400, two, unknown)


def _formats() -> Iterator[Case]:
    def refused(source: str) -> dict[str, str]:
        return failure("extract", f"Unsupported file format in {source}.")

    for name in ("extension", "type"):
        for text in (".rar", ".xz", "x", "..zip", "zip ", "$(id)", "a'b", "é"):
            fields = {"sourcePath": ABSENT, "targetPath": HOME, name: text}
            asked = form("POST", "/utilities/extract", **fields)
            yield Case(f"extract: {name} {text!r}", asked, 400, refused(ABSENT))
    for source in (ABSENT, f"{ABSENT}.zip/", f"{ABSENT}.ziP.old", f"{HOME}/日本"):
        for fields in ({}, {"extension": "auto"}, {"type": "auto"}, {"extension": ""}):
            asked = form("POST", "/utilities/extract", sourcePath=source, targetPath=HOME, **fields)
            name = f"extract: {source} {fields}"
            yield Case(name, asked, 400, refused(source))


CASES = all_cases(_every_operation(), _links(), _owners(), _formats())


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)
