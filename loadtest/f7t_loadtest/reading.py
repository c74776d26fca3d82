"""The commands of `f7t load` that read results: compare, check, report, schema."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from f7t_loadtest.comparison import BAND, Change, Comparison, Direction, Incomparable
from f7t_loadtest.comparison import compare as compared
from f7t_loadtest.model import Run
from f7t_loadtest.reports import Unreadable, read, wording, write

_RESULTS = click.Path(path_type=Path)
_STYLE = {Direction.BETTER: "green", Direction.WORSE: "bold red", Direction.SAME: "dim"}


def _read(path: Path) -> Run:
    try:
        return read(path)
    except Unreadable as error:
        raise click.UsageError(str(error)) from None


@click.command()
@click.argument("a", type=_RESULTS)
@click.argument("b", type=_RESULTS)
@click.option(
    "--band",
    type=click.FloatRange(0, 1),
    default=BAND,
    show_default=True,
    help="Relative difference that counts as noise; more where few requests were made.",
)
@click.option("--force", is_flag=True, help="Also when scenario or mode differ.")
@click.option("--all", "everything", is_flag=True, help="Also what stayed the same.")
@click.option("--json", "as_document", is_flag=True, help="Print one JSON document.")
def compare(
    a: Path, b: Path, band: float, force: bool, everything: bool, as_document: bool
) -> None:
    """What got better or worse from run A to run B (results.json or its directory).

    A difference within the noise band is "same": the band is --band, or two standard errors where
    the requests were too few for it.

    \b
    Examples:
      f7t load compare before/results.json after/results.json
      f7t load compare before after --all
      f7t load compare before after --json

    Exit status: 0 nothing got worse, 1 something did, 2 a mistake in the call, or the runs did
    different things.
    """
    try:
        found = compared(_read(a), _read(b), band=band, force=force)
    except Incomparable as error:
        hint = "" if force else "\nwith --force they are compared nevertheless"
        raise click.UsageError(f"{error}{hint}") from None
    if as_document:
        click.echo(found.model_dump_json(indent=2))
    else:
        _show(found, everything=everything)
    sys.exit(1 if found.worse else 0)


def _show(found: Comparison, *, everything: bool) -> None:
    console = Console(soft_wrap=True)
    shown = [one for one in found.changes if everything or one.direction is not Direction.SAME]
    if shown:
        console.print(_table(shown))
    counts = {
        direction: sum(1 for one in found.changes if one.direction is direction)
        for direction in Direction
    }
    console.print(
        f"{counts[Direction.BETTER]} better, {counts[Direction.WORSE]} worse, "
        f"{counts[Direction.SAME]} the same within {found.band:.0%} or two standard errors"
    )
    for note in found.notes:
        console.print(f"note: {escape(wording.visible(note))}")


def _table(changes: list[Change]) -> Table:
    table = Table(box=None, pad_edge=False)
    for head in ("stage", "figure", "before", "after", "change", "noise", ""):
        right = head in {"before", "after", "change", "noise"}
        table.add_column(head, justify="right" if right else "left")
    for one in changes:
        names = (escape(wording.visible(text)) for text in (one.stage, one.figure))
        values = (_value(one, value) for value in (one.before, one.after))
        style = _STYLE[one.direction]
        noise = f"±{one.band:.1%}" if one.unit == "share" else f"±{one.band:.0%}"
        word = f"[{style}]{one.direction}[/]"
        table.add_row(*names, *values, _difference(one), noise, word)
    return table


def _value(change: Change, value: float) -> str:
    if change.unit == "s":
        return wording.seconds(value)
    if change.unit == "share":
        return f"{value:.2%}"
    return f"{wording.rate(value)} {change.unit}"


def _difference(change: Change) -> str:
    if change.unit == "share":
        return f"{change.after - change.before:+.2%}"
    return f"{change.after / change.before - 1:+.0%}" if change.before else "new"


@click.command()
@click.argument("results", nargs=-1, required=True, type=_RESULTS)
@click.option(
    "--thresholds",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    help="YAML file of thresholds, such as loadtest/thresholds.yaml.",
)
@click.option(
    "--complete", is_flag=True, help="A threshold whose scenario is in none of RESULTS is missed."
)
@click.option("--json", "as_document", is_flag=True, help="Print one JSON document.")
def check(results: tuple[Path, ...], file: Path, complete: bool, as_document: bool) -> None:
    """Do RESULTS keep the thresholds? (results.json files or their directories)

    A threshold that cannot be told from the run of its scenario counts as missed: without floors
    (`make loadtest` measures them) that is every ratio.

    \b
    Examples:
      f7t load check build/loadtest/tasks --thresholds loadtest/thresholds.yaml
      f7t load check build/loadtest/* --thresholds loadtest/thresholds.yaml --complete

    Exit status: 0 all kept, 1 one missed, 2 a mistake in the call or in the file.
    """
    from f7t_loadtest.thresholds import BadThresholds, read_thresholds, unasked
    from f7t_loadtest.thresholds import check as checked

    try:
        thresholds = read_thresholds(file)
    except BadThresholds as error:
        raise click.UsageError(str(error)) from None
    runs = [_read(path) for path in results]
    verdicts = [one for run in runs for one in checked(run, thresholds)]
    if complete:
        verdicts += unasked(runs, thresholds)
    if not verdicts:
        scenarios = ", ".join(sorted({one.scenario for one in runs}))
        raise click.UsageError(f"{file} demands nothing of {scenarios}")
    if as_document:
        document = [
            {"name": one.threshold.name, "scenario": one.threshold.scenario, "value": one.value,
             "kept": one.kept, "said": one.sentence}
            for one in verdicts
        ]  # fmt: skip
        click.echo(json.dumps(document, indent=2))
    else:
        for one in verdicts:
            word = (
                click.style("kept  ", fg="green") if one.kept else click.style("MISSED", fg="red")
            )
            click.echo(f"{word} {wording.visible(one.sentence)}")
    sys.exit(0 if all(one.kept for one in verdicts) else 1)


@click.command()
@click.argument("results", type=_RESULTS)
@click.option(
    "--report",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write  [default: beside RESULTS]",
)
def report(results: Path, directory: Path | None) -> None:
    """Write page and tables again from RESULTS (results.json or its directory)."""
    run = _read(results)
    where = directory or (results if results.is_dir() else results.parent)
    try:
        written = write(run, where)
    except OSError as error:
        raise click.UsageError(f"{where}: {error.strerror}") from None
    for path in written:
        click.echo(path)


@click.command()
def schema() -> None:
    """The JSON schema of results.json."""
    from f7t_loadtest.reports.schema import schema_text

    click.echo(schema_text(), nl=False)


COMMANDS = (compare, check, report, schema)
