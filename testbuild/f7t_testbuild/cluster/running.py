"""The running cluster: its supervisor, and what may be asked of it. Standard library only."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from f7t_testbuild.cluster import desk, seed
from f7t_testbuild.cluster.reservations import Reservations, parse_reservations
from f7t_testbuild.model import PartState, PartStatus
from f7t_testbuild.supervise import control
from f7t_testbuild.supervise.part import Part
from f7t_testbuild.supervise.program import Outcome, run
from f7t_testbuild.supervise.supervisor import PartFailed, Supervisor

COMMAND_TIMEOUT = 20.0
"""Seconds for one Slurm command of a reset."""
JOBS_TIMEOUT = 20.0
"""Seconds until all cancelled jobs must be gone."""
JOBS_STEP = 0.05


class Observer:
    """What is told while the cluster lives; each runtime in its own way."""

    def changed(self, status: PartStatus, *, whole: bool) -> None:
        """A part is ready, restarting or has failed; `whole`: all parts are ready now."""

    def ready(self) -> None:
        """All parts have been ready for the first time."""

    def failed(self, failure: PartFailed) -> None:
        """A part could not be started; everything is stopped now."""


class Cluster:
    """Keeps the daemons of one machine of the cluster and answers on a control socket.

    Commands of the socket: `status`, `restart` (part), `reset` (jobs, reservations and files). The
    login node also has the reservation desk.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        planted: seed.Seed,
        *,
        environment: Mapping[str, str],
        log_directory: Path,
        control_socket: Path,
        reservation_desk: desk.Desk | None,
        sockets: Mapping[str, socket.socket],
        observer: Observer,
    ) -> None:
        self._seed = planted
        self._desk = reservation_desk
        self._environment = environment
        self._control = control_socket
        self._observer = observer
        self._stop = asyncio.Event()
        self._supervisor = Supervisor(
            parts,
            log_directory=log_directory,
            environment=environment,
            sockets=sockets,
            on_change=self._changed,
        )

    async def run(self) -> int:
        """Start everything and serve until told to stop; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        handlers = {
            "status": self._on_status,
            "restart": self._on_restart,
            "reset": self._on_reset,
        }
        servers = [await control.serve(self._control, handlers)]
        if self._desk is not None:
            answering = Reservations(self._desk.rules, self._run)
            servers.append(await desk.serve(Path(self._desk.socket), answering))
        self._supervisor.start()
        code = await self._supervisor.until(
            self._stop, ready=self._observer.ready, failed=self._observer.failed
        )
        for server in servers:
            server.close()
        await self._supervisor.stop()
        return code

    @property
    def stop(self) -> Callable[[], None]:
        """Ends `run` in order."""
        return self._stop.set

    def _changed(self, status: PartStatus) -> None:
        if status.state in (PartState.READY, PartState.RESTARTING, PartState.FAILED):
            whole = all(one.state is PartState.READY for one in self._supervisor.statuses)
            self._observer.changed(status, whole=whole)

    async def _on_status(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"parts": self._supervisor.report()}

    async def _on_restart(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._supervisor.restart(request["part"])
        return {}

    async def _on_reset(self, _: Mapping[str, Any]) -> dict[str, Any]:
        cancelled = await self._cancel_jobs()
        await self._remove_reservations()
        seed.replant(self._seed)
        return {"cancelled": cancelled}

    async def _cancel_jobs(self) -> int:
        """Cancel every job and wait until none runs or completes; returns how many there were."""
        jobs = await self._active_jobs()
        if jobs:
            await self._command("scancel", *jobs)
        async with asyncio.timeout(JOBS_TIMEOUT):
            while await self._active_jobs():  # noqa: ASYNC110 - Slurm changes the condition
                await asyncio.sleep(JOBS_STEP)
        return len(jobs)

    async def _remove_reservations(self) -> None:
        shown = await self._command("scontrol", "-o", "show", "reservation")
        for reservation in parse_reservations(shown):
            await self._command("scontrol", "delete", f"ReservationName={reservation.name}")

    async def _active_jobs(self) -> list[str]:
        return (await self._command("squeue", "-h", "-o", "%A")).split()

    async def _command(self, *argv: str) -> str:
        outcome = await self._run(argv)
        if outcome.code != 0:
            raise control.ControlFailure(f"{argv[0]} failed: {outcome.output.strip()}")
        return outcome.output

    async def _run(self, argv: Sequence[str]) -> Outcome:
        children = self._supervisor.children
        return await run(children, argv, self._environment, timeout=COMMAND_TIMEOUT)
