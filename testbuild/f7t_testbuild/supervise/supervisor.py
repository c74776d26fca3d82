"""All parts together: dependency order, sockets, stray processes, orderly end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from f7t_testbuild.model import PartState, PartStatus
from f7t_testbuild.supervise.keeper import Keeper, Surroundings
from f7t_testbuild.supervise.logs import cap
from f7t_testbuild.supervise.part import Part, check_parts
from f7t_testbuild.supervise.process import Children

CAP_INTERVAL = 5.0
"""Seconds between two looks at the sizes of the logs."""


@dataclass(eq=False)
class PartFailed(Exception):
    """A part could not be started at all."""

    part: str
    detail: str

    def __str__(self) -> str:
        return f"{self.part}: {self.detail}"


class Supervisor:
    """Starts parts in parallel as their requirements allow, and stops them in reverse order.

    Raises `BadParts` when the parts contradict each other. With `sweep`, every orphan that this
    process adopted is killed when a part ends (it belonged to that part); without it orphans live
    on (the job processes of a cluster) until `stop`.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        log_directory: Path,
        environment: Mapping[str, str],
        sockets: Mapping[str, socket.socket] | None = None,
        sweep: bool = False,
        on_change: Callable[[PartStatus], None] | None = None,
    ) -> None:
        check_parts(tuple(parts))
        self._sockets = dict(sockets or {})
        self._arrived = asyncio.Condition()
        self._sweep = sweep
        self._on_change = on_change
        self._settled = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.children = Children()
        self.environment = environment
        around = Surroundings(
            children=self.children,
            environment=environment,
            log_directory=log_directory,
            needs=self._needs,
            listener=self._sockets.__getitem__,
            changed=self._changed,
            offered=self._offered,
        )
        self._keepers = {part.name: Keeper(part, around) for part in parts}

    def start(self) -> None:
        """Begin to start all parts; `ready` tells when they are."""
        self._tasks = [asyncio.create_task(keeper.keep()) for keeper in self._keepers.values()]
        self._tasks.append(asyncio.create_task(self._cap_logs()))

    async def ready(self) -> None:
        """Return when every part has been ready; raises `PartFailed` as soon as one cannot be."""
        while True:
            for keeper in self._keepers.values():
                if keeper.state is PartState.FAILED:
                    raise PartFailed(keeper.part.name, keeper.status.detail)
            if all(keeper.ready.is_set() for keeper in self._keepers.values()):
                return
            self._settled.clear()
            await self._settled.wait()

    async def stop(self) -> None:
        """Stop every part after those that require it, then whatever is left of them."""
        await asyncio.gather(*(self._stop_after_dependants(k) for k in self._keepers.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.children.kill_all()
        self.children.close()

    async def _stop_after_dependants(self, keeper: Keeper) -> None:
        dependants = [k for k in self._keepers.values() if keeper.part.name in k.part.requires]
        for dependant in dependants:
            await dependant.ended.wait()
        await keeper.stop()

    async def until(
        self,
        stop: asyncio.Event,
        *,
        ready: Callable[[], None],
        failed: Callable[[PartFailed], None],
    ) -> int:
        """Wait for `stop`; tell once when all parts are ready, or which one never will be.

        Returns the exit code of the process: 1 when a part failed at the start, else 0.
        """
        starting = asyncio.create_task(self.ready())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            starting.cancel()
            return 0
        try:
            starting.result()
        except PartFailed as failure:
            failed(failure)
            stopping.cancel()
            return 1
        ready()
        await stopping
        return 0

    def restart(self, name: str) -> None:
        """Stop one part's process, so that it is started anew; raises `KeyError`."""
        self._keepers[name].restart()

    @property
    def statuses(self) -> list[PartStatus]:
        return [keeper.status for keeper in self._keepers.values()]

    def report(self) -> list[dict[str, Any]]:
        """The statuses as plain JSON values."""
        return [asdict(status) for status in self.statuses]

    async def _needs(self, part: Part) -> None:
        for name in part.requires:
            await self._keepers[name].ready.wait()
        async with self._arrived:
            await self._arrived.wait_for(lambda: all(n in self._sockets for n in part.listeners))

    def _changed(self, status: PartStatus) -> None:
        self._settled.set()
        if self._sweep and status.state in (PartState.RESTARTING, PartState.FAILED):
            self.children.kill_strays()
        if self._on_change is not None:
            self._on_change(status)

    def _offered(self, name: str, listener: socket.socket) -> None:
        """Take a socket from a part; those who hold its predecessor start anew with it."""
        before = self._sockets.get(name)
        self._sockets[name] = listener
        if before is not None:
            before.close()
            for keeper in self._keepers.values():
                if name in keeper.part.listeners:
                    keeper.restart()
        self._tasks.append(asyncio.create_task(self._announce()))

    async def _announce(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()

    async def _cap_logs(self) -> None:
        logs = [keeper.log for keeper in self._keepers.values()]
        while True:
            await asyncio.sleep(CAP_INTERVAL)
            cap(logs)
