"""Who listens where on this machine: /proc/net/tcp*, matched with every process's open files."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
_LISTEN = "0A"
"""State TCP_LISTEN as /proc/net/tcp prints it (proc(5))."""


@dataclass(frozen=True)
class Holder:
    """The process that listens on a port; `pid` is None where the kernel does not let us see it."""

    port: int
    pid: int | None
    command: str

    def __str__(self) -> str:
        if self.pid is None:
            return self.command
        return f"pid {self.pid} ({self.command})"


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now.

    SO_REUSEADDR as every server sets it: connections in TIME_WAIT do not count as taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def taken(ports: Mapping[str, int]) -> dict[str, Holder]:
    """The holders of those of `ports` (part name to number) that are not free, by part name."""
    busy = {part: port for part, port in ports.items() if not is_free(port)}
    if not busy:
        return {}
    holders = _holders(set(busy.values()))
    return {part: holders[port] for part, port in busy.items()}


def free_base(start: int, offsets: Iterable[int], highest: int) -> int | None:
    """First port base after `start`, in steps of 100, whose ports base + offset are all free."""
    wanted = tuple(offsets)
    for base in range(start + 100, highest + 1, 100):
        if all(is_free(base + offset) for offset in wanted):
            return base
    return None


def _listening(port_numbers: set[int]) -> dict[str, int]:
    """Socket inode to port of every listening TCP socket on one of `port_numbers`."""
    found: dict[str, int] = {}
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        if not path.exists():
            continue
        for line in path.read_text(encoding="ascii").splitlines()[1:]:
            columns = line.split()
            port = int(columns[1].rpartition(":")[2], 16)
            if columns[3] == _LISTEN and port in port_numbers:
                found[columns[9]] = port
    return found


def _holders(port_numbers: set[int]) -> dict[int, Holder]:
    sockets = {f"socket:[{inode}]": port for inode, port in _listening(port_numbers).items()}
    holders = {
        port: Holder(port, None, "a process of another user or container") for port in port_numbers
    }
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        for port in _ports_of(process, sockets):
            if holders[port].pid is None:
                holders[port] = Holder(port, int(process.name), _command(process))
    return holders


def _ports_of(process: Path, sockets: Mapping[str, int]) -> set[int]:
    try:
        targets = [str(entry.readlink()) for entry in (process / "fd").iterdir()]
    except OSError:
        # The process has ended meanwhile, or belongs to somebody else.
        return set()
    return {sockets[target] for target in targets if target in sockets}


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return "ended meanwhile"
    text = b" ".join(words).decode(errors="replace").strip()
    return text if len(text) <= 100 else f"{text[:97]}..."
