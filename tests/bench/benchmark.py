"""Measures the gateway beside its floors, in one run on one machine.

Brings up a testbuild of its own with 200 users and takes it down again; `--name` measures a running
one. Prints one line per figure: the gateway, what the machine can do without it (the floor),
their ratio, the target and whether it is met. The exit code tells only whether everything worked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from f7t_testbuild.credentials import CredentialFailure
from f7t_testbuild.model import Testbuild
from tests.bench import page
from tests.bench.clients import Bench
from tests.bench.figures import Figure, document, facts_line, markdown_table, plain_table
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


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='examples:\n  make bench\n  make bench ARGS="--quick --only ls --only stat"\n'
        '  make bench ARGS="--json figures.json --write"',
    )
    parser.add_argument("--name", help="measure this running testbuild")
    parser.add_argument(
        "--only",
        action="append",
        choices=list(ROWS),
        metavar="ROW",
        help=f"this row alone, repeatable: {', '.join(ROWS)}",
    )
    parser.add_argument("--quick", action="store_true", help="short, small and once: a trial")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md")
    return parser.parse_args(arguments)


async def measure(bench: Bench, rows: Sequence[str]) -> tuple[list[Figure], list[str]]:
    """The figures of these rows, and what did not work, row by row."""
    figures: list[Figure] = []
    failures: list[str] = []
    for row in rows:
        began = time.monotonic()
        note(f"measuring {row}")
        try:
            figures += await ROWS[row](bench)
        except* (BenchFailure, CredentialFailure, OSError) as group:
            failures.append(f"{row}: {_first(group)}")
            note(f"  did not work: {_first(group)}")
        else:
            note(f"  {time.monotonic() - began:.0f} s")
    return figures, failures


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _measured(testbuild: Testbuild, chosen: argparse.Namespace) -> int:
    facts = machine_facts(testbuild)
    async with prepared(testbuild, QUICK if chosen.quick else FULL) as bench:
        figures, failures = await measure(bench, chosen.only or list(ROWS))
    _report(chosen, facts, figures)
    for failure in failures:
        note(f"error: {failure}")
    return 1 if failures else 0


def _report(chosen: argparse.Namespace, facts: dict[str, Any], figures: list[Figure]) -> None:
    print(facts_line(facts))
    print()
    print(plain_table(figures))
    if chosen.json:
        text = json.dumps(document(facts, figures), indent=2)
        chosen.json.write_text(text + "\n", encoding="utf-8")
    if chosen.write:
        page.write("figures", f"{facts_line(facts)}\n\n{markdown_table(figures)}")


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
