"""Log files of the parts: written by the programs themselves, kept small by the supervisor."""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LARGEST = 8 * 1024 * 1024
"""Bytes after which a log is moved to `<name>.1` (one generation is kept)."""


def open_log(path: Path) -> int:
    """Open a log for appending, mode 0600; the programs write to the descriptor directly.

    So a program neither waits for its supervisor nor loses output when that dies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def cap(paths: Iterable[Path], largest: int = LARGEST) -> None:
    """Copy every log beyond `largest` bytes to `<name>.1` and empty it.

    It is emptied in place because the programs keep their descriptors.
    """
    for path in paths:
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            continue
        if size > largest:
            shutil.copyfile(path, path.with_name(path.name + ".1"))
            os.truncate(path, 0)


def tail(path: Path, lines: int = 20) -> tuple[str, ...]:
    """The last lines of a log, empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 65536))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ()
    return tuple(text.splitlines()[-lines:])


@dataclass
class LogFile:
    """A log file that is being read as it grows, is cut, or is replaced by a new one."""

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
        return [_text(line) for line in last]

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
        return [_text(line) for line in complete]


def _text(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode(errors="replace")
