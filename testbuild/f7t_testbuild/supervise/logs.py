"""Log files of the parts: written by the programs themselves, kept small by the supervisor."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
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
