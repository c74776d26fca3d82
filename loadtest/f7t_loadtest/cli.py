"""The command `f7t load`: make load, list what load there is."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any, NoReturn

import click
from pydantic import ValidationError
from rich.console import Console

from f7t_loadtest.catalogue import SCENARIOS
from f7t_loadtest.model import Objective, Run
from f7t_loadtest.plan import Plan
from f7t_loadtest.reading import COMMANDS
from f7t_loadtest.reports import write
from f7t_loadtest.running import Abandoned, Broken, perform
from f7t_loadtest.settings import BadSettings, read_settings
from f7t_loadtest.terminal import Watching, summarise

NOT_INSTALLED = 1
NOTHING_MEASURED = 3
INTERRUPTED = 130
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_MOST_WORKERS = 256
_USERS = 8


class Size(click.ParamType[int]):
    """A number of bytes with an optional suffix."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """`1500`, `20kB`, `1M`, `1 GB`; decimal units."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?)b?", str(value).strip().lower())
        if match is None:
            self.fail(f"{value!r} is no size: give bytes, or 1MB, 1.5GB", param, ctx)
        return int(float(match[1]) * _UNITS[match[2]])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def load() -> None:
    """How much does a FirecREST carry? Ask any deployment with a URL and credentials.

    \b
    Examples:
      f7t load list
      f7t load run --scenario files --users 32 --duration 30
      f7t load run --scenario tasks --mode open --rate 20 --report build/load
      f7t load run --scenario files --mode steps --rate 50 --objective-p95 0.3

    \b
    Exit status of run: 0 it ran, 2 mistake in the call, 3 nothing could be measured,
    130 interrupted (what was made is removed, and what was measured is reported).
    """


@load.command("list")
def list_scenarios() -> None:
    """The scenarios, and the options that each heeds."""
    width = max(map(len, SCENARIOS))
    for name, one in SCENARIOS.items():
        knobs = f" ({', '.join(one.knobs)})" if one.knobs else ""
        click.echo(f"{name:<{width}}  {one.summary}{knobs}")


@load.command()
@click.option("--target", metavar="URL", help="Public base URL of the FirecREST.")
@click.option("--scenario", required=True, type=click.Choice(list(SCENARIOS)), help="What is done.")
@click.option(
    "--mode",
    type=click.Choice(["closed", "open", "steps"]),
    default="closed",
    show_default=True,
    help="closed: users who wait for answers. open: arrivals at a rate. steps: find the knee.",
)
@click.option(
    "--users",
    type=click.IntRange(1, 5000),
    help="closed: concurrent users (8). open: most workers (256). steps: raise users from here.",
)
@click.option("--rate", type=float, help="open: arrivals a second (10). steps: start here (10).")
@click.option("--paced", is_flag=True, help="Evenly spaced arrivals instead of a Poisson process.")
@click.option("--duration", type=float, default=30.0, show_default=True, help="Seconds of a stage.")
@click.option("--warm-up", type=float, default=3.0, show_default=True, help="Seconds before it.")
@click.option("--steps", default=10, show_default=True, help="How many steps at most.")
@click.option("--growth", default=2.0, show_default=True, help="Factor from step to step.")
@click.option("--limit", default=4096.0, show_default=True, help="Highest load that steps try.")
@click.option(
    "--objective-p95", type=float, default=1.0, show_default=True, help="Seconds; what is served."
)
@click.option(
    "--objective-errors", type=float, default=0.01, show_default=True, help="Share, 0 to 1."
)
@click.option("--system", help="X-Machine-Name; otherwise the first one that is reported.")
@click.option(
    "--identities",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="YAML file: a list of identities (token, command, or token_url with client_id …).",
)
@click.option("--callers", type=click.IntRange(0), default=0, help="Use only so many of them.")
@click.option("--pause", type=float, help="Think time of closed users, seconds.")
@click.option("--poll", type=float, default=0.25, show_default=True, help="Seconds between polls.")
@click.option("--timeout", type=float, default=30.0, show_default=True, help="Of one request.")
@click.option("--patience", type=float, default=60.0, show_default=True, help="For one task.")
@click.option("--queued", type=int, default=100, show_default=True, help="jobs: held jobs.")
@click.option("--entries", type=int, default=10, show_default=True, help="files: in a directory.")
@click.option("--size", type=Size(), default="1MB", show_default=True, help="transfers: of a file.")
@click.option("--max-jobs", type=int, default=1000, show_default=True, help="In the whole run.")
@click.option(
    "--max-bytes", type=Size(), default="2GB", show_default=True, help="In the whole run."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of arrivals and choices.")
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), help="Folder for the results."
)
@click.option("--quiet", is_flag=True, help="Only the summary.")
def run(
    *,
    target: str | None,
    system: str | None,
    identities: Path | None,
    report: Path | None,
    quiet: bool,
    **given: Any,  # noqa: ANN401
) -> None:
    """Make load and measure what becomes of it.

    Who calls is told by variables as F7T_LOAD_IDENTITY__TOKEN (or __TOKEN_URL, __CLIENT_ID,
    __CLIENT_SECRET, __USERNAME, __PASSWORD, __COMMAND; secrets also as …_FILE), by
    F7T_LOAD_IDENTITIES (a JSON list of them) or by --identities. Jobs are held ones and cancelled;
    everything that is made is removed at the end, also after Ctrl-C.
    """
    _require_extra()
    _environment(target, system, identities)
    plan = _plan(given)
    console = Console(stderr=True)
    with Watching(console, quiet=quiet) as watching:
        try:
            done = perform(
                plan,
                environment=os.environ,
                on_said=watching.said,
                on_interrupt=watching.interrupted,
            )
        except Broken as error:
            _fail(str(error), NOTHING_MEASURED)
        except Abandoned as error:
            _fail(str(error), INTERRUPTED)
    summarise(done, Console(width=None if sys.stdout.isatty() else 120))
    _report(done, report)
    sys.exit(INTERRUPTED if done.stopped == "interrupted" else 0)


def _require_extra() -> None:
    """Before anything is started for nothing: only the process that makes load needs Locust."""
    for package in ("locust", "requests"):
        if importlib.util.find_spec(package) is None:
            _fail(
                f"the load test is not installed: there is no package {package!r}\n"
                "install it: pip install 'firecrest-testbuild[loadtest]'",
                NOT_INSTALLED,
            )


def _environment(target: str | None, system: str | None, identities: Path | None) -> None:
    """Options win over variables; mistakes become a usage error that shows no value."""
    given = {
        "F7T_LOAD_TARGET": target,
        "F7T_LOAD_SYSTEM": system,
        "F7T_LOAD_IDENTITIES_FILE": str(identities.resolve()) if identities else None,
    }
    os.environ.update({name: value for name, value in given.items() if value})
    try:
        settings = read_settings()
        settings.callers()
    except BadSettings as error:
        raise click.UsageError(str(error)) from None
    if not settings.target:
        raise click.UsageError("no target: give --target URL, or set F7T_LOAD_TARGET")


def _plan(given: dict[str, Any]) -> Plan:
    users, rate = given.pop("users"), given.pop("rate")
    mode = given["mode"]
    by_users = mode == "closed" or (mode == "steps" and users is not None and rate is None)
    objective = {
        "p95": given.pop("objective_p95"),
        "error_rate": given.pop("objective_errors"),
    }
    try:
        return Plan(
            users=users or (_USERS if by_users else _MOST_WORKERS),
            rate=rate or 10.0,
            step_by="users" if by_users else "rate",
            objective=Objective(**objective),
            **given,
        )
    except ValidationError as error:
        told = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        raise click.UsageError(told) from None


def _report(done: Run, folder: Path | None) -> None:
    if folder is None:
        return
    try:
        for path in write(done, folder):
            click.echo(f"written: {path}", err=True)
    except OSError as error:
        _fail(f"the reports were not written: {folder}: {error.strerror}", NOTHING_MEASURED)


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(status)


for _command in COMMANDS:
    load.add_command(_command)
