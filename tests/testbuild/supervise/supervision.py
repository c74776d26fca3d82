"""A supervisor in a process of its own, as a test drives it.

Not in the test's process: a supervisor reaps every child there is, and kills what is left.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from f7t_testbuild.native.outer import Listener, OuterSpec
from f7t_testbuild.supervise import control, notify
from f7t_testbuild.supervise.part import Part
from tests.support.live import until

T = TypeVar("T")
PATH = "/usr/local/bin:/usr/bin:/bin"
FOREVER = "exec sleep 1000"


def shell(name: str, script: str, **values: Any) -> Part:
    """A part that runs a shell script."""
    return Part(name=name, argv=("/bin/sh", "-c", script), **values)


def python(name: str, script: str, **values: Any) -> Part:
    """A part that runs a Python script."""
    return Part(name=name, argv=(sys.executable, "-c", script), **values)


def free_port() -> int:
    """A TCP port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Supervision:
    """One running supervisor."""

    directory: Path
    process: subprocess.Popen[bytes]
    line: socket.socket
    told: list[dict[str, str]] = field(default_factory=list)

    def wait(self, key: str) -> dict[str, str]:
        """The next message of the supervisor with this key; the others are kept in `told`."""
        while True:
            message = notify.receive(self.line)
            assert message is not None, f"the supervisor ended; it told {self.told}"
            self.told.append(dict(message.values))
            if key in message.values:
                return dict(message.values)

    def part(self, name: str) -> dict[str, Any]:
        """The status of one part."""
        parts = control.ask(self.directory / "control.sock", "status")["parts"]
        return next(part for part in parts if part["name"] == name)

    def reaches(self, name: str, state: str, *, restarts: int = 0) -> dict[str, Any]:
        """The status of a part once it is in a state after so many restarts."""

        def probe() -> dict[str, Any] | None:
            part = self.part(name)
            return part if part["state"] == state and part["restarts"] >= restarts else None

        return until(probe, what=f"{name} {state}")

    def ask(self, command: str, *, part: str = "") -> dict[str, Any]:
        return control.ask(self.directory / "control.sock", command, part=part)

    def log(self, name: str) -> str:
        return (self.directory / "log" / f"{name}.log").read_text()

    def stop(self) -> int:
        """Stop in order; the exit code."""
        self.ask("stop")
        return self.process.wait(30)


def supervise(
    directory: Path, parts: Sequence[Part], listeners: Sequence[Listener] = ()
) -> Supervision:
    """Start a supervisor with these parts."""
    spec = OuterSpec(
        way="test",
        parts=parts,
        environment={"PATH": PATH, "GREETING": "hello", "HERE": str(directory)},
        listeners=listeners,
        log_directory=str(directory / "log"),
        control=str(directory / "control.sock"),
        supervisor_file=str(directory / "supervisor.json"),
    )
    (directory / "spec.json").write_text(spec.to_json())
    ours, theirs = notify.pair()
    ours.settimeout(30)
    with theirs, (directory / "supervisor.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "f7t_testbuild.native.outer", str(directory / "spec.json")],
            stdout=output,
            stderr=output,
            env={"PATH": PATH, notify.VARIABLE: str(theirs.fileno())},
            pass_fds=(theirs.fileno(),),
        )
    return Supervision(directory, process, ours)


Start = Callable[..., Supervision]
"""Starts a supervisor of parts that does not outlive its test."""
