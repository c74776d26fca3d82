"""Gateways as processes: one more beside the testbuild's, and how much memory they take."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.model import Testbuild
from f7t_testbuild.native.runtime import NativeRuntime
from tests.bench.clients import Bench
from tests.bench.wire import BenchFailure, Wire, request

_LONGEST_START = 60.0
_LONGEST_END = 20.0
_KIB = 1024
_ESTABLISHED = "01"


@dataclass(frozen=True)
class Memory:
    """Bytes of some processes: resident, and with shared pages divided among their users."""

    resident: int
    proportional: int


@dataclass(frozen=True)
class AnotherGateway:
    """A gateway beside the testbuild's own.

    Attributes:
        seconds: from its start to its first answer.
        parent: process id of the process above the workers.
    """

    port: int
    seconds: float
    parent: int


def children(parent: int) -> list[int]:
    """Process ids of the children of a process."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(word) for word in listed.split()]


def tree(parent: int) -> list[int]:
    """A process and its children; empty when it is gone."""
    with suppress(OSError):
        return [parent, *children(parent)]
    return []


def memory(pids: Iterable[int]) -> Memory:
    """Of these processes together; those that are gone count nothing."""
    resident = proportional = 0
    for pid in pids:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            resident += _kib(text, "Rss") * _KIB
            proportional += _kib(text, "Pss") * _KIB
    return Memory(resident, proportional)


def _kib(text: str, name: str) -> int:
    found = re.search(rf"^{name}: +(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


def connections_to(port: int, pid: int) -> int:
    """Established TCP connections of a process to this port of the machine."""
    owned = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            owned.add(str(entry.readlink()))
    count = 0
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        remote = int(words[2].rpartition(":")[2], 16)
        if remote == port and words[3] == _ESTABLISHED and f"socket:[{words[9]}]" in owned:
            count += 1
    return count


def gateway_pids(testbuild: Testbuild) -> list[int]:
    """Processes of the testbuild's own gateways, those above the workers included."""
    parts = NativeRuntime(testbuild).status().parts
    found = [part.pid for part in parts if part.name.startswith("gateway") and part.pid]
    return [pid for parent in found for pid in tree(parent)]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def another_gateway(bench: Bench, workers: int) -> AsyncIterator[AnotherGateway]:
    """A gateway with the testbuild's settings and so many workers, ended afterwards.

    Raises:
        BenchFailure: it does not answer within a minute.
    """
    port, internal = free_port(), free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(bench.local),
        "TZ": "UTC",
        "F7T_CONFIG": str(bench.testbuild.directory / "gateway.yaml"),
        "F7T_INTERNAL_PORT": str(internal),
        "F7T_METRICS_DIRECTORY": str(bench.local / f"metrics-{port}"),
    }
    argv = [sys.executable, "-P", "-m", "f7t", "--workers", str(workers), "--port", str(port)]
    question = request("GET", "/status/services", bench.token())
    with (bench.local / f"gateway-{port}.log").open("wb") as log:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            *argv, env=environment, stdout=log, stderr=log
        )
        try:
            await _first_answer(port, question, process)
            yield AnotherGateway(port, time.perf_counter() - began, process.pid)
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_LONGEST_END):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _first_answer(port: int, question: bytes, process: asyncio.subprocess.Process) -> None:
    deadline = time.monotonic() + _LONGEST_START
    while time.monotonic() < deadline and process.returncode is None:
        try:
            wire = await Wire.open(port)
        except OSError:
            await asyncio.sleep(0.005)
            continue
        try:
            await wire.want(question)
            return
        finally:
            await wire.close()
    raise BenchFailure("a gateway beside the testbuild's own does not start")


@dataclass
class Peak:
    """The most memory that processes had while it was watched, in bytes (proportional)."""

    most: int = 0


@asynccontextmanager
async def watched(pids: list[int]) -> AsyncIterator[Peak]:
    """Look at their memory ten times a second."""
    peak = Peak()

    async def watch() -> None:
        while True:
            peak.most = max(peak.most, memory(pids).proportional)
            await asyncio.sleep(0.1)

    watching = asyncio.create_task(watch())
    try:
        yield peak
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        peak.most = max(peak.most, memory(pids).proportional)
