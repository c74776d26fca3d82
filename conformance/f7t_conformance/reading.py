"""Commands that ask no server: the catalogue, its coverage, and results that are there already."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from f7t_conformance.catalogue import AREAS, catalogue
from f7t_conformance.coverage import astray, contract_rows, coverage
from f7t_conformance.model import Level, Need, Profile, Requirement, Results
from f7t_conformance.reports import Unreadable, comparison, read, write
from f7t_conformance.reports.terminal import STYLE, escape, summarise
from f7t_conformance.waivers import read_waivers, shipped

FILE = click.Path(path_type=Path)
AS = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)


def _read(path: Path) -> Results:
    try:
        return read(path)
    except Unreadable as error:
        raise click.UsageError(str(error)) from error


@click.command()
@click.argument("results", type=FILE)
@click.option("--into", type=FILE, help="Folder; as it is: where RESULTS is.")
def report(results: Path, into: Path | None) -> None:
    """Write all reports of RESULTS (results.json or its folder) again, and show its summary."""
    one = _read(results)
    folder = into or (results if results.is_dir() else results.parent)
    try:
        write(one, folder)
    except OSError as error:
        raise click.ClickException(f"{folder}: {error.strerror}") from error
    summarise(Console(highlight=False), one)


@click.command()
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@AS
def diff(before: Path, after: Path, form: str) -> None:
    """What got better or worse from BEFORE to AFTER; exit status 1 if anything got worse."""
    old, new = _read(before), _read(after)
    found = comparison.changes(old, new)
    worse = any(one.direction is comparison.Direction.WORSE for one in found)
    gone, come = comparison.only_in(old, new), comparison.only_in(new, old)
    if form == "json":
        rows = [
            {"id": one.id, "before": one.before, "after": one.after, "direction": one.direction}
            for one in found
        ]
        told = {"worse": worse, "changes": rows, "only_before": gone, "only_after": come}
        click.echo(json.dumps(told, indent=1))
        sys.exit(worse)
    console = Console(highlight=False)
    colours = {"worse": "bold red", "better": "green", "neither": "yellow"}
    for one in found:
        way = f"{one.before or 'not run'} → {one.after or 'not run'}"
        colour = colours[one.direction]
        console.print(
            f"[{colour}]{one.direction:<8}[/] {one.id} {way:<16} {escape(one.title)}",
            soft_wrap=True,
        )
    if not found:
        console.print("nothing changed")
    for words, ids in (("only before", gone), ("only after", come)):
        if ids:
            console.print(f"[dim]{words}, not compared: {len(ids)} ({ids[0]}…)[/]")
    if not new.complete:
        console.print("[yellow]the second run is not complete[/]")
    sys.exit(worse)


@click.command()
@click.argument("results", type=FILE, nargs=-1, required=True)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@click.option("--differing", is_flag=True, help="Only requirements whose results differ.")
def matrix(results: tuple[Path, ...], html: Path | None, differing: bool) -> None:
    """Several RESULTS as one table."""
    several = [_read(one) for one in results]
    if html:
        try:
            html.write_text(comparison.matrix_page(several), "utf-8")
        except OSError as error:
            raise click.ClickException(f"{html}: {error.strerror}") from error
        click.echo(f"written: {html}")
        return
    console = Console(highlight=False)
    shown = Table("requirement", box=None, pad_edge=False)
    for number, head in enumerate(comparison.heads(several), 1):
        shown.add_column(str(number), no_wrap=True)
        certified = "certified" if several[number - 1].summary.certified else "not certified"
        profile = several[number - 1].profile.value
        console.print(f"{escape(head)} \\[{profile}], {certified}", soft_wrap=True)
    for row in comparison.table(several):
        if row.differs or not differing:
            cells = [f"[{STYLE[one]}]{one.value}[/]" if one else "–" for one in row.statuses]
            shown.add_row(f"{row.id} {escape(row.title)}", *cells)
    console.print(shown)


def _fits(
    one: Requirement,
    area: str | None,
    profile: str | None,
    level: str | None,
    need: str | None,
    words: str,
) -> bool:
    text = f"{one.id} {one.title} {one.requirement} {one.source.contract} {one.source.tutorial}"
    return (
        area in {None, one.area}
        and (profile is None or one.belongs_to(Profile(profile)))
        and level in {None, one.level.value}
        and (need is None or Need(need) in one.needs)
        and words.lower() in text.lower()
    )


@click.command("list")
@click.option("--area", type=click.Choice(list(AREAS)), help="Only this area.")
@click.option("--profile", type=click.Choice([one.value for one in Profile]), help="What it runs.")
@click.option("--level", type=click.Choice([one.value for one in Level]))
@click.option("--need", type=click.Choice([one.value for one in Need]))
@click.option("--text", default="", help="In id, title, sentence or row of the contract.")
@AS
def list_command(
    area: str | None,
    profile: str | None,
    level: str | None,
    need: str | None,
    text: str,
    form: str,
) -> None:
    """Requirements, one a line."""
    found = [one for one in catalogue().values() if _fits(one, area, profile, level, need, text)]
    if form == "json":
        click.echo(json.dumps([one.model_dump(mode="json") for one in found], indent=1))
        return
    for one in found:
        click.echo(f"{one.id}  {one.profile:<8} {one.level.value:<6} {one.title}")


@click.command()
@click.argument("identifier")
@AS
def explain(identifier: str, form: str) -> None:
    """One requirement: its sentence, where it comes from, what it needs."""
    one = catalogue().get(identifier.upper())
    if one is None:
        raise click.UsageError(f"there is no {identifier}; see f7t conformance list")
    if form == "json":
        click.echo(one.model_dump_json(indent=1))
        return
    changes = "changes things on the system" if one.destructive else "reads only"
    rows = [
        ("level", one.level.value),
        ("source", f"{one.source.contract} {one.source.tutorial}".rstrip()),
        ("since", one.source.since),
        ("profile", one.profile),
        ("needs", ", ".join(need.value for need in one.needs) or "nothing special"),
        ("effect", changes),
    ]
    if one.deadline:
        rows.append(("deadline", f"{one.deadline:g} s"))
    for name in shipped():
        waiver = read_waivers(name).get(one.id)
        if waiver:
            rows.append(("waived", f"by {name}: {waiver.reason}"))
    click.echo(f"{one.id} {one.title}\n\n  {one.requirement}\n")
    for label, text in rows:
        click.echo(f"  {label + ':':<10}{text}")


@click.command("coverage")
@click.option("--missing", is_flag=True, help="Only rows that nothing covers.")
@AS
def coverage_command(missing: bool, form: str) -> None:
    """Each row of the contract and what covers it; exit status 1 if nothing covers one."""
    requirements = list(catalogue().values())
    found = [one for one in coverage(requirements) if one.missing or not missing]
    lost = astray(requirements)
    uncovered = [one.row for one in found if one.missing]
    if form == "json":
        rows = [
            {"row": one.row, "words": one.words, "ids": one.ids, "reason": one.reason}
            for one in found
        ]
        click.echo(json.dumps({"rows": rows, "uncovered": uncovered, "astray": lost}, indent=1))
        sys.exit(bool(uncovered or lost))
    for one in found:
        told = " ".join(one.ids) or (f"({one.reason})" if one.reason else "NOT COVERED")
        click.echo(f"{one.row:<5} {one.words:<42.42} {told}")
    for identifier, row in lost:
        click.echo(f"{identifier} cites {row}, which the contract does not have")
    total = len(contract_rows().rows)
    click.echo(f"{total} rows, {len(uncovered)} not covered, {len(lost)} citations astray")
    sys.exit(bool(uncovered or lost))


@click.command()
def schema() -> None:
    """The JSON schema of results.json."""
    from f7t_conformance.reports.schema import schema_text

    click.echo(schema_text(), nl=False)


COMMANDS = (report, diff, matrix, list_command, explain, coverage_command, schema)
