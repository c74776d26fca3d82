"""Measures the gateway beside its floors, in one run on one machine.

Brings up a testbuild of its own with 200 users and takes it down again; `--name` measures a running
one. Prints one line per figure: the gateway, what the machine can do without it (the floor),
their ratio, the target and whether it is met. `--growth` measures what calls cost against users,
queued jobs, entries, stored tasks and workers instead. The exit code tells only whether everything
worked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
from minio.error import MinioException
from redis.exceptions import RedisError

from f7t.errors import TaskError
from f7t_testbuild.credentials import CredentialFailure
from f7t_testbuild.model import Testbuild
from tests.bench import page
from tests.bench.clients import Bench
from tests.bench.figures import Figure, document, facts_line, markdown_table, plain_table
from tests.bench.fit import Series, growth_lines
from tests.bench.growth import FULL_STEPS, GROWTHS, QUICK_STEPS, growths_of
from tests.bench.loops import FULL, QUICK
from tests.bench.rows import ROWS
from tests.bench.surroundings import (
    machine_facts,
    note,
    own_testbuild,
    prepared,
    running_testbuild,
)
from tests.bench.wire import BenchFailure

T = TypeVar("T")
EXPECTED = (
    *(BenchFailure, CredentialFailure, OSError),
    *(asyncssh.Error, RedisError, MinioException, TaskError),
)
"""What may go wrong in one row without being a mistake of the benchmark."""


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='examples:\n  make bench\n  make bench ARGS="--quick --only ls --only stat"\n'
        '  make bench ARGS="--json figures.json --write"\n'
        '  make bench ARGS="--growth --write"',
    )
    parser.add_argument("--name", help="measure this running testbuild")
    parser.add_argument(
        "--only",
        action="append",
        metavar="ROW",
        help=f"this row alone, repeatable: {', '.join(ROWS)}; with --growth: {', '.join(GROWTHS)}",
    )
    parser.add_argument("--quick", action="store_true", help="short, small and once: a trial")
    parser.add_argument("--growth", action="store_true", help="cost against numbers of things")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    chosen = parser.parse_args(arguments)
    known = list(GROWTHS if chosen.growth else ROWS)
    for row in chosen.only or ():
        if row not in known:
            parser.error(f"there is no row {row!r}; choose from {', '.join(known)}")
    if chosen.write and (chosen.only or chosen.quick):
        parser.error("--write is for whole and full runs, without --only and --quick")
    chosen.only = chosen.only or known
    return chosen


async def measure(
    bench: Bench, measures: Mapping[str, Callable[[Bench], Awaitable[list[T]]]]
) -> tuple[list[T], list[str]]:
    """What these find, and what did not work, one after the other."""
    found: list[T] = []
    failures: list[str] = []
    for row, once in measures.items():
        began = time.monotonic()
        note(f"measuring {row}")
        try:
            found += await once(bench)
        except* EXPECTED as group:
            failures.append(f"{row}: {_first(group)}")
            note(f"  did not work: {_first(group)}")
        else:
            note(f"  {time.monotonic() - began:.0f} s")
    return found, failures


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _measured(testbuild: Testbuild, chosen: argparse.Namespace) -> int:
    facts = machine_facts(testbuild)
    async with prepared(testbuild, QUICK if chosen.quick else FULL) as bench:
        if chosen.growth:
            growths = growths_of(QUICK_STEPS if chosen.quick else FULL_STEPS)
            series, failures = await measure(bench, {name: growths[name] for name in chosen.only})
            _report_growth(chosen, facts, series)
        else:
            figures, failures = await measure(bench, {name: ROWS[name] for name in chosen.only})
            _report(chosen, facts, figures)
    for failure in failures:
        note(f"error: {failure}")
    return 1 if failures else 0


def _report(chosen: argparse.Namespace, facts: dict[str, Any], figures: list[Figure]) -> None:
    print(f"{facts_line(facts)}\n\n{plain_table(figures)}")
    if chosen.json:
        _write_json(chosen.json, document(facts, figures))
    if chosen.write:
        page.write("figures", f"{facts_line(facts)}\n\n{markdown_table(figures)}")


def _report_growth(chosen: argparse.Namespace, facts: dict[str, Any], series: list[Series]) -> None:
    print(f"{facts_line(facts)}\n\n{growth_lines(series)}")
    if chosen.json:
        _write_json(chosen.json, {"facts": facts, "growth": [asdict(one) for one in series]})
    if chosen.write:
        page.write_growth(facts_line(facts), series)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit code is 1 when something did not work, 130 for Ctrl-C."""
    chosen = _arguments(arguments)
    try:
        if chosen.name:
            return asyncio.run(_measured(running_testbuild(chosen.name), chosen))
        with own_testbuild() as testbuild:
            return asyncio.run(_measured(testbuild, chosen))
    except BenchFailure as failure:
        note(f"error: {failure}")
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
