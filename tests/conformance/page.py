"""docs/api-coverage.md, made of what is in the repository: ``python -m tests.conformance.page``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from fastapi.routing import APIRoute, iter_route_contexts

from f7t.app import create_app
from tests.clients.methods import methods
from tests.conformance.tried import answered, documented, tables
from tests.support.contract import Operation, contract
from tests.support.unstarted import unstarted_settings

PAGE = Path(__file__).parents[2] / "docs" / "api-coverage.md"
_PROSE = Path(__file__).with_name("prose") / "introduction.md"
_NOTHING = "–"
_HEAD = "| operation | request | row | since | served by | refused | ways to fail | client |"
_ROOM = "f7t.services."


def served() -> Mapping[str, str]:
    """Operation id -> the function that answers, below `f7t.services`."""
    contexts = iter_route_contexts(create_app(unstarted_settings()).routes)
    routes = (context.original_route for context in contexts)
    return {
        route.operation_id: f"{route.endpoint.__module__}.{route.endpoint.__name__}"
        for route in routes
        if isinstance(route, APIRoute) and route.operation_id
    }


def render() -> str:
    """The whole page."""
    functions = served()
    operations = contract().operations.values()
    answered = sum(one.id in functions for one in operations)
    driven = sum(bool(methods().get(one.id)) for one in operations)
    lines = [
        _PROSE.read_text(),
        f"Of {len(operations)} operations {answered} are served, {driven} are used by the client.",
        "",
    ]
    for service, group in groupby(operations, key=lambda one: one.content["tags"][0]):
        rows = [_row(one, functions.get(one.id, "")) for one in group]
        lines += [f"## {service}", "", _HEAD, "|---" * 8 + "|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(operation: Operation, function: str) -> str:
    cases = tables().get(operation.id, ())
    cells = (
        f"`{operation.id}`",
        f"`{operation.method} {operation.path}`",
        operation.row,
        operation.content["x-since"],
        f"`{function.removeprefix(_ROOM)}`" if function else _NOTHING,
        str(len(cases)) if cases else _NOTHING,
        " ".join(_ways(operation)) or _NOTHING,
        ", ".join(f"`{one}`" for one in methods().get(operation.id, ())) or _NOTHING,
    )
    return f"| {' | '.join(cells)} |"


def _ways(operation: Operation) -> Iterator[str]:
    known = documented(operation)
    if not known:
        return
    shown = answered().get(operation.id, frozenset())
    yield f"{len(known & shown)} of {len(known)}"
    missing = sorted(known - shown)
    if missing:
        yield f"(not seen: {', '.join(map(str, missing))})"


if __name__ == "__main__":
    PAGE.write_text(render())
