"""Where fetched servers are kept, for all testbuilds of one person. Each is made once."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from f7t_testbuild.progress import Progress

_UNFINISHED = ".new-"


class Unobtainable(Exception):
    """A server cannot be had here; `hint` says what a person can do about it.

    `log_tail` holds the last lines of the tool that failed, if one did.
    """

    def __init__(self, message: str, *, hint: str, log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.log_tail = log_tail


def cache_root() -> Path:
    """`$F7T_CACHE`, else `f7t` in the cache directory (XDG base directory specification)."""
    chosen = os.environ.get("F7T_CACHE")
    if chosen:
        return Path(chosen).absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "f7t"


def obtain(kind: str, name: str, make: Callable[[Path], None], progress: Progress) -> Path:
    """The directory `kind/name` of the cache, filled by `make` if it is not there yet.

    `make` gets an empty directory beside it, which gets its name only when `make` has returned.
    Whoever comes meanwhile waits. Raises `Unobtainable` where the cache cannot be written, and
    whatever `make` raises.
    """
    place = cache_root() / kind
    wanted = place / name
    if wanted.is_dir():
        return wanted
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(place / ".lock", lambda: progress(f"waiting for who fetches {kind} now")):
            if not wanted.is_dir():
                _make(wanted, make)
    except OSError as error:
        raise Unobtainable(
            f"the cache {place} cannot be written: {error.strerror or error}",
            hint="make room or choose another directory with F7T_CACHE",
        ) from error
    return wanted


def _make(wanted: Path, make: Callable[[Path], None]) -> None:
    for abandoned in wanted.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(abandoned)
    fresh = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=wanted.parent))
    try:
        make(fresh)
        fresh.rename(wanted)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


@contextmanager
def _locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
