"""`f7t loadtest`: short load tests of a testbuild beside its floors: is it quick enough?"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from f7t_testbuild.children import run_to_end
from f7t_testbuild.commands.common import (
    Failure,
    Interrupted,
    Selection,
    name_option,
    select,
)
from f7t_testbuild.commands.running import running
from f7t_testbuild.commands.up import termination_interrupts
from f7t_testbuild.credentials import CredentialFailure
from f7t_testbuild.distribution import data_path, python_module
from f7t_testbuild.loaded import load_environment
from f7t_testbuild.progress import progress_on
from f7t_testbuild.runtime import RuntimeName

if TYPE_CHECKING:
    from f7t_loadtest.model import Floor, Run
    from f7t_loadtest.thresholds import Thresholds, Verdict

EXTRA = "firecrest-testbuild[loadtest]"
RUNNER = (*python_module("f7t_testbuild"), "load", "run")
USERS: Mapping[str, int] = {"tasks": 8, "files": 16, "poll-storm": 32}
"""Scenario to concurrent users of its closed loop."""
_INTERRUPTED = 130
_MOST_JOBS = 500
"""Per second of a run: far above what is submitted, for a run that ends early measures nothing."""


@dataclass(frozen=True)
class Plan:
    """What is run, and where reports go: one directory for each scenario."""

    scenarios: Sequence[str]
    seconds: int
    directory: Path
    thresholds: Thresholds


@click.command()
@name_option
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    type=click.Choice(list(USERS)),
    help="Only this one (repeatable); only its thresholds are demanded then.",
)
@click.option(
    "--seconds",
    type=click.IntRange(2, 600),
    default=10,
    show_default=True,
    help="How long each scenario runs.",
)
@click.option(
    "--report",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/loadtest"),
    show_default=True,
    help="Where reports are written, in a directory for each scenario.",
)
@click.option(
    "--thresholds",
    "file",
    type=click.Path(path_type=Path),
    help="What is demanded  [default: loadtest/thresholds.yaml]",
)
def loadtest(
    name: str,
    state_root: Path | None,
    scenarios: tuple[str, ...],
    seconds: int,
    directory: Path,
    file: Path | None,
) -> None:
    """Short load tests of the testbuild, judged by ratios to its own floors.

    A testbuild that runs is used and keeps running; otherwise one is started as `f7t up` would
    (F7T_PORT_BASE and the like hold), natively, and stopped again, its state is kept. First the
    floors are measured: sbatch, squeue, SFTP and Redis without the gateway, for a second each. Then
    every scenario runs in a closed loop.

    \b
    Examples:
      f7t loadtest
      f7t loadtest --scenario tasks --seconds 30
      f7t loadtest --name second --thresholds mine.yaml

    Exit status: 0 all thresholds kept, 1 one missed or something failed.
    """
    plan = Plan(scenarios or tuple(USERS), seconds, directory, _thresholds(file))
    _require_native(select(name, state_root))
    with termination_interrupts(), running(name, state_root, "--runtime", RuntimeName.NATIVE.value):
        runs = _measured(select(name, state_root), plan)
    verdicts = _verdicts(runs, plan)
    for one in verdicts:
        word = click.style("kept  ", fg="green") if one.kept else click.style("MISSED", fg="red")
        click.echo(f"{word} {one.sentence}")
    for scenario in plan.scenarios:
        click.echo(f"report: {plan.directory / scenario / 'report.html'}")
    sys.exit(0 if all(one.kept for one in verdicts) else 1)


def _thresholds(file: Path | None) -> Thresholds:
    """Read before anything is started for nothing."""
    try:
        from f7t_loadtest.thresholds import BadThresholds, read_thresholds
    except ModuleNotFoundError as error:
        raise Failure(
            f"the load tests are not installed: there is no package {error.name!r}",
            hint=f"install them: pip install '{EXTRA}'",
        ) from error
    try:
        return read_thresholds(file or data_path("loadtest/thresholds.yaml"))
    except BadThresholds as error:
        raise Failure(str(error)) from error


def _require_native(selection: Selection) -> None:
    if selection.known and selection.choices.runtime != RuntimeName.NATIVE:
        raise Failure(
            "floors are measured with the gateway's own keys, which containers keep to themselves",
            hint="use another, native testbuild: --name second",
        )


def _measured(selection: Selection, plan: Plan) -> list[Run]:
    """Floors, then every scenario; reports are written as soon as one is done."""
    from f7t_loadtest.reports import write

    floors = _floors(selection)
    runs = []
    for scenario in plan.scenarios:
        where = plan.directory / scenario
        run = _run(selection, scenario, plan.seconds, where).model_copy(update={"floors": floors})
        try:
            write(run, where)
        except OSError as error:
            raise Failure(f"{where}: {error.strerror}") from error
        runs.append(run)
    return runs


def _floors(selection: Selection) -> list[Floor]:
    from f7t_testbuild.direct import DirectFailure
    from f7t_testbuild.floors import measure

    with progress_on(sys.stderr) as progress:
        try:
            return asyncio.run(measure(selection.testbuild, 1.0, progress))
        except DirectFailure as error:
            raise Failure(f"the floors could not be measured: {error}") from error


def _run(selection: Selection, scenario: str, seconds: int, where: Path) -> Run:
    """One scenario, by the command that anybody would use against any FirecREST.

    Raises:
        Failure: it left no results.
    """
    from f7t_loadtest.reports import RESULTS, Unreadable, read

    (where / RESULTS).unlink(missing_ok=True)
    options = {
        "--scenario": scenario,
        "--users": str(USERS[scenario]),
        "--duration": str(seconds),
        "--max-jobs": str(_MOST_JOBS * seconds),
        "--report": str(where),
    }
    argv = [*RUNNER, *(word for option in options.items() for word in option)]
    status = run_to_end(argv, environment={**os.environ, **_told(selection)}).status
    if status == _INTERRUPTED:
        raise Interrupted("interrupted")
    try:
        return read(where)
    except Unreadable as error:
        raise Failure(
            f"scenario {scenario!r} left no results (exit status {status}): {error}",
            hint="its own words are above",
        ) from error


def _told(selection: Selection) -> dict[str, str]:
    """The testbuild and its users, as variables of the runner."""
    try:
        return load_environment(selection.testbuild, selection.choices)
    except CredentialFailure as error:
        raise Failure(error.message, hint=error.hint) from error


def _verdicts(runs: Sequence[Run], plan: Plan) -> list[Verdict]:
    from f7t_loadtest.thresholds import check, unasked

    found = [one for run in runs for one in check(run, plan.thresholds)]
    return found if len(runs) < len(USERS) else [*found, *unasked(runs, plan.thresholds)]
