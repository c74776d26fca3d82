"""What a runtime of the testbuild can do; `native` and `docker` are the two there are."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Protocol

from f7t_testbuild.model import RuntimeStatus, Testbuild
from f7t_testbuild.progress import Progress


class RuntimeName(StrEnum):
    """How a testbuild runs."""

    DOCKER = "docker"
    NATIVE = "native"


class RuntimeFailure(Exception):
    """The runtime could not do what was asked; `hint` says what a person can do about it."""

    def __init__(
        self, message: str, *, hint: str = "", part: str = "", log_tail: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.part = part
        self.log_tail = log_tail


class NotProvided(RuntimeFailure):
    """Something that has to be fetched or built cannot be had here; nothing was started."""


class LogSource(Protocol):
    """The log of one part."""

    def tail(self, lines: int) -> list[str]:
        """The last `lines` lines; `added` goes on behind them."""

    def added(self) -> list[str]:
        """Complete lines that came since the last look."""


class Runtime(Protocol):
    """One testbuild. Methods raise `RuntimeFailure`."""

    def provide(self, progress: Progress) -> None:
        """Have what `up` needs and the network may refuse: images, fetched servers.

        Raises `NotProvided`.
        """

    def up(self, progress: Progress) -> bool:
        """Start everything and return when all parts are ready; False if it was up already.

        After a failure or an interrupt nothing is left running.
        """

    def down(self, progress: Progress, *, purge: bool = False) -> bool:
        """Stop everything; with `purge` delete the state too. False if nothing was running."""

    def status(self) -> RuntimeStatus:
        """State of every part; no parts when it is not running."""

    def restart(self, part: str) -> None:
        """Stop one part in order; it is started anew."""

    def kill(self, part: str) -> None:
        """End one part by force; it is started anew."""

    def reset(self, progress: Progress) -> None:
        """Cancel all jobs and put files, tasks and buckets back to the seed."""

    def logs(self) -> Mapping[str, LogSource]:
        """Log of every part by its name, of the cluster's daemons too."""


@contextmanager
def locked(testbuild: Testbuild, *, purge: bool = False) -> Iterator[None]:
    """One `up` or `down` of a name at a time; with `purge` the lock file goes too."""
    root = testbuild.state_root
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = root / f"{testbuild.name}.lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeFailure(
                f"another command is at work on the testbuild {testbuild.name}",
                hint="wait until it is finished",
            ) from None
        yield
        if purge:
            path.unlink(missing_ok=True)
