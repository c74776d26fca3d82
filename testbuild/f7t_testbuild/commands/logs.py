"""`f7t logs`: the logs of one part or of all, and what is being added to them."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from f7t_testbuild.commands.common import Failure, name_option, open_runtime, select

_LOOK_SECONDS = 0.2


@dataclass
class Follower:
    """A log file that is being read as it grows, is cut, or is replaced by a new one."""

    prefix: str
    path: Path
    position: int = 0
    inode: int = 0
    rest: bytes = b""

    def tail(self, lines: int) -> list[str]:
        """The last `lines` lines; reading goes on behind them."""
        try:
            with self.path.open("rb") as log:
                last = deque(log, maxlen=lines)
                self.position = log.tell()
                self.inode = os.fstat(log.fileno()).st_ino
        except FileNotFoundError:
            return []
        return [self._decorated(line) for line in last]

    def added(self) -> list[str]:
        """Complete lines that came since the last look."""
        try:
            with self.path.open("rb") as log:
                state = os.fstat(log.fileno())
                if state.st_ino != self.inode or state.st_size < self.position:
                    self.position, self.inode, self.rest = 0, state.st_ino, b""
                log.seek(self.position)
                fresh = log.read()
                self.position = log.tell()
        except FileNotFoundError:
            return []
        *complete, self.rest = (self.rest + fresh).split(b"\n")
        return [self._decorated(line) for line in complete]

    def _decorated(self, line: bytes) -> str:
        return self.prefix + line.rstrip(b"\r\n").decode(errors="replace")


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
    files = open_runtime(selection).log_files() if selection.known else {}
    if not files:
        raise selection.not_running()
    followers = _followers(files, part)
    count = lines if lines is not None else 10 if part is None else 100
    for follower in followers:
        _print(follower.tail(count))
    while follow:
        time.sleep(_LOOK_SECONDS)
        for follower in followers:
            _print(follower.added())


def _followers(files: dict[str, Path], part: str | None) -> list[Follower]:
    if part is None:
        width = max(map(len, files))
        return [Follower(f"{name:<{width}} | ", path) for name, path in files.items()]
    if part not in files:
        raise Failure(f"no part is called {part!r}", hint=f"parts: {', '.join(sorted(files))}")
    return [Follower("", files[part])]


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)
