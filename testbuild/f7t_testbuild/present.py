"""How things are shown to a person: tables and advice. Nothing here decides or acts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any, TextIO

from f7t_testbuild.invocation import command_line
from f7t_testbuild.model import CLIENT_ID, SYSTEM, PartState, RuntimeStatus, Testbuild

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from f7t_testbuild.doctor import Check, Verdict
    from f7t_testbuild.images.build import Outcome
    from f7t_testbuild.proof import Proof

_PIPE_WIDTH = 240
"""Columns: wide enough that no cell is folded where a program reads."""

_FOLDED_WIDTH = 15
"""Columns a foldable cell keeps at least: an address with its port stays whole."""

_COLOURS = {
    PartState.READY: "green",
    PartState.FAILED: "bold red",
    PartState.STOPPED: "dim",
    PartState.WAITING: "yellow",
    PartState.STARTING: "yellow",
    PartState.RESTARTING: "yellow",
}


def print_table(table: Table, stream: TextIO) -> None:
    """Print for a terminal of its width; into a file or pipe as wide as the content needs."""
    from rich.console import Console

    if stream.isatty():
        Console(file=stream, highlight=False).print(table)
        return
    text = StringIO()
    Console(file=text, width=_PIPE_WIDTH, highlight=False).print(table)
    stream.writelines(f"{line.rstrip()}\n" for line in text.getvalue().strip("\n").splitlines())


def _table(*headings: str, foldable: Collection[str] = ()) -> Table:
    """A table whose `foldable` columns give way on a narrow terminal; the others stay whole."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        folds = heading in foldable
        narrowest = _FOLDED_WIDTH if folds else None
        table.add_column(heading, overflow="fold", no_wrap=not folds, min_width=narrowest)
    return table


def since_when(stamp: str | None, *, now: datetime) -> str:
    """A status's time of UTC in the zone of `now`: the time of day if it was today, else the day.

    For people at a terminal, where the whole stamp takes the room of what stands beside it.
    """
    if stamp is None:
        return "-"
    moment = datetime.fromisoformat(stamp).replace(tzinfo=UTC).astimezone(now.tzinfo)
    return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%Y-%m-%d}"


def parts_table(status: RuntimeStatus, *, now: datetime | None = None) -> Table:
    """Every part: what it is, version, state, address, since (shortened if `now` is given)."""
    from rich.text import Text

    headings = ("part", "what", "version", "state", "address", "since")
    table = _table(*headings, foldable=("what", "address"))
    for part in status.parts:
        what = Text(part.what)
        notes = [f"{part.restarts} restarts"] if part.restarts else []
        if part.detail:
            notes.append(part.detail)
        if notes:
            what.append(f" - {', '.join(notes)}", style="yellow")
        table.add_row(
            Text(part.name),
            what,
            Text(part.version),
            Text(part.state.value, style=_COLOURS[part.state]),
            Text(part.address),
            Text(since_when(part.since, now=now) if now else part.since or "-"),
        )
    return table


def print_parts(status: RuntimeStatus, stream: TextIO) -> None:
    """The table of all parts: in short for a person at a terminal, whole for a file or pipe."""
    now = datetime.now().astimezone() if stream.isatty() else None
    print_table(parts_table(status, now=now), stream)


def headline(status: RuntimeStatus, testbuild: Testbuild) -> str:
    """One line over the table: name, running or not, the way it took."""
    if not status.running:
        return f"testbuild {status.name!r} is not running"
    return (
        f"testbuild {status.name!r} is running at {testbuild.gateway_url} "
        f"({status.runtime}, cluster isolated by: {status.way})"
    )


def proof_line(proof: Proof) -> str:
    """What was proved, and how long each step took."""
    steps = ", ".join(f"{step.name} {step.seconds:.2f} s" for step in proof.steps)
    return f"proved in {proof.seconds:.1f} s: {steps}"


def next_steps(testbuild: Testbuild) -> str:
    """What to paste next."""
    return (
        "try it:\n"
        f'  eval "$({command_line("env", testbuild)})"\n'
        f'  eval "$({command_line("token --export", testbuild)})"\n'
        '  curl -H "Authorization: Bearer $TOKEN" $FIRECREST_URL/status/systems'
    )


def client_environment(testbuild: Testbuild, client_secret: str) -> dict[str, str]:
    """What a client needs. `FIRECREST_IP` is the tutorial's name of the gateway's URL.

    The other names are those the official client's own command line reads.
    """
    return {
        "FIRECREST_URL": testbuild.gateway_url,
        "FIRECREST_IP": testbuild.gateway_url,
        "FIRECREST_SYSTEM": SYSTEM,
        "FIRECREST_CLIENT_ID": CLIENT_ID,
        "FIRECREST_CLIENT_SECRET": client_secret,
        "FIRECREST_USER": f"service-account-{CLIENT_ID}",
        "AUTH_TOKEN_URL": testbuild.token_url,
    }


def checks_table(checks: list[Check]) -> Table:
    """One line per check of the doctor, with the mend under its finding."""
    from rich.text import Text

    table = _table("", "check", "finding", foldable=("finding",))
    for check in checks:
        finding = Text(check.finding)
        if check.mend:
            finding.append(f"\nmend: {check.mend}", style="bold")
        table.add_row(_mark(check.verdict), Text(check.name), finding)
    return table


def _mark(verdict: Verdict) -> Text:
    from rich.text import Text

    styles = {"ok": "green", "note": "yellow", "blocks": "bold red"}
    return Text(verdict.value, style=styles[verdict.value])


def plain_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table of texts; the last column gives way on a narrow terminal."""
    from rich.text import Text

    table = _table(*headings, foldable=headings[-1:])
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def known_table(rows: list[dict[str, Any]]) -> Table:
    """The testbuilds of `f7t list`."""
    from rich.text import Text

    table = _table("name", "state", "way", "gateway", "directory", foldable=("directory",))
    for row in rows:
        state = "running" if row["running"] else "stopped"
        table.add_row(
            row["name"],
            Text(state, style="green" if row["running"] else "dim"),
            row["way"] or "-",
            row["url"],
            row["directory"],
        )
    return table


def images_table(outcomes: list[Outcome]) -> Table:
    """What `f7t images` made: size in MB (10^6 bytes), seconds, and why something is not."""
    from rich.text import Text

    table = _table("part", "is", "image", "MB", "s", "remark", foldable=("image", "remark"))
    styles = {"embedded": "yellow", "not built": "red"}
    for outcome in outcomes:
        table.add_row(
            Text(outcome.part),
            Text(outcome.kind.value, style=styles.get(outcome.kind.value, "green")),
            Text(outcome.image or "-"),
            f"{outcome.size / 1e6:.0f}" if outcome.size else "-",
            f"{outcome.seconds:.0f}",
            Text(outcome.remark),
        )
    return table
