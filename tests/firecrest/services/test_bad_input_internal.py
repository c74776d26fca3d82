"""`/storage/xfer-internal` with bad input: the contract's error, no task, no job."""

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
    unknown_paths,
    validated,
)
from tests.firecrest.services.wire import Part, Request, form, multipart
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

BOTH_PATHS = ("cp", "mv", "rsync", "compress", "extract")
ALL = (*BOTH_PATHS, "rm")
SOURCE, TARGET = f"{HOME}/canary.zip", f"{HOME}/evil"
NO_FORMATS = (
    *("", " ", " 5", "5 ", "five", "5m", "1.5", "-1", "+5", "1e3", "٥", "5\n", "0x5"),
    *(":", "1:", ":1", "1::2", "1:2:3:4", "1,2", "UNLIMITED", "INFINITE", "5;id"),
    *("-", "1-", "-1:2", "1-2-3", "1--2", "1-2:3:4:5", "2026-01-01", "1:2-3"),
)
NO_JOB_IDS = ("a", "-1", "7:8", "7,8", "7?afterany:8", "1_", "1_[2]", "*", "$HOME", " 7", "7 ", "٧")


def path_of(operation: str) -> str:
    return f"/storage/xfer-internal/{operation}"


def wish(operation: str = "cp", **fields: str) -> Request:
    """A request that is right in everything that `fields` do not change."""
    paths = {"targetPath": TARGET} | ({"sourcePath": SOURCE} if operation != "rm" else {})
    return form("POST", path_of(operation), **{**paths, **fields})


def _field(operation: str, name: str) -> Build:
    return lambda text: wish(operation, **{name: text})


def _paths(operation: str) -> Iterator[Case]:
    failure = f"Error on {operation} operation"
    request = form("POST", path_of(operation), sourcePath=SOURCE)
    build = _field(operation, "targetPath")
    yield from validated(operation, "targetPath", build, request, description=failure)
    if operation != "rm":
        request = form("POST", path_of(operation), targetPath=TARGET)
        build = _field(operation, "sourcePath")
        yield from validated(operation, "sourcePath", build, request, description=failure)
    no_target = {"description": failure, "error": "'targetPath' not specified"}
    yield Case(f"{operation}: no body", Request("POST", path_of(operation)), 400, no_target)
    query = Request("POST", f"{path_of(operation)}?sourcePath={SOURCE}&targetPath={TARGET}")
    yield Case(f"{operation}: parameters in the query", query, 400, no_target)
    yield from machines(operation, wish(operation), description="Failed operation", both=True)
    yield from methods(path_of(operation), "POST", "GET POST")


def _jobs(operation: str) -> Iterator[Case]:
    for name in ("jobName", "stageOutJobId", "account"):
        body = {"description": f"Invalid {name}", "error": f"'{name}' has invalid char"}
        yield from forbidden(f"{operation}: {name}", _field(operation, name), body)
        if name != "jobName":
            empty = {"description": f"Invalid {name}", "error": f"'{name}' is empty"}
            request = wish(operation, **{name: ""})
            yield Case(f"{operation}: empty {name}", request, 400, empty)
    no_time = {"error": "Not supported time format"}
    for text in NO_FORMATS:
        yield Case(f"{operation}: time {text!r}", wish(operation, time=text), 400, no_time)
    for text in NO_JOB_IDS:
        no_id = {
            "description": "Invalid stageOutJobId",
            "error": f"{text} is not a valid job ID",
        }
        request = wish(operation, stageOutJobId=text)
        yield Case(f"{operation}: stageOutJobId {text!r}", request, 400, no_id)


def _formats() -> Iterator[Case]:
    for fields in (
        {"sourcePath": f"{HOME}/file"},
        {"sourcePath": f"{HOME}/file", "extension": "auto"},
        {"sourcePath": f"{HOME}/file.rar"},
        {"sourcePath": f"{HOME}/.zip/file"},
        {"extension": ".rar"},
        {"extension": "$HOME"},
        {"extension": "zip tar"},
        {"type": "rar"},
        {"extension": ".rar", "type": "zip"},
    ):
        path = fields.get("sourcePath", SOURCE)
        body = {
            "description": EXTRACT,
            "error": f"Unsupported file format in {path}.",
        }
        yield Case(f"extract: {fields}", wish("extract", **fields), 400, body)


EXTRACT = "Error on extract operation"
WRONG = (
    ("targetPath", "", {"description": EXTRACT, "error": "'targetPath' is empty"}),
    ("sourcePath", "", {"description": EXTRACT, "error": "'sourcePath' is empty"}),
    (
        "extension",
        "rar",
        {"description": EXTRACT, "error": f"Unsupported file format in {SOURCE}."},
    ),
    ("jobName", ";", {"description": "Invalid jobName", "error": "'jobName' has invalid char"}),
    ("time", "x", {"error": "Not supported time format"}),
    (
        "stageOutJobId",
        "",
        {"description": "Invalid stageOutJobId", "error": "'stageOutJobId' is empty"},
    ),
    ("account", "", {"description": "Invalid account", "error": "'account' is empty"}),
)
"""Parameters in the order in which they are looked at."""


def _order() -> Iterator[Case]:
    """Of several mistakes the first is told."""
    for number, (name, _, body) in enumerate(WRONG):
        fields = {other: text for other, text, _ in WRONG[number:]}
        yield Case(f"extract: wrong from {name} on", wish("extract", **fields), 400, body)
    everything = wish("extract", **{name: text for name, text, _ in WRONG})
    nowhere = everything.with_header("X-Machine-Name", None)
    yield Case("extract: no machine", nowhere, 400, {"description": "No machine name given"})


def _as_file() -> Case:
    request = multipart(
        "POST", path_of("cp"), Part("targetPath", b"/x", "a"), Part("sourcePath", b"/y")
    )
    body = {"description": "Error on cp operation", "error": "'targetPath' not specified"}
    return Case("cp: text as file", request, 400, body)


def _surrogates() -> Iterator[Case]:
    """A charset of the client's choice can say what no text of a machine can."""
    for name in ("targetPath", "sourcePath", "jobName"):
        fields = {"targetPath": b"/x", "sourcePath": b"/y", name: b"/+2AA-"}
        request = multipart("POST", path_of("cp"), *(Part(*one) for one in fields.items()))
        content_type = f"{request.headers['Content-Type']}; charset=utf-7"
        description = "Invalid jobName" if name == "jobName" else "Error on cp operation"
        body = {"description": description, "error": f"'{name}' has invalid char"}
        yield Case(
            f"cp: {name} in UTF-7", request.with_header("Content-Type", content_type), 400, body
        )


CASES = all_cases(
    *map(_paths, ALL),
    *map(_jobs, ("cp", "rm")),
    _formats(),
    _order(),
    [_as_file()],
    _surrogates(),
    unknown_paths("/storage/xfer-internal", "/storage/xfer-internal/", f"{path_of('cp')}/"),
    unknown_paths(path_of("chmod"), path_of("CP")),
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)
