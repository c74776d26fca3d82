"""The command `f7t conformance`: run the suite, read its catalogue, compare its results."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError
from rich.console import Console

from f7t_conformance.configuration import CONFIG_VARIABLE, Settings
from f7t_conformance.model import Profile, Results
from f7t_conformance.reading import COMMANDS
from f7t_conformance.reports import write
from f7t_conformance.reports.terminal import Watching, escape, summarise
from f7t_conformance.waivers import BadWaivers, read_waivers

if TYPE_CHECKING:
    from f7t_conformance.running import Plan

EXIT = {"pass": 0, "fail": 1, "error": 3}
"""Exit status of a complete run by its verdict; 2 is a mistake in the call."""
OUT_OF_BUDGET = 4
INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def conformance() -> None:
    """Does a FirecREST keep the contract? Ask any deployment, get an answer to gate on.

    \b
    Examples:
      f7t conformance run --target https://firecrest.example.org --profile probe
      f7t conformance run --config mine.yaml --profile full --report build/conformance
      f7t conformance explain F7T-UTIL-012
      f7t conformance diff before/results.json after/results.json

    \b
    Exit status of run: 0 kept, 1 not kept, 2 mistake in the call, 3 could not be judged,
    4 the budget did not suffice, 130 interrupted.
    """


for _command in COMMANDS:
    conformance.add_command(_command)


def _variables(**given: str | None) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


FAMILIAR: Mapping[str, str] = {
    "FIRECREST_URL": "F7T_CONFORMANCE_TARGET",
    "FIRECREST_SYSTEM": "F7T_CONFORMANCE_SYSTEM",
    "FIRECREST_CLIENT_ID": "F7T_CONFORMANCE_IDENTITY__CLIENT_ID",
    "FIRECREST_CLIENT_SECRET": "F7T_CONFORMANCE_IDENTITY__CLIENT_SECRET",
    "AUTH_TOKEN_URL": "F7T_CONFORMANCE_IDENTITY__TOKEN_URL",
}
"""Names that clients of FirecREST use already, and `f7t env` prints."""


def _settings(variables: Mapping[str, str]) -> Settings:
    """Settings of this run; mistakes become a usage error that shows no value."""
    os.environ.update(variables)
    for name, own in FAMILIAR.items():
        if os.environ.get(name):
            os.environ.setdefault(own, os.environ[name])
    try:
        settings = Settings()
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_input=False)
        ]
        raise click.UsageError("\n".join(["the settings are wrong:", *lines])) from None
    except (OSError, ValueError) as error:
        raise click.UsageError(str(error)) from None
    if not settings.target:
        raise click.UsageError("no target: give --target URL, or set it in the configuration")
    if not settings.identity.given:
        raise click.UsageError(
            "no identity: set F7T_CONFORMANCE_IDENTITY__TOKEN (or __TOKEN_URL, __CLIENT_ID, "
            "__CLIENT_SECRET), or `identity:` in the configuration"
        )
    return settings


@conformance.command()
@click.option("--target", metavar="URL", help="Public base URL of the FirecREST.")
@click.option(
    "--profile",
    type=click.Choice([one.value for one in Profile]),
    default=Profile.CORE.value,
    show_default=True,
    help="probe: reads only, safe on production. Each of the next contains the one before.",
)
@click.option("--config", type=click.Path(dir_okay=False), help="YAML file with the settings.")
@click.option("--waivers", multiple=True, help="File of waivers, or a shipped one by name.")
@click.option("--only", multiple=True, metavar="ID", help="A requirement, or how ids begin.")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), help="Folder.")
@click.option("--workers", default=4, show_default=True, help="Processes; 1 runs in this one.")
@click.option("--seed", type=int, default=0, help="Of the profile fuzz; 0 draws one, and tells it.")
@click.option("--gate", is_flag=True, help="Findings of the profile fuzz make the run fail.")
@click.option("--dry-run", is_flag=True, help="Tell what would be checked; change nothing.")
@click.argument("extra", nargs=-1, type=click.UNPROCESSED)
def run(
    target: str | None,
    profile: str,
    config: str | None,
    waivers: tuple[str, ...],
    only: tuple[str, ...],
    report: Path | None,
    workers: int,
    seed: int,
    gate: bool,
    dry_run: bool,
    extra: tuple[str, ...],
) -> None:
    """Check a server; arguments after `--` go to pytest (-k, -x, --pdb)."""
    variables = _variables(**{"F7T_CONFORMANCE_TARGET": target, CONFIG_VARIABLE: config})
    settings = _settings(variables)
    try:
        for name in waivers:
            read_waivers(name)
    except BadWaivers as error:
        raise click.UsageError(str(error)) from error
    from f7t_conformance.running import Broken, Plan, perform

    console = Console(stderr=True, highlight=False)
    plan = Plan(
        settings, Profile(profile), waivers=waivers, workers=workers, only=only, extra=extra
    )
    fuzzing = plan.profile is Profile.FUZZ
    if fuzzing and (only or waivers or extra):
        raise click.UsageError("the profile fuzz has no requirements to choose or to waive")
    if not plan.selected and not fuzzing:
        raise click.UsageError(f"the profile {profile} has no requirement {' '.join(only)}")
    try:
        if dry_run:
            _tell(plan)
            return
        if fuzzing:
            results = _fuzzed(plan, seed, gate=gate)
        else:
            with Watching(console, live=not extra) as watching:
                results = perform(plan, watching)
    except Broken as error:
        console.print(f"[bold red]the run did not come about:[/] {escape(str(error))}")
        sys.exit(EXIT["error"])
    except KeyboardInterrupt:
        console.print("interrupted before anything was checked")
        sys.exit(INTERRUPTED)
    if report:
        _write(results, report)
    summarise(console, results)
    sys.exit(_status(results))


def _fuzzed(plan: Plan, seed: int, *, gate: bool) -> Results:
    from f7t_conformance import fuzz

    return fuzz.perform(plan, seed or secrets.randbelow(10**6) + 1, gate=gate)


def _status(results: Results) -> int:
    """An incomplete run never counts as kept; a failure found so far counts in any case."""
    if results.stopped == "interrupted":
        return INTERRUPTED
    if results.stopped == "budget" and results.verdict == "pass":
        return OUT_OF_BUDGET
    return EXIT[results.verdict]


def _tell(plan: Plan) -> None:
    """What a run would check and what not; the server is only asked what it can do."""
    from f7t_conformance.judging import skipped

    capabilities = plan.detected.capabilities
    waived = {name for waivers in plan.waivers for name in read_waivers(waivers)}
    would_run = 0
    for one in plan.selected:
        skip = skipped(one, capabilities)
        would_run += skip is None
        marks = [f"skip: {skip.reason}"] if skip else []
        marks += ["changes things"] if one.destructive and not skip else []
        marks += ["a failure is waived"] if one.id in waived and not skip else []
        notes = f" ({'; '.join(marks)})" if marks else ""
        click.echo(
            f"{'skip' if skip else 'run':<5}{one.id} {one.level.value:<6} {one.title}{notes}"
        )
    systems = ", ".join(capabilities.systems)
    click.echo(f"{plan.settings.target}: version {capabilities.version}, systems {systems}")
    click.echo(f"{would_run} would be checked, {len(plan.selected) - would_run} skipped")


def _write(results: Results, folder: Path) -> None:
    try:
        write(results, folder)
    except OSError as error:
        click.echo(f"error: the reports were not written: {folder}: {error.strerror}", err=True)
        sys.exit(EXIT["error"])
