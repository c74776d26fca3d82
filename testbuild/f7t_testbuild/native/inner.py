"""Process 1 of the cluster: enters the private root, then supervises the cluster's daemons.

Started by the outer supervisor, in new namespaces (or as a plain process in the nss-wrapper way):
`python -m f7t_testbuild.native.inner <spec.json>`. Descriptor 3 is sshd's listening socket, made on
the host's side. Standard library only, everything imported before the root is changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from f7t_testbuild.cluster import desk, seed
from f7t_testbuild.cluster.reservations import Rules
from f7t_testbuild.cluster.running import Cluster, Observer
from f7t_testbuild.model import PartStatus
from f7t_testbuild.native import newroot
from f7t_testbuild.supervise import notify
from f7t_testbuild.supervise.part import Part
from f7t_testbuild.supervise.process import FIRST_LISTENER, become_subreaper
from f7t_testbuild.supervise.supervisor import PartFailed


@dataclass(frozen=True)
class InnerSpec:
    """Everything the process 1 of the cluster has to know."""

    new_root: newroot.NewRoot | None
    parts: Sequence[Part]
    environment: Mapping[str, str]
    log_directory: str
    control: str
    reservation_desk: desk.Desk
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
        reserving = values.pop("reservation_desk")
        return cls(
            new_root=newroot.NewRoot(**root) if root else None,
            parts=[Part.from_json(part) for part in values.pop("parts")],
            seed=seed.Seed(**values.pop("seed")),
            reservation_desk=desk.Desk(reserving["socket"], Rules(**reserving["rules"])),
            **values,
        )


class Line(Observer):
    """Tells the outer supervisor how the cluster is, over the socket of `supervise.notify`."""

    def __init__(self, line: socket.socket | None) -> None:
        self._line = line
        self._was_ready = False

    def changed(self, status: PartStatus, *, whole: bool) -> None:
        whole_again = self._was_ready and whole
        self._tell(STATUS="" if whole_again else f"{status.name} {status.state}")

    def ready(self) -> None:
        self._was_ready = True
        self._tell(READY="1")

    def failed(self, failure: PartFailed) -> None:
        self._tell(ERROR=str(failure))

    def watch(self, stop: Callable[[], None]) -> None:
        """Call `stop` when the outer supervisor closes its end, or dies; it never writes."""
        if self._line is None:
            return
        line, loop = self._line, asyncio.get_running_loop()
        line.setblocking(False)

        def moved() -> None:
            if notify.receive(line) is None:
                loop.remove_reader(line)
                stop()

        loop.add_reader(line, moved)

    def _tell(self, **values: str) -> None:
        if self._line is not None:
            notify.send(self._line, **values)


async def serve(spec: InnerSpec, line: socket.socket | None) -> int:
    """Run the daemons until told to stop; returns the exit code."""
    observer = Line(line)
    cluster = Cluster(
        spec.parts,
        spec.seed,
        environment=spec.environment,
        log_directory=Path(spec.log_directory),
        control_socket=Path(spec.control),
        reservation_desk=spec.reservation_desk,
        sockets={"ssh": socket.socket(fileno=FIRST_LISTENER)},
        observer=observer,
    )
    observer.watch(cluster.stop)
    return await cluster.run()


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
    return asyncio.run(serve(spec, line))


if __name__ == "__main__":
    sys.exit(main())
