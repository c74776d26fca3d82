"""`/reservations` with bad input: the contract's words in the contract's order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.firecrest.services.cases import (
    INVALID,
    SINGULAR,
    Case,
    all_cases,
    check,
    name_of,
    unknown_paths,
    unpublished,
)
from tests.firecrest.services.wire import Request, form, multipart
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

NOT_ALLOWED = {
    "error": "Method not allowed",
    "description": "The method is not allowed for the requested URL.",
}
MOMENTS = {"starttime": "2096-12-01T10:00:00", "endtime": "2096-12-01T11:00:00"}
WISH = {"nodeType": "f7t", "numberOfNodes": "1", **MOMENTS}
NEW = {"reservation": "x", "account": "test", **WISH}
"""Fields in the order of their checks."""
BAD_NAMES = (
    *("", "X", "1x", "-x", "x y", "x/y", "x.y", "é", "x\n", "\0", "$(id)", "`id`", "x;y", "x'y"),
    *("x" * 3 + "=", "x,y", "../x"),
)
BAD_MOMENTS = (
    *("", "now", "2096-12-01", "2096-12-01 10:00:00", "2096-12-01T10:00", "2096-02-30T10:00:00"),
    *(
        "2096-12-01T24:00:00",
        "2096-12-01T10:00:00Z",
        "2096-12-01T10:00:00\n",
        "٢096-12-01T10:00:00",
    ),
    *("0000-12-01T10:00:00", "2096-12-01T10:00:60"),
)
BAD_COUNTS = ("", "0", "00", "-1", "1.5", "one", "1 ", "+1", "1e3", "٣", "1\n", "0x1", "$(id)")


def _body(verb: str, description: str) -> dict[str, Any]:
    return {"error": f"Error {verb} reservation", "description": description}


def _wrong(field: str, value: str) -> str:
    entered = f"(value entered:'{value}')"
    if field == "numberOfNodes":
        return f"'numberOfNodes' parameter is not valid. It should be an integer > 0 {entered}"
    if field in MOMENTS:
        return (
            f"'{field}' parameter format is not valid. It should be YYYY-MM-DDTHH:MM:SS {entered}"
        )
    return f"'{field}' parameter format is not valid {entered}"


def _values(field: str) -> tuple[str, ...]:
    if field == "numberOfNodes":
        return BAD_COUNTS
    return BAD_MOMENTS if field in MOMENTS else BAD_NAMES


def _fields(verb: str, method: str, path: str, whole: dict[str, str]) -> Iterator[Case]:
    """Each field absent or wrong, with all that are checked later wrong as well."""
    names = list(whole)
    for place, field in enumerate(names):
        before = {name: whole[name] for name in names[:place]}
        after = dict.fromkeys(names[place + 1 :], "?")
        missing = _body(verb, f"'{field}' form data input missing")
        yield Case(f"{verb}: no {field}", form(method, path, **before, **after), 400, missing)
        for value in _values(field):
            request = form(method, path, **before, **{field: value}, **after)
            body = _body(verb, _wrong(field, value))
            yield Case(f"{verb}: {field} {value!r}", request, 400, body)


def _order(verb: str, method: str, path: str, whole: dict[str, str]) -> Iterator[Case]:
    for start, end in (
        ("2096-12-01T10:00:00", "2096-12-01T10:00:00"),
        ("2096-12-01T10:00:00", "2001-12-01T09:59:59"),
    ):
        request = form(method, path, **{**whole, "starttime": start, "endtime": end})
        text = (
            "'endtime' occurs before 'starttime' "
            f"(values entered: endtime='{end}' <= starttime='{start}')"
        )
        yield Case(f"{verb}: until {end}", request, 400, _body(verb, text))
    start = "2001-12-01T10:00:00"
    request = form(method, path, **{**whole, "starttime": start})
    text = f"'starttime' is in the pass (values entered: starttime='{start}')"
    # R3: an update says "creating" here, too.
    yield Case(f"{verb}: past", request, 400, _body("creating", text))


def _machines(verb: str, request: Request) -> Iterator[Case]:
    for value in (None, ""):
        changed = request.with_header("X-Machine-Name", value)
        yield Case(f"{verb}: {value!r}", changed, 400, _body(verb, "No machine name given"))
    for value in ("nowhere", "Cluster", "cluster;cluster", "../cluster"):
        changed = request.with_header("X-Machine-Name", value)
        unknown = {"error": f"Error {verb} reservation"}
        yield Case(f"{verb}: {value!r}", changed, 400, unknown, SINGULAR)


def _paths(verb: str, method: str) -> Iterator[Case]:
    for sent, shown in {
        "X": "X",
        "1x": "1x",
        "x%20y": "x y",
        "x%0A": "x\n",
        "%24%28id%29": "$(id)",
        "x%27%3Bid": "x';id",
        "%C3%A9": "é",
        "%00": "\0",
        "..%00": "..\0",
    }.items():
        request = form(method, f"/reservations/{sent}", **WISH)
        body = _body(verb, _wrong("reservation", shown))
        yield Case(f"{verb}: {sent}", request, 400, body)


def _methods(path: str, allowed: str) -> Iterator[Case]:
    for method in ("GET", "POST", "PUT", "DELETE"):
        if method not in allowed.split():
            yield Case(f"{method} {path}", Request(method, path), 405, NOT_ALLOWED)
    for method in ("PATCH", "OPTIONS", "TRACE", "BREW"):
        yield Case(f"{method} {path}", Request(method, path), 400, INVALID)


CASES = all_cases(
    _fields("creating", "POST", "/reservations", NEW),
    _fields("updating", "PUT", "/reservations/x", WISH),
    _order("creating", "POST", "/reservations", NEW),
    _order("updating", "PUT", "/reservations/x", WISH),
    _machines("listing", Request("GET", "/reservations")),
    _machines("creating", form("POST", "/reservations")),
    _machines("updating", form("PUT", "/reservations/x")),
    _machines("deleting", Request("DELETE", "/reservations/x")),
    _paths("updating", "PUT"),
    _paths("deleting", "DELETE"),
    _methods("/reservations", "GET POST"),
    _methods("/reservations/", "GET POST"),
    _methods("/reservations/x", "PUT DELETE"),
    _methods("/reservations/x/", "PUT DELETE"),
    unknown_paths("/reservations/a/b", "/reservations//a", "/reservations/a%2Fb"),
    unpublished("/reservationsx"),
    [
        Case(
            "fields in the query",
            Request("POST", "/reservations?reservation=x&account=test"),
            400,
            _body("creating", "'reservation' form data input missing"),
        ),
        Case(
            "fields as JSON",
            Request("POST", "/reservations", body=b'{"reservation": "x"}'),
            400,
            _body("creating", "'reservation' form data input missing"),
        ),
        Case(
            "no parts",
            multipart("POST", "/reservations"),
            400,
            _body("creating", "'reservation' form data input missing"),
        ),
    ],
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)
