"""The outer supervisor of a testbuild, a detached process.

`python -m f7t_testbuild.native.outer <spec.json>`. It binds every port first, so that a taken one
is told before anything was started, and reports to the `up` that started it on the socket of
`supervise.notify`: STATUS, then READY, or ERROR with PART.
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
from f7t_testbuild.supervise import control, notify
from f7t_testbuild.supervise.part import Part
from f7t_testbuild.supervise.process import become_subreaper, start_time
from f7t_testbuild.supervise.supervisor import Supervisor


@dataclass(frozen=True)
class Listener:
    """A port of the host. With `hold` false it is only checked: the part binds it itself."""

    name: str
    port: int
    part: str
    hold: bool = True


@dataclass(frozen=True)
class OuterSpec:
    """Everything the outer supervisor has to know; may hold secrets in the parts' environment."""

    way: str
    parts: Sequence[Part]
    environment: Mapping[str, str]
    listeners: Sequence[Listener]
    log_directory: str
    control: str
    supervisor_file: str

    def to_json(self) -> str:
        """The specification as JSON text."""
        values = {**asdict(self), "parts": [part.to_json() for part in self.parts]}
        return json.dumps(values, indent=1)

    @classmethod
    def from_json(cls, text: str) -> OuterSpec:
        """Inverse of `to_json`."""
        values = json.loads(text)
        return cls(
            parts=[Part.from_json(part) for part in values.pop("parts")],
            listeners=[Listener(**listener) for listener in values.pop("listeners")],
            **values,
        )


class PortTaken(Exception):
    """A port of the testbuild is in use; `part` is who wanted it."""

    def __init__(self, listener: Listener, reason: str) -> None:
        super().__init__(f"port {listener.port} of 127.0.0.1 ({listener.name}): {reason}")
        self.part = listener.part


def bind(listeners: Sequence[Listener]) -> dict[str, socket.socket]:
    """Listen on all ports; raises `PortTaken` for the first that is not free."""
    bound = {}
    for listener in listeners:
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind(("127.0.0.1", listener.port))
            opened.listen(1024)
        except OSError as error:
            raise PortTaken(listener, error.strerror or str(error)) from error
        if listener.hold:
            bound[listener.name] = opened
        else:
            opened.close()
    return bound


class Outer:
    """The supervisor of all parts and its control socket."""

    def __init__(
        self, spec: OuterSpec, sockets: Mapping[str, socket.socket], line: socket.socket | None
    ) -> None:
        self._spec = spec
        self._line = line
        self._stop = asyncio.Event()
        self._supervisor = Supervisor(
            spec.parts,
            log_directory=Path(spec.log_directory),
            environment=spec.environment,
            sockets=sockets,
            sweep=True,
            on_change=self._tell_state,
        )

    async def run(self) -> int:
        """Start everything and serve until told to stop; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        handlers = {
            "status": self._on_status,
            "restart": self._on_restart,
            "stop": self._on_stop,
        }
        if self._line is not None:
            self._line.setblocking(False)
            loop.add_reader(self._line, self._line_moved)
        server = await control.serve(Path(self._spec.control), handlers)
        self._supervisor.start()
        code = await self._supervisor.until(
            self._stop,
            ready=self._ready,
            failed=lambda failure: self._tell(ERROR=failure.detail, PART=failure.part),
        )
        server.close()
        await self._supervisor.stop()
        for file in (self._spec.control, self._spec.supervisor_file):
            Path(file).unlink(missing_ok=True)  # noqa: ASYNC240 - a local file
        return code

    def _ready(self) -> None:
        self._tell(READY="1")
        self._drop_line()

    def _line_moved(self) -> None:
        """The starter never writes: it died before everything was ready, so nobody wants this."""
        assert self._line is not None
        if notify.receive(self._line) is None:
            self._drop_line()
            self._stop.set()

    def _drop_line(self) -> None:
        if self._line is not None:
            asyncio.get_running_loop().remove_reader(self._line)
            self._line.close()
            self._line = None

    def _tell(self, **values: str) -> None:
        if self._line is not None:
            notify.send(self._line, **values)

    def _tell_state(self, status: PartStatus) -> None:
        if status.state is PartState.STARTING and status.detail:
            self._tell(STATUS=f"{status.name}: {status.detail}")
        elif status.state is not PartState.WAITING:
            self._tell(STATUS=f"{status.name} {status.state}")

    async def _on_status(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {"way": self._spec.way, "parts": self._supervisor.report()}

    async def _on_restart(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self._supervisor.restart(request["part"])
        return {}

    async def _on_stop(self, _: Mapping[str, Any]) -> dict[str, Any]:
        self._stop.set()
        return {}


def main() -> int:
    """Bind, write the supervisor file, run."""
    os.umask(0o022)
    line = notify.inherited()
    spec = OuterSpec.from_json(Path(sys.argv[1]).read_text())
    try:
        sockets = bind(spec.listeners)
    except PortTaken as taken:
        if line is not None:
            notify.send(line, ERROR=str(taken), PART=taken.part)
        return 1
    identity = {"pid": os.getpid(), "start_time": start_time(os.getpid()), "way": spec.way}
    Path(spec.supervisor_file).write_text(json.dumps(identity))
    become_subreaper()

    async def serve() -> int:
        return await Outer(spec, sockets, line).run()

    return asyncio.run(serve())


if __name__ == "__main__":
    sys.exit(main())
