"""Nodes, partitions and reservations with bad input: the contract's error, no task."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.firecrest.services.cases import (
    FORBIDDEN,
    Case,
    all_cases,
    check,
    machines,
    methods,
    name_of,
    unknown_paths,
)
from tests.firecrest.services.wire import Request, get
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

ACCOUNT = "Failed to retrieve account information"
KINDS = ("node", "partition", "reservation")


def _refused(kind: str, name: str, verdict: str) -> dict[str, str]:
    return {
        "description": f"Failed to retrieve {kind}s information",
        "error": f"{kind} '{name}' {verdict}",
    }


def _lists(kind: str) -> Iterator[Case]:
    def query(text: str) -> Request:
        return get(f"/compute/{kind}s", **{f"{kind}s": text})

    for text in ("", ",", "a,", ",a", "a,,b"):
        yield Case(f"{kind}s: {text!r}", query(text), 400, _refused(kind, "", "is empty"))
    attempts = [f"a{character}b" for character in FORBIDDEN]
    for text in (*attempts, "$(touch ~/executed)", "a; touch ~/executed"):
        body = _refused(kind, text, "has invalid char")
        yield Case(f"{kind}s: {text!r}", query(text), 400, body)
        yield Case(f"{kind}s: good,{text!r},good", query(f"good,{text},good"), 400, body)


def _one_node() -> Iterator[Case]:
    for character in FORBIDDEN:
        text = f"a{character}b"
        body = _refused("node", text, "has invalid char")
        yield Case(f"node: {text!r}", get(f"/compute/nodes/{quote(text)}"), 400, body)


PATHS = ("/compute/nodes", "/compute/nodes/cluster", "/compute/partitions", "/compute/reservations")
CASES = all_cases(
    *(machines(path, Request("GET", path), description=ACCOUNT, both=True) for path in PATHS),
    *(_lists(kind) for kind in KINDS),
    _one_node(),
    *(methods(path, "GET", "GET POST DELETE") for path in PATHS),
    unknown_paths("/compute/nodes/a/b", "/compute/partitions/part01", "/compute/reservations/r"),
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)
