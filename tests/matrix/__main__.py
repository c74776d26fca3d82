"""Runs the tutorial's walk and the official client against every kind of testbuild.

`python -m tests.matrix [--few] [--only TEXT] [--no-fidelity]`, behind `make test-matrix`. It prints
a table with a reason for every cell that was not run, keeps it in `.f7t/matrix.txt`, and compares
embedded and real servers side by side. The exit code is 1 when a cell failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild import present
from f7t_testbuild.commands.common import Selection, open_runtime
from f7t_testbuild.model import ACCESS_KEY, Testbuild
from f7t_testbuild.real import keycloak, minio
from f7t_testbuild.real.cache import Unobtainable
from f7t_testbuild.remembered import Choices, remember
from f7t_testbuild.runtime import RuntimeName
from tests.matrix.cells import REAL, Cell, all_cells, few, reason_against
from tests.support.live import free_port_base

ROOT = Path(__file__).resolve().parents[2]
WALK = ("tests/tutorial", "tests/clients")
COMPARISON = ("tests/fidelity",)


@dataclass(frozen=True)
class Result:
    """What came of one row of the table."""

    name: str
    verdict: str
    """`passed`, `failed` or `not run`."""
    detail: str
    seconds: float = 0.0


def _pytest(paths: tuple[str, ...], **environment: str) -> tuple[bool, str, float]:
    """Whether it passed, pytest's closing line, and its seconds; output goes through."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", *paths],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    last = ""
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if re.search(r"\d+ (passed|failed|error|skipped)", line):
            last = line.strip("= \n")
    return process.wait() == 0, last, time.monotonic() - began


def _environment(cell: Cell) -> dict[str, str]:
    identity, store = cell.kinds
    environment = {
        "F7T_TEST_RUNTIME": cell.runtime,
        "F7T_TEST_IDENTITY": identity.value,
        "F7T_TEST_STORE": store.value,
    }
    return environment | ({"F7T_TEST_SLURM": cell.slurm} if cell.runtime == "docker" else {})


def _fetch(cell: Cell) -> None:
    """Get what is fetched and built once: it may take minutes, and a test has less.

    Raises:
        Unobtainable: something is missing for it.
    """
    if cell.runtime != RuntimeName.NATIVE:
        return
    if cell.identity == REAL:
        keycloak.obtain(_told)
    if cell.store == REAL:
        minio.obtain(_told)


def _told(line: str) -> None:
    print(line, flush=True)


def run_cell(cell: Cell) -> Result:
    """The walk and the client against a testbuild of this kind."""
    print(f"\n### {cell}", flush=True)
    try:
        _fetch(cell)
    except Unobtainable as error:
        return Result(str(cell), "failed", f"{error.message}: {error.hint}")
    passed, told, seconds = _pytest(WALK, **_environment(cell))
    return Result(str(cell), "passed" if passed else "failed", told, seconds)


def compare(cell: Cell) -> Result:
    """Embedded and real servers side by side; the real ones are those of a testbuild."""
    name = "side by side: embedded issuer and Keycloak, embedded store and MinIO"
    print(f"\n### {name}", flush=True)
    identity, store = cell.kinds
    choices = Choices(
        port_base=free_port_base(),
        runtime=cell.runtime,
        slurm=cell.slurm if cell.runtime == "docker" else None,
        identity=identity.value,
        store=store.value,
    )
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    testbuild = Testbuild("matrix", choices.port_base, root)
    runtime = open_runtime(Selection(testbuild, choices, known=False))
    try:
        remember(testbuild, choices)
        runtime.up(print)
        secrets = json.loads(testbuild.secrets_file.read_text())
        passed, told, seconds = _pytest(
            COMPARISON,
            F7T_REAL_KEYCLOAK_URL=testbuild.identity_public_url,
            F7T_REAL_CLIENT_SECRET=secrets["client_secret"],
            F7T_REAL_ROBOT_SECRET=secrets["robot_secret"],
            F7T_REAL_S3_URL=testbuild.staging_url,
            F7T_REAL_S3_ACCESS=ACCESS_KEY,
            F7T_REAL_S3_SECRET=secrets["staging_secret_key"],
        )
    finally:
        runtime.down(print, purge=True)
        shutil.rmtree(root, ignore_errors=True)
    return Result(name, "passed" if passed else "failed", told, seconds)


def main() -> int:
    """Run, print the table, keep it."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("--few", action="store_true", help="each value once with each runtime")
    parser.add_argument("--only", default="", metavar="TEXT", help="cells whose name holds TEXT")
    parser.add_argument("--no-fidelity", action="store_true", help="no comparison side by side")
    parser.add_argument("--list", action="store_true", help="show the cells and run none")
    arguments = parser.parse_args()
    against = {cell: reason_against(cell) for cell in all_cells()}
    possible = [
        cell for cell, reason in against.items() if reason is None and arguments.only in str(cell)
    ]
    chosen = few(possible) if arguments.few else possible
    results: list[Result] = []
    for cell, reason in against.items():
        if cell in chosen and not arguments.list:
            results.append(run_cell(cell))
        else:
            why = reason or ("can be run" if arguments.list else "left out of this run")
            results.append(Result(str(cell), "not run", why))
    both = [cell for cell in possible if (cell.identity, cell.store) == (REAL, REAL)]
    if both and not arguments.no_fidelity and not arguments.list:
        results.append(compare(both[0]))
    _report(results)
    return 1 if any(result.verdict == "failed" for result in results) else 0


def _report(results: list[Result]) -> None:
    print()
    present.print_table(
        present.plain_table(
            ("testbuild", "result", "s", "detail"),
            [(it.name, it.verdict, f"{it.seconds:.0f}", it.detail) for it in results],
        ),
        sys.stdout,
    )
    kept = ROOT / ".f7t" / "matrix.txt"
    kept.parent.mkdir(exist_ok=True)
    with kept.open("w") as file:
        for it in results:
            file.write(f"{it.verdict:8} {it.seconds:5.0f} s  {it.name}: {it.detail}\n")
    print(f"kept in {kept.relative_to(ROOT)}")
    run = [it for it in results if it.verdict != "not run"]
    failed = sum(it.verdict == "failed" for it in run)
    left = len(results) - len(run)
    print(f"matrix: {len(run) - failed} passed, {failed} failed, {left} skipped")


if __name__ == "__main__":
    sys.exit(main())
