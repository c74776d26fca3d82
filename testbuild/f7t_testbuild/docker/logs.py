"""Logs of containers, and of the daemons in the machines of the cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from f7t_testbuild.docker.execution import executed

if TYPE_CHECKING:
    from docker.models.containers import Container

DIRECTORY = "/var/log/cluster"


@dataclass
class ContainerLog:
    """What a container's first process writes."""

    container: Container
    last: str = ""
    """Time stamp of the newest line that was shown."""

    def tail(self, lines: int) -> list[str]:
        return self._fresh(self.container.logs(timestamps=True, tail=lines)) if lines else []

    def added(self) -> list[str]:
        since = _seconds(self.last) if self.last else None
        return self._fresh(self.container.logs(timestamps=True, since=since))

    def _fresh(self, output: bytes) -> list[str]:
        shown = []
        for line in output.decode(errors="replace").splitlines():
            stamp, _, text = line.partition(" ")
            if stamp > self.last:
                self.last = stamp
                shown.append(text)
        return shown


def _seconds(stamp: str) -> int:
    """Whole seconds of a time stamp of the engine; what is older within it is left out later."""
    return int(datetime.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timestamp())


@dataclass
class DaemonLog:
    """A log file of the supervision inside a machine."""

    container: Container
    name: str
    position: int = 0
    rest: bytes = field(default=b"")

    def tail(self, lines: int) -> list[str]:
        whole = self._read(0)
        self.position = len(whole)
        complete = whole.decode(errors="replace").splitlines()
        return complete[-lines:] if lines else []

    def added(self) -> list[str]:
        fresh = self._read(self.position)
        self.position += len(fresh)
        *complete, self.rest = (self.rest + fresh).split(b"\n")
        return [line.decode(errors="replace") for line in complete]

    def _read(self, position: int) -> bytes:
        path = f"{DIRECTORY}/{self.name}.log"
        return executed(self.container, ["tail", "-c", f"+{position + 1}", path])[1]


def daemon_names(container: Container) -> list[str]:
    """Names of the daemons of a machine that have a log."""
    _, output = executed(container, ["ls", DIRECTORY])
    names = output.decode(errors="replace").split()
    return [name.removesuffix(".log") for name in names if name.endswith(".log")]
