"""The command `f7t conformance`: run the suite, read its catalogue, compare its results."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape

from f7t_conformance.catalogue import AREAS, catalogue
from f7t_conformance.collector import Progress
from f7t_conformance.configuration import CONFIG_VARIABLE, Settings
from f7t_conformance.model import Finding, Profile, Requirement, Results, Status
from f7t_conformance.running import Broken, Plan, perform
from f7t_conformance.waivers import BadWaivers, read_waivers

EXIT = {"pass": 0, "fail": 1, "error": 3}
"""Exit status of `run`; 2 is a mistake in its call, 130 an interruption."""

STYLE: Mapping[Status, str] = {
    Status.PASS: "green",
    Status.FAIL: "bold red",
    Status.WARN: "yellow",
    Status.SKIP: "dim",
    Status.WAIVED: "magenta",
    Status.ERROR: "bold red reverse",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def conformance() -> None:
    """Does a FirecREST keep the contract? Ask any deployment, get an answer to gate on.

    \b
    Examples:
      f7t conformance run --target https://firecrest.example.org --profile probe
      f7t conformance run --config mine.yaml --profile full --report build/conformance
      f7t conformance explain F7T-UTIL-012
      f7t conformance diff before/results.json after/results.json
    """


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
    console = Console(stderr=True, highlight=False)
    wanted = [
        one
        for one in catalogue().values()
        if one.belongs_to(Profile(profile)) and (not only or one.id.startswith(only))
    ]
    if dry_run:
        _tell(wanted)
        return
    plan = Plan(
        settings, Profile(profile), waivers=waivers, workers=workers, only=only, extra=extra
    )
    try:
        results = perform(plan, _progress(console))
    except Broken as error:
        console.print(f"[bold red]the run did not come about[/]\n{escape(str(error))}")
        sys.exit(EXIT["error"])
    if report:
        _write(results, report)
    _summary(console, results)
    sys.exit(EXIT[results.verdict] if results.complete else 130)


def _progress(console: Console) -> Progress:
    def show(done: int, total: int, finding: Finding) -> None:
        one = catalogue()[finding.id]
        if console.is_terminal or finding.status not in {Status.PASS, Status.SKIP}:
            style = STYLE[finding.status]
            console.print(
                f"[{done:>3}/{total}] {finding.id} [{style}]{finding.status.value:<6}[/] "
                f"{escape(one.title)}"
            )

    return show


def _tell(wanted: list[Requirement]) -> None:
    for one in wanted:
        marks = " (changes things)" if one.destructive else ""
        click.echo(f"{one.id} {one.level.value:<6} {one.title}{marks}")
    click.echo(f"{len(wanted)} requirements would be checked")


def _write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(results.model_dump_json(indent=1), "utf-8")


def _summary(console: Console, results: Results) -> None:
    counts = ", ".join(
        f"[{STYLE[status]}]{results.count(status)} {status.value}[/]"
        for status in Status
        if results.count(status)
    )
    console.print(f"{results.target} [{results.profile.value}]: {counts} in {results.seconds} s")
    for finding in results.findings:
        if finding.status in {Status.FAIL, Status.ERROR}:
            one = catalogue()[finding.id]
            console.print(f"\n[bold red]{finding.id}[/] {escape(one.requirement)}")
            for label, text in (
                ("expected", finding.expected),
                ("got", finding.got),
                ("reason", finding.reason),
            ):
                if text:
                    console.print(f"  {label}: {escape(text)}")
            if finding.exchanges:
                console.print(f"  repeat: {escape(finding.exchanges[-1].curl)}", soft_wrap=True)
    for left in results.leftovers:
        console.print(f"[yellow]left behind:[/] {escape(left)}")


@conformance.command("list")
@click.option("--area", type=click.Choice(list(AREAS)), help="Only this area.")
def list_command(area: str | None) -> None:
    """All requirements, one a line."""
    for one in catalogue().values():
        if area in {None, one.area}:
            click.echo(f"{one.id}  {one.profile:<8} {one.level.value:<6} {one.title}")


@conformance.command()
@click.argument("identifier")
def explain(identifier: str) -> None:
    """One requirement: its sentence, where it comes from, what it needs."""
    one = catalogue().get(identifier.upper())
    if one is None:
        raise click.UsageError(f"there is no {identifier}; see f7t conformance list")
    click.echo(f"{one.id} {one.title}\n\n  {one.requirement}\n")
    needs = ", ".join(need.value for need in one.needs) or "nothing special"
    click.echo(f"  source:  {one.source.contract} {one.source.tutorial}".rstrip())
    click.echo(f"  since:   {one.source.since}\n  profile: {one.profile}\n  needs:   {needs}")
