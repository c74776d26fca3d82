"""What a supervised part is: data that travels as JSON between the processes of a testbuild."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class CheckKind(StrEnum):
    """How readiness is recognised."""

    STARTED = "started"
    """As soon as the program runs."""
    TCP = "tcp"
    """`address` (host:port) accepts a connection."""
    UNIX = "unix"
    """The socket path `address` accepts a connection."""
    FILE = "file"
    """The path `address` exists."""
    HTTP = "http"
    """Every http URL of `address` (separated by blanks) answers 200; they are asked in order."""
    COMMAND = "command"
    """`argv` exits with 0 and its output matches the regular expression `expect`."""
    NOTIFY = "notify"
    """The part says so itself: `READY=1` on the socket it inherits (see `notify`)."""


@dataclass(frozen=True)
class Check:
    """One readiness check."""

    kind: CheckKind = CheckKind.STARTED
    address: str = ""
    argv: tuple[str, ...] = ()
    expect: str = ""


@dataclass(frozen=True)
class Part:
    """One program under supervision.

    `listeners` names sockets of the supervisor that the program inherits as descriptors 3, 4, ...
    in this order (the LISTEN_FDS protocol of sd_listen_fds(3)); the part waits until all of them
    exist. `requires` names parts that must be ready before its first start.
    """

    name: str
    argv: tuple[str, ...]
    what: str = ""
    version: str = ""
    address: str = "-"
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    requires: tuple[str, ...] = ()
    listeners: tuple[str, ...] = ()
    ready: Check = Check()
    ready_timeout: float = 30.0
    """Seconds from the start of the program to its readiness."""
    oneshot: bool = False
    """Runs to its end; ready when it exits with 0."""
    restart: bool = True
    start_attempts: int = 2
    """Starts before it counts as failed, if it was never ready."""
    stop_signal: str = "TERM"
    stop_grace: float = 10.0
    """Seconds between the stop signal and SIGKILL."""
    death_signal: str = "KILL"
    """What it gets when the supervisor dies (PR_SET_PDEATHSIG)."""
    clear: tuple[str, ...] = ()
    """Stale files (sockets, pid files) removed before every start."""

    def __post_init__(self) -> None:
        if not self.argv:
            raise ValueError(f"part {self.name!r} has an empty command")
        for name in (self.stop_signal, self.death_signal):
            signal.Signals["SIG" + name]

    def to_json(self) -> dict[str, Any]:
        """The part as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Part:
        """The part that `to_json` or a definition file described.

        Raises `TypeError` for unknown keys, `ValueError` for a bad value, `KeyError` for an
        unknown signal.
        """
        known = dict(value)
        check = dict(known.pop("ready", {}))
        check["kind"] = CheckKind(check.get("kind", CheckKind.STARTED))
        check["argv"] = tuple(check.get("argv", ()))
        for key in ("argv", "requires", "listeners", "clear"):
            if key in known:
                known[key] = tuple(known[key])
        return cls(ready=Check(**check), **known)


class BadParts(ValueError):
    """The parts contradict each other: a name twice, an unknown or circular requirement."""


def check_parts(parts: tuple[Part, ...]) -> None:
    """Raise `BadParts` unless names are unique and requirements known and free of circles."""
    names = [part.name for part in parts]
    if doubles := {name for name in names if names.count(name) > 1}:
        raise BadParts(f"defined twice: {', '.join(sorted(doubles))}")
    waiting = {part.name: set(part.requires) for part in parts}
    for name, needed in waiting.items():
        if unknown := needed - waiting.keys():
            raise BadParts(f"{name} requires unknown parts: {', '.join(sorted(unknown))}")
    while free := {name for name, needed in waiting.items() if not needed}:
        waiting = {name: needed - free for name, needed in waiting.items() if name not in free}
    if waiting:
        raise BadParts(f"requirements form a circle: {', '.join(sorted(waiting))}")
