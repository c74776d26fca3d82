"""Process 1 of the cluster: enters the private root, then supervises the cluster's daemons.

Started by the outer supervisor, in new namespaces (or as a plain process in the nss-wrapper way):
`python -m f7t_testbuild.native.inner <spec.json>`. Descriptor 3 is sshd's listening socket, made on
the host's side. Standard library only, everything imported before the root is changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from f7t_testbuild.model import PartState, PartStatus
from f7t_testbuild.native import newroot, seed
from f7t_testbuild.supervise import control, notify
from f7t_testbuild.supervise.part import Part
from f7t_testbuild.supervise.process import FIRST_LISTENER, become_subreaper
from f7t_testbuild.supervise.program import run
from f7t_testbuild.supervise.supervisor import Supervisor

COMMAND_TIMEOUT = 20.0
"""Seconds for one Slurm command of a reset."""
JOBS_TIMEOUT = 20.0
"""Seconds until all cancelled jobs must be gone."""
JOBS_STEP = 0.05


@dataclass(frozen=True)
class InnerSpec:
    """Everything the process 1 of the cluster has to know."""

    new_root: newroot.NewRoot | None
    parts: Sequence[Part]
    environment: Mapping[str, str]
    log_directory: str
    control: str
    offers: Mapping[str, int]
    """Ports to listen on inside, whose sockets are handed to the siblings outside, by name."""
    seed: seed.Seed

    def to_json(self) -> str:
        """The specification as JSON text."""
        values = {**asdict(self), "parts": [part.to_json() for part in self.parts]}
        return json.dumps(values, indent=1)

    @classmethod
    def from_json(cls, text: str) -> InnerSpec:
        """Inverse of `to_json`."""
        values = json.loads(text)
        root = values.pop("new_root")
        return cls(
            new_root=newroot.NewRoot(**root) if root else None,
            parts=[Part.from_json(part) for part in values.pop("parts")],
            seed=seed.Seed(**values.pop("seed")),
            **values,
        )


class Cluster:
    """The running cluster: its supervisor, and what may be asked of it."""

    def __init__(self, spec: InnerSpec, line: socket.socket | None) -> None:
        self._spec = spec
        self._line = line
        self._stop = asyncio.Event()
        self._was_ready = False
        ssh = socket.socket(fileno=FIRST_LISTENER)
        self._supervisor = Supervisor(
            spec.parts,
            log_directory=Path(spec.log_directory),
            environment=spec.environment,
            sockets={"ssh": ssh},
            on_change=self._tell_state,
        )

    async def run(self) -> int:
        """Start everything and serve until told to stop; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        if self._line is not None:
            self._line.setblocking(False)
            loop.add_reader(self._line, self._line_moved)
        handlers = {
            "status": self._on_status,
            "restart": self._on_restart,
            "reset": self._on_reset,
        }
        server = await control.serve(Path(self._spec.control), handlers)
        self._supervisor.start()
        code = await self._supervisor.until(
            self._stop,
            ready=self._ready,
            failed=lambda failure: self._tell(ERROR=str(failure)),
        )
        server.close()
        await self._supervisor.stop()
        return code

    def _ready(self) -> None:
        self._was_ready = True
        self._tell(READY="1")

    def _line_moved(self) -> None:
        """The outer supervisor never writes: its end was closed, or it died."""
        assert self._line is not None
        if notify.receive(self._line) is None:
            asyncio.get_running_loop().remove_reader(self._line)
            self._stop.set()

    def _tell(self, *descriptors: int, **values: str) -> None:
        if self._line is not None:
            notify.send(self._line, *descriptors, **values)

    def _tell_state(self, status: PartStatus) -> None:
        if status.state in (PartState.READY, PartState.RESTARTING, PartState.FAILED):
            whole_again = self._was_ready and self._all_ready
            self._tell(STATUS="" if whole_again else f"{status.name} {status.state}")

    @property
    def _all_ready(self) -> bool:
        return all(status.state is PartState.READY for status in self._supervisor.statuses)

    async def _on_status(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"parts": self._supervisor.report()}

    async def _on_restart(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._supervisor.restart(request["part"])
        return {}

    async def _on_reset(self, _: Mapping[str, Any]) -> dict[str, Any]:
        cancelled = await self._cancel_jobs()
        seed.replant(self._spec.seed)
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

    async def _active_jobs(self) -> list[str]:
        return (await self._command("squeue", "-h", "-o", "%A")).split()

    async def _command(self, *argv: str) -> str:
        children, environment = self._supervisor.children, self._spec.environment
        outcome = await run(children, argv, environment, timeout=COMMAND_TIMEOUT)
        if outcome.code != 0:
            raise control.ControlFailure(f"{argv[0]} failed: {outcome.output.strip()}")
        return outcome.output


def open_offers(offers: Mapping[str, int]) -> dict[str, socket.socket]:
    """Listening sockets on 127.0.0.1 of this network namespace."""
    opened = {}
    for name, port in offers.items():
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
        opened[name] = listener
    return opened


def main() -> int:
    """Enter the private root, hand over the offered sockets, run the cluster."""
    os.umask(0o022)
    spec = InnerSpec.from_json(Path(sys.argv[1]).read_text())
    line = notify.inherited()
    for name in ("LISTEN_FDS", "LISTEN_PID"):
        os.environ.pop(name, None)
    if os.getpid() != 1:
        become_subreaper()
    if spec.new_root is not None:
        newroot.enter(spec.new_root)
    for name, listener in open_offers(spec.offers).items():
        if line is not None:
            notify.send(line, listener.fileno(), FDSTORE="1", FDNAME=name)
        listener.close()
    seed.plant(spec.seed)

    async def serve() -> int:
        return await Cluster(spec, line).run()

    return asyncio.run(serve())


if __name__ == "__main__":
    sys.exit(main())
