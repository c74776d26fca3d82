"""Reading `/utilities` with bad input: the contract's error, and nothing is written or executed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from tests.firecrest.services.cases import (
    DENIED_PATH,
    HOME,
    Case,
    all_cases,
    check,
    forbidden,
    machines,
    methods,
    name_of,
    validated,
)
from tests.firecrest.services.wire import Matching, Request, form, get
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

TEXT = Matching(".")
INVALID_PATH = {"X-Invalid-Path": "path is an invalid path"}
NOT_FOUND = {"X-Not-Found": "sourcePath not found"}
TOO_LONG = {"X-Error": "File name too long"}
NO_DIRECTORY = {"X-Not-A-Directory": "targetPath is not a directory"}
FILE = f"{HOME}/test_file.txt"
OPERATIONS = {
    "file": "file",
    "stat": "stat",
    "checksum": "checksum",
    "view": "fsize",
    "head": "head",
    "tail": "tail",
}
"""Name in the path and name in a refusal."""


def reading(operation: str, path: str | bytes, **more: str) -> Request:
    return get(f"/utilities/{operation}", targetPath=path, **more)


def failed(operation: str) -> dict[str, object]:
    return {"description": f"Error on {operation} operation", "error": TEXT}


def _paths(operation: str) -> Iterator[Case]:
    """What is wrong with the path itself."""
    refusal = failed(OPERATIONS[operation])
    source = operation in ("stat", "view")
    missing = NOT_FOUND if source else INVALID_PATH
    remote = failed("head") if operation == "view" else refusal

    def case(
        name: str, path: str | bytes, body: dict[str, object], headers: dict[str, str]
    ) -> Case:
        return Case(f"{operation}: {name}", reading(operation, path), 400, body, headers)

    for path in ("absent", "$HOME", "*", "é", "日本", "a  b ", "\x7f", "../../../absent"):
        yield case(f"missing {path!r}", f"{HOME}/{path}", refusal, missing)
    yield case("no UTF-8", f"{HOME}/".encode() + b"\xff", refusal, missing)
    yield case("tilde", "~", refusal, missing)
    yield case("an option", "--help", refusal, missing)
    yield case("standard input", "-", refusal, missing)
    yield case("long name", f"{HOME}/{'x' * 256}", remote, TOO_LONG)
    yield case("long path", "/x" * 2048, remote, TOO_LONG)
    yield case("somebody else's", "/home/test1/x", remote, DENIED_PATH)
    through = {"X-Not-A-Directory": f"{FILE}/x is not a directory"} if source else NO_DIRECTORY
    yield case("through a file", f"{FILE}/x", remote, through)
    if operation not in ("file", "stat"):
        directory = {"X-A-Directory": f"{HOME} is a directory"}
        if operation == "checksum":
            directory = {"X-A-Directory": "path is a directory, can't checksum directories"}
        yield case("directory", HOME, remote, directory)
        yield case("device", "/dev/zero", remote, {"X-Error": "Not a regular file"})


def _parameters(operation: str) -> Iterator[Case]:
    """Where the parameters are, and what they are called."""
    name = "sourcePath" if operation in ("stat", "view") else "targetPath"
    body = {
        "description": f"Error on {OPERATIONS[operation]} operation",
        "error": f"'{name}' not specified",
    }
    path = f"/utilities/{operation}"
    in_body = form("GET", path, targetPath=HOME)
    yield Case(f"{operation}: form instead of query", in_body, 400, body)
    yield Case(f"{operation}: other case", get(path, targetpath=HOME), 400, body)


def _sources(operation: str) -> Iterator[Case]:
    """`sourcePath` in place of `targetPath`."""
    description = f"Error on {OPERATIONS[operation]} operation"
    yield from validated(
        f"{operation} by source",
        "sourcePath",
        lambda path: get(f"/utilities/{operation}", sourcePath=path),
        get(f"/utilities/{operation}"),
        description=description,
    )
    both = get(f"/utilities/{operation}", targetPath="", sourcePath=FILE)
    body = {"description": description, "error": "'targetPath' is empty"}
    yield Case(f"{operation}: empty targetPath with sourcePath", both, 400, body)


def _counts(operation: str) -> Iterator[Case]:
    """How much is asked for, and what is looked for in it."""
    description = f"Error on {operation} operation"

    def refused(error: str) -> dict[str, str]:
        return {"description": description, "error": error}

    both = reading(operation, FILE, bytes="1", lines="1")
    error = refused("Can not specify both 'bytes' and 'lines'")
    yield Case(f"{operation}: bytes and lines", both, 400, error)
    for unit in ("bytes", "lines"):

        def build(text: str, unit: str = unit) -> Request:
            return reading(operation, FILE, **{unit: text})

        invalid = refused(f"'{unit}' has invalid char")
        yield from forbidden(f"{operation}: {unit}", build, invalid)
        message = f"{operation}: invalid number of {unit}: 'ten'"
        headers = {"X-Error": message}
        yield Case(f"{operation}: {unit} no number", build("ten"), 400, refused(message), headers)
    no_match = {"description": f"{description} with grep", "error": "pattern not found"}
    for text in ("no such text", "'; touch evil; '", f"$(touch {HOME}/evil)", "\n", "&& id", "\0"):
        request = reading(operation, FILE, grep=text)
        headers = {"X-Not-Found": "pattern not found"}
        yield Case(f"{operation}: grep {text!r}", request, 404, no_match, headers)


def _targets(operation: str) -> Iterator[Case]:
    yield from validated(
        operation,
        "targetPath",
        partial(reading, operation),
        get(f"/utilities/{operation}"),
        description=f"Error on {operation} operation",
    )


def _machines(operation: str) -> Iterator[Case]:
    description = f"Error on {OPERATIONS.get(operation, operation)} operation"
    return machines(operation, reading(operation, FILE), description=description)


def _methods(operation: str) -> Iterator[Case]:
    return methods(f"/utilities/{operation}", "GET", "GET POST PUT DELETE")


CASES = all_cases(
    *map(_paths, OPERATIONS),
    *map(_parameters, OPERATIONS),
    *map(_machines, (*OPERATIONS, "whoami")),
    *map(_methods, (*OPERATIONS, "whoami")),
    *map(_sources, ("stat", "view")),
    *map(_targets, ("file", "checksum", "head", "tail")),
    *map(_counts, ("head", "tail")),
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)
