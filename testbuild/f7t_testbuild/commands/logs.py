"""`f7t logs`: the logs of one part or of all, and what is being added to them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from f7t_testbuild.commands.common import Failure, name_option, open_runtime, select
from f7t_testbuild.runtime import LogSource

_LOOK_SECONDS = 0.2


@click.command()
@click.argument("part", required=False)
@name_option
@click.option("-f", "--follow", is_flag=True, help="Keep printing what is added, until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    default=None,
    help="How many lines of each log  [default: 100 of one part, 10 of each of all]",
)
def logs(
    part: str | None, name: str, state_root: Path | None, follow: bool, lines: int | None
) -> None:
    """Show the logs of all parts, or of one.

    \b
    Examples:
      f7t logs
      f7t logs gateway -f
      f7t logs slurmctld -n 500
    """
    selection = select(name, state_root)
    sources = open_runtime(selection).logs() if selection.known else {}
    if not sources:
        raise selection.not_running()
    chosen = _chosen(sources, part)
    count = lines if lines is not None else 10 if part is None else 100
    for prefix, source in chosen.items():
        _print(prefix, source.tail(count))
    while follow:
        time.sleep(_LOOK_SECONDS)
        for prefix, source in chosen.items():
            _print(prefix, source.added())


def _chosen(sources: Mapping[str, LogSource], part: str | None) -> dict[str, LogSource]:
    """The logs to show, by what stands before their lines."""
    if part is None:
        width = max(map(len, sources))
        return {f"{name:<{width}} | ": source for name, source in sources.items()}
    if part not in sources:
        raise Failure(f"no part is called {part!r}", hint=f"parts: {', '.join(sorted(sources))}")
    return {"": sources[part]}


def _print(prefix: str, lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(f"{prefix}{line}")
