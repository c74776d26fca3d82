"""Keeping one part alive: start when its needs are met, wait for readiness, restart, stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from f7t_testbuild.model import PartState, PartStatus
from f7t_testbuild.supervise import notify
from f7t_testbuild.supervise.logs import open_log
from f7t_testbuild.supervise.part import CheckKind, Part
from f7t_testbuild.supervise.process import Child, Children, SpawnFailure
from f7t_testbuild.supervise.readiness import wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Awaitable

FIRST_BACK_OFF = 0.1
LONGEST_BACK_OFF = 10.0
STEADY = 10.0
"""Seconds of readiness after which the next crash counts as the first one again."""


@dataclass(frozen=True)
class Surroundings:
    """What a keeper needs of its supervisor."""

    children: Children
    environment: Mapping[str, str]
    log_directory: Path
    needs: Callable[[Part], Awaitable[None]]
    """Waits until all requirements are ready and all listeners exist."""
    listener: Callable[[str], socket.socket]
    changed: Callable[[PartStatus], None]
    offered: Callable[[str, socket.socket], None]
    """A part handed over a listening socket."""


class Keeper:
    """One part and its present process."""

    def __init__(self, part: Part, surroundings: Surroundings) -> None:
        self.part = part
        self.ready = asyncio.Event()
        self.ended = asyncio.Event()
        self.state = PartState.WAITING
        self._around = surroundings
        self._since = _now()
        self._detail = ""
        self._failure = ""
        """Why the present process is no good, if more is known than its exit code."""
        self._too_slow = False
        self._restarts = 0
        self._child: Child | None = None
        self._stopping = asyncio.Event()
        self._wanted = False
        """A restart was asked for, so the next exit is no crash."""
        self._line: socket.socket | None = None
        self._told_ready = asyncio.Event()

    @property
    def log(self) -> Path:
        return self._around.log_directory / f"{self.part.name}.log"

    @property
    def status(self) -> PartStatus:
        part, child = self.part, self._child
        return PartStatus(
            name=part.name,
            what=part.what,
            version=part.version,
            state=self.state,
            address=part.address,
            since=self._since,
            pid=child.pid if child and not child.exited.done() else None,
            restarts=self._restarts,
            detail=self._detail,
        )

    async def keep(self) -> None:
        """Run the part until `stop`; returns earlier for a finished oneshot or a failure."""
        try:
            if await self._unless_stopping(self._around.needs(self.part)):
                await self._loop()
        finally:
            if self.state is not PartState.FAILED and not self._finished:
                self._set(PartState.STOPPED)
            self.ended.set()

    @property
    def _finished(self) -> bool:
        return self.part.oneshot and self.state is PartState.READY

    async def _loop(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            ready_for = await self._run_once()
            if self._stopping.is_set() or self._finished:
                return
            if self._wanted:
                self._wanted, failures = False, 0
                self._restarts += 1
                continue
            failures = 1 if ready_for > STEADY else failures + 1
            if self._hopeless(failures):
                self._set(PartState.FAILED, self._detail)
                return
            self._restarts += 1
            self._set(PartState.RESTARTING, self._detail)
            pause = min(LONGEST_BACK_OFF, FIRST_BACK_OFF * 2 ** (failures - 1))
            await self._unless_stopping(asyncio.sleep(pause))

    def _hopeless(self, failures: int) -> bool:
        if not self.part.restart:
            return True
        attempts = 1 if self._too_slow else self.part.start_attempts
        return not self.ready.is_set() and failures >= attempts

    async def _run_once(self) -> float:
        """One life of the process; returns how long it was ready, in seconds."""
        self._failure = ""
        self._set(PartState.STARTING)
        try:
            child = self._start()
        except OSError as failure:
            self._detail = str(failure)
            return 0.0
        self._child = child
        became = await self._become_ready(child)
        code = await child.exited
        self._hang_up()
        child.kill_group()
        if self.part.oneshot and code == 0:
            self.ready.set()
            self._set(PartState.READY)
            return 0.0
        self._detail = self._failure or _described(code)
        return time.monotonic() - became if became is not None else 0.0

    def _start(self) -> Child:
        for path in self.part.clear:
            Path(path).unlink(missing_ok=True)
        output = open_log(self.log)
        theirs: socket.socket | None = None
        extra: dict[str, int] = {}
        try:
            if self.part.ready.kind is CheckKind.NOTIFY:
                theirs = self._open_line()
                extra[notify.VARIABLE] = theirs.fileno()
            return self._around.children.start(
                self.part.argv,
                {**self._around.environment, **self.part.environment},
                output=output,
                listeners=[self._around.listener(name).fileno() for name in self.part.listeners],
                directory=self.part.directory,
                death_signal=signal.Signals["SIG" + self.part.death_signal],
                extra=extra,
            )
        except SpawnFailure:
            self._hang_up()
            raise
        finally:
            os.close(output)
            if theirs is not None:
                theirs.close()

    async def _become_ready(self, child: Child) -> float | None:
        """Wait for readiness; returns when that was, or None if it ended or took too long."""
        checking = asyncio.ensure_future(self._readiness())
        try:
            done, _ = await asyncio.wait(
                (checking, child.exited),
                timeout=self.part.ready_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            checking.cancel()
        if child.exited.done():
            return None
        if not done:
            self._too_slow = True
            self._failure = f"not ready after {self.part.ready_timeout:g} s"
            child.kill_group()
            return None
        checking.result()
        self._detail = ""
        self.ready.set()
        self._set(PartState.READY)
        return time.monotonic()

    async def _readiness(self) -> None:
        if self.part.oneshot:
            await asyncio.Event().wait()  # only its exit can make it ready
        elif self.part.ready.kind is CheckKind.NOTIFY:
            await self._told_ready.wait()
        else:
            environment = {**self._around.environment, **self.part.environment}
            await wait_until_ready(self.part.ready, self._around.children, environment)

    def _open_line(self) -> socket.socket:
        self._hang_up()
        self._told_ready.clear()
        ours, theirs = notify.pair()
        ours.setblocking(False)
        self._line = ours
        asyncio.get_running_loop().add_reader(ours, self._listen)
        return theirs

    def _listen(self) -> None:
        assert self._line is not None
        message = notify.receive(self._line)
        if message is None:
            asyncio.get_running_loop().remove_reader(self._line)
            return
        if "STATUS" in message.values:
            self._detail = message.values["STATUS"]
            self._around.changed(self.status)
        self._failure = message.values.get("ERROR", self._failure)
        for descriptor in message.descriptors:
            self._around.offered(message.values["FDNAME"], socket.socket(fileno=descriptor))
        if message.values.get("READY") == "1":
            self._told_ready.set()

    def _hang_up(self) -> None:
        if self._line is not None:
            asyncio.get_running_loop().remove_reader(self._line)
            self._line.close()
            self._line = None

    def restart(self) -> None:
        """End the present process; the loop starts the next one at once."""
        if self._child is not None and not self._child.exited.done():
            self._wanted = True
            self._ask_to_stop(self._child)

    def _ask_to_stop(self, child: Child) -> None:
        if self._line is not None:
            self._hang_up()
        else:
            child.send(signal.Signals["SIG" + self.part.stop_signal])
        loop = asyncio.get_running_loop()
        impatience = loop.call_later(self.part.stop_grace, child.kill_group)
        child.exited.add_done_callback(lambda _: impatience.cancel())

    async def stop(self) -> None:
        """Stop the part for good and return when its process is gone."""
        self._stopping.set()
        if self._child is not None and not self._child.exited.done():
            self._ask_to_stop(self._child)
        await self.ended.wait()

    async def _unless_stopping(self, work: Awaitable[None]) -> bool:
        """Await `work`, but give it up when the part is to be stopped; tells whether it ended."""
        task = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not task.done():
            task.cancel()
            return False
        task.result()
        return True

    def _set(self, state: PartState, detail: str | None = None) -> None:
        self.state = state
        self._since = _now()
        if detail is not None:
            self._detail = detail
        self._around.changed(self.status)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _described(code: int) -> str:
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"exited with code {code}"
