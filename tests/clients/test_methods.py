"""Completeness: everything the client offers for this API is driven, and `methods.yaml` is true.

What there is comes from looking at the installed client, what was driven and which requests it
made from the runs themselves, so neither can be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import requests

from f7t.services.operations import OPERATIONS
from tests.clients.methods import GROUPS, methods, table
from tests.clients.runs import CLIENTS, COMMANDS, KINDS, PATHS, SURFACE
from tests.support.live import Live

RUNS = {**CLIENTS, **PATHS, **COMMANDS, **SURFACE}
TABLE = table()
DRIVEN = (*CLIENTS, *PATHS, *COMMANDS)
VERSION = ("GET", "/status/parameters")
"""Asked once before the first method that needs some version, whichever that is."""

Made = dict[str, set[tuple[str, str]]]


@pytest.fixture
def made(told: Callable[[str], Any]) -> Made:
    """Method -> the requests it made, of all runs."""
    together: Made = {}
    for run in DRIVEN:
        for name, requests_made in told(run)["made"].items():
            together.setdefault(name, set()).update(map(tuple, requests_made))
    return together


def test_every_method_is_driven(told: Callable[[str], Any], made: Made) -> None:
    offered = {
        f"{cls}.{name}" for cls, names in told("surface")["methods"].items() for name in names
    }
    assert offered - made.keys() == set()
    commands = {name for name in made if name.startswith("firecrest ")}
    assert made.keys() - commands - offered == set(), "driven, but not found"


def test_every_command_is_driven(told: Callable[[str], Any], made: Made) -> None:
    commands = {name for name in made if name.startswith("firecrest ")}
    assert commands == set(told("surface")["commands"])


def test_both_clients_have_the_same_methods(told: Callable[[str], Any]) -> None:
    """`methods.yaml` has one column for both."""
    blocking, asynchronous = (set(told("surface")["methods"][kind]) for kind in KINDS)
    assert blocking - asynchronous == set()
    assert asynchronous - blocking == {"close_session", "create_new_session", "is_session_closed"}


def test_the_table_has_every_operation() -> None:
    assert TABLE.keys() == methods().keys() == OPERATIONS.keys()
    assert all(entry.keys() <= set(GROUPS) for entry in TABLE.values())


@pytest.fixture
def operation_of(live: Live) -> Callable[[str, str], str]:
    """Operation id of a request, by the gateway's own description of itself."""
    answer = requests.get(f"{live.url}/docs/openapi.json", timeout=10)
    published: list[tuple[str, re.Pattern[str], str]] = [
        (verb.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation["operationId"])
        for path, verbs in answer.json()["paths"].items()
        for verb, operation in verbs.items()
    ]
    # What is spelled out goes before what has a parameter in that place.
    published.sort(key=lambda entry: "[^/]+" in entry[1].pattern)

    def find(verb: str, path: str) -> str:
        return next(one for had, form, one in published if had == verb and form.fullmatch(path))

    return find


def _names(entry: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A line of the table in the words of the runs."""
    for kind in KINDS:
        yield from (f"{kind}.{name}" for name in entry.get("methods", ()))
    for prefix in ("External", "AsyncExternal"):
        yield from (f"{prefix}{name}" for name in entry.get("transfers", ()))
    yield from (f"FcPath.{name}" for name in entry.get("paths", ()))
    yield from (f"firecrest {name}" for name in entry.get("commands", ()))


def test_the_table_is_true(made: Made, operation_of: Callable[[str, str], str]) -> None:
    """Each operation is reached by exactly the methods and commands that are named for it."""
    seen: dict[str, set[str]] = {operation: set() for operation in OPERATIONS}
    for name, requests_made in made.items():
        for request in requests_made:
            if request != VERSION or "parameters" in name:
                seen[operation_of(*request)].add(name)
    assert {operation: set(_names(entry)) for operation, entry in TABLE.items()} == seen
