"""Starting and waiting for child processes, as an init does: all of them, also adopted ones.

asyncio's own subprocesses are not used on purpose: they wait for single processes, while a process
1 or subreaper has to reap whatever comes, and sd_listen_fds(3) needs the child's own pid in its
environment.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
FIRST_LISTENER = 3
ABOVE = 100
"""Descriptors from here on are out of the way of the inherited ones."""

_libc = ctypes.CDLL(None, use_errno=True)


class SpawnFailure(OSError):
    """The program could not be executed; the text says which and why."""


@dataclass(frozen=True)
class Child:
    """A started process and the promise of its exit code (negative: the signal, as in waitpid)."""

    pid: int
    exited: asyncio.Future[int]

    def send(self, number: int) -> None:
        """Send a signal to the process, unless it was reaped already."""
        if not self.exited.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """SIGKILL to the whole process group; every child leads one of its own."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def become_subreaper() -> None:
    """Adopt orphaned descendants (prctl(2) PR_SET_CHILD_SUBREAPER) instead of losing them."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


class Children:
    """All child processes of this process; needs a running event loop in the main thread."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def close(self) -> None:
        """Stop reaping."""
        self._loop.remove_signal_handler(signal.SIGCHLD)

    def start(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        output: int,
        listeners: Sequence[int] = (),
        directory: str = "/",
        death_signal: int = signal.SIGKILL,
        extra: Mapping[str, int] | None = None,
    ) -> Child:
        """Execute `argv` with stdout and stderr on the descriptor `output`.

        `listeners` become descriptors 3, 4, ... of the child; each descriptor in `extra` follows
        them, its number standing in the variable that is its key. Raises `SpawnFailure`.
        """
        described = dict(environment)
        inherited = list(listeners)
        for variable, descriptor in (extra or {}).items():
            described[variable] = str(FIRST_LISTENER + len(inherited))
            inherited.append(descriptor)
        if listeners:
            described["LISTEN_FDS"] = str(len(listeners))
        read, write = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(argv, described, inherited, output, directory, death_signal, write, parent)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            failure = pipe.read()
        exited: asyncio.Future[int] = self._loop.create_future()
        if failure:
            os.waitpid(pid, 0)
            raise SpawnFailure(failure.decode(errors="replace"))
        self._waiting[pid] = exited
        return Child(pid, exited)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            exited = self._waiting.pop(pid, None)
            if exited is not None and not exited.done():
                exited.set_result(os.waitstatus_to_exitcode(status))

    def strays(self) -> list[int]:
        """Children that this process adopted rather than started."""
        return [pid for pid in child_pids(os.getpid()) if pid not in self._waiting]

    def kill_strays(self) -> None:
        """SIGKILL to every adopted child; their own children are adopted next."""
        for pid in self.strays():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def kill_all(self) -> None:
        """SIGKILL until no child is left, neither started nor adopted."""
        while pids := child_pids(os.getpid()):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.005)
            self._reap()


def child_pids(parent: int) -> list[int]:
    """Processes whose parent is `parent`, from proc(5); zombies included."""
    found = []
    for entry in os.scandir("/proc"):
        name = entry.name
        if name.isdigit() and (fields := stat_fields(int(name))) and int(fields[1]) == parent:
            found.append(int(name))
    return found


def stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state (3rd) on; empty when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def start_time(pid: int) -> str | None:
    """Start of a process in clock ticks since boot: with the pid it names one process for good."""
    fields = stat_fields(pid)
    return fields[19] if fields and fields[0] != "Z" else None


def _become(
    argv: Sequence[str],
    environment: dict[str, str],
    inherited: Sequence[int],
    output: int,
    directory: str,
    death_signal: int,
    report: int,
    parent: int,
) -> NoReturn:
    """The child between fork and exec; whatever goes wrong is written to `report`."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setsid()
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        report = fcntl.fcntl(report, fcntl.F_DUPFD_CLOEXEC, ABOVE)
        _arrange(inherited, output)
        if "LISTEN_FDS" in environment:
            environment["LISTEN_PID"] = str(os.getpid())
        os.chdir(directory)
        os.execvpe(argv[0], list(argv), environment)
    except BaseException as error:  # nothing may return into the parent's event loop
        os.write(report, f"cannot run {argv[0]}: {error}".encode())
    os._exit(127)


def _arrange(inherited: Iterable[int], output: int) -> None:
    """Put the descriptors at their places: 0 null, 1 and 2 output, then the inherited ones."""
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, ABOVE) for descriptor in inherited]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for place, copy in enumerate(copies, FIRST_LISTENER):
        os.dup2(copy, place)
