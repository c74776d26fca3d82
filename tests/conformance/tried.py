"""Which failures the tests of the services provoke for each operation.

Rows of bad input are read from the tables themselves (`CASES` of the modules there); each is a test
of its own. What all tests together were answered is noted by a run of them, in `seen.txt`: a whole
run fails if it was not answered all of that (`tests/support/whole_run.py`), and writes it anew if
F7T_TEST_NOTE_SEEN is set.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.firecrest.services.cases import Case
from tests.support.contract import Operation, contract

SEEN = Path(__file__).with_name("seen.txt")
_TABLES = Path(__file__).parents[1] / "firecrest" / "services"
_TWIN = "X-Machine-Does-Not-Exists"
# The same for every operation, and tested in front of them: tests/firecrest/http and auth.
_EVERYWHERE = frozenset({401, 429, 503})


@dataclass(frozen=True, order=True)
class Failure:
    """One way to fail, as a client tells it apart: the status, and the header if there is one."""

    status: int
    header: str = ""

    def __str__(self) -> str:
        if self.status == 400 and self.header:
            return self.header
        return f"{self.status} {self.header}".strip()


@cache
def tables() -> Mapping[str, tuple[Case, ...]]:
    """Operation id -> the rows of all tables that are requests of this operation."""
    found: dict[str, list[Case]] = defaultdict(list)
    for file in sorted(_TABLES.glob("test_*.py")):
        module = importlib.import_module(f"tests.firecrest.services.{file.stem}")
        for case in getattr(module, "CASES", ()):
            operation = contract().operation(case.request.method, case.request.target)
            if operation is not None:
                found[operation.id].append(case)
    return {name: tuple(cases) for name, cases in found.items()}


def seen(cases: Iterable[Case]) -> set[Failure]:
    """The ways to fail that these rows expect."""
    return {
        Failure(case.status, name)
        for case in cases
        for name in ([one for one in case.headers if one != _TWIN] or [""])
    }


def answered() -> Mapping[str, frozenset[Failure]]:
    """Operation id -> the ways to fail that a whole run of the tests was answered."""
    found: dict[str, set[Failure]] = defaultdict(set)
    for line in SEEN.read_text().splitlines():
        name, status, *header = line.split(" ")
        found[name].add(Failure(int(status), *header))
    return {name: frozenset(failures) for name, failures in found.items()}


def lines_of(failed: Iterable[tuple[str, int, str]]) -> list[str]:
    """Lines of `seen.txt` for refusals that were answered."""
    known = {one.id: documented(one) for one in contract().operations.values()}
    return sorted(
        f"{name} {status} {header}".rstrip()
        for name, status, header in failed
        if Failure(status, header) in known[name]
    )


def documented(operation: Operation) -> set[Failure]:
    """The ways to fail that the contract knows for this operation, but for those of all of them."""
    return set(_documented(operation))


def _documented(operation: Operation) -> Iterator[Failure]:
    source = contract()
    for status, (response, pointer) in source.responses(operation).items():
        if status < 400 or status in _EVERYWHERE:
            continue
        headers = [
            name
            for name, node in response.get("headers", {}).items()
            if not source.resolved(node, pointer)[0].get("required") and name != _TWIN
        ]
        if status == 400 or not headers:
            yield Failure(status)
        yield from (Failure(status, name) for name in headers)
