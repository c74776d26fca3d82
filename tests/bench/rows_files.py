"""Rows of files and of first calls: cold, blocking transfers, external transfers."""

from __future__ import annotations

import asyncio
import os
import secrets
import shlex
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.bench.clients import Bench, created, settled
from tests.bench.figures import (
    Figure,
    Target,
    at_most,
    ratio_at_least,
    ratio_at_most,
)
from tests.bench.loops import timed, turns
from tests.bench.processes import another_gateway, gateway_pids, memory, watched
from tests.bench.wire import BenchFailure, Wire, form, request, upload

BLOCKING = 5_000_000
_BUCKET = "f7t-bench"
_BLOCK = 1_000_000
_CURL = ("curl", "-q", "--noproxy", "*", "-sSf")


async def cold(bench: Bench) -> list[Figure]:
    """The first call of a user to a fresh gateway; floor: certificate, SSH login, SFTP start."""
    users = bench.users(min(bench.plan.calls, bench.plan.users))
    through, below = [], []
    async with another_gateway(bench, 1) as gateway:
        wire = await Wire.open(gateway.port)
        await wire.want(request("GET", f"/utilities/ls?targetPath={bench.remote}", bench.token()))

        async def first_call(user: str) -> None:
            question = f"/utilities/stat?targetPath=/home/{user}"
            sent = request("GET", question, bench.token(user))
            began = time.perf_counter()
            await wire.want(sent)
            through.append((time.perf_counter() - began) * 1e3)

        async def by_hand(user: str) -> None:
            began = time.perf_counter()
            async with (
                await bench.direct.door.connect(user) as ssh,
                ssh.start_sftp_client(),
            ):
                below.append((time.perf_counter() - began) * 1e3)

        for number, user in enumerate(users):
            pair = (first_call, by_hand) if number % 2 == 0 else (by_hand, first_call)
            for one in pair:
                await one(user)
        await wire.close()
    what = f"first call of a user (stat), {len(users)} users"
    floor = "certificate + SSH login + SFTP start"
    return [
        Figure("cold", what, "ms", tuple(through), floor, tuple(below), ratio_at_most(1.3)),
    ]


async def blocking(bench: Bench) -> list[Figure]:
    """Upload and download of 5 MB through the gateway; floor: the same over SFTP."""
    local = random_file(bench.local / "blocking.bin", BLOCKING)
    content, token = local.read_bytes(), bench.token()
    path, back = f"{bench.remote}/{local.name}", bench.local / "blocking.back"
    wire = await Wire.open(bench.port)
    putting = upload("/utilities/upload", token, local.name, content, targetPath=bench.remote)
    getting = request("GET", f"/utilities/download?sourcePath={path}", token)

    async def through_get() -> None:
        if (await wire.want(getting)).body != content:
            raise BenchFailure("what was downloaded is not what was uploaded")

    ways: dict[str, tuple[Callable[[], Awaitable[object]], Callable[[], Awaitable[object]]]] = {
        "upload": (lambda: wire.want(putting), lambda: bench.direct.sftp.put(local, path)),
        "download": (through_get, lambda: bench.direct.sftp.get(path, back)),
    }
    figures = []
    try:
        for name, (gateway, floor) in ways.items():
            seconds = await timed(max(2, bench.plan.calls // 3), _clocked(gateway), _clocked(floor))
            figures.append(
                _speed("blocking", f"blocking {name} of 5 MB", BLOCKING, seconds, "SFTP alone", 0.5)
            )
    finally:
        await wire.close()
    return figures


def _clocked(once: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[float]]:
    async def seconds() -> float:
        began = time.perf_counter()
        await once()
        return time.perf_counter() - began

    return seconds


def _speed(
    row: str,
    what: str,
    size: int,
    seconds: tuple[list[float], list[float]],
    floor: str,
    least: float,
) -> Figure:
    through, below = (tuple(size / one / 1e6 for one in samples) for samples in seconds)
    target: Target = ratio_at_least(least)
    return Figure(row, what, "MB/s", through, floor, below, target)


def random_file(path: Path, size: int) -> Path:
    """A file of that many bytes that does not compress."""
    block = secrets.token_bytes(_BLOCK)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
    return path


async def run_here(*command: str) -> None:
    """Run a program here; raises `BenchFailure` when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise BenchFailure(f"{command[0]}: {said.decode(errors='replace')[:300]}")


@dataclass(frozen=True)
class External:
    """One file on its way through the staging area, with the gateway and by hand.

    Each time the object and the file at its end are new, and gone afterwards: what is written over
    leaves its memory to what is written, and the gateway never writes over an object.
    """

    bench: Bench
    source: Path
    size: int

    @property
    def remote(self) -> str:
        return f"{self.bench.remote}/{self.source.name}"

    def ready(self, once: Callable[[], Awaitable[float]]) -> Callable[[], Awaitable[float]]:
        """Begun when the machine is ready for it, the object and the file at its end."""

        async def seconds() -> float:
            await asyncio.to_thread(_make_ready, self.bench.local, 2 * self.size)
            return await once()

        return seconds

    async def upload(self) -> float:
        """Ask, run the command that comes back, wait until the cluster has the file."""
        bench, token = self.bench, self.bench.token()
        wire = await Wire.open(bench.port)
        began = time.perf_counter()
        sent = form(
            "/storage/xfer-external/upload",
            token,
            targetPath=bench.remote,
            sourcePath=str(self.source),
        )
        task_id = created((await wire.want(sent)).body)
        task = await settled(wire, token, task_id, "111")
        await run_here(*shlex.split(task["data"]["msg"]["command"]))
        await settled(wire, token, task_id, "114")
        took = time.perf_counter() - began
        await wire.close()
        await bench.direct.remove([self.remote])
        return took

    async def upload_by_hand(self) -> float:
        """curl to the store, and from the store with curl on the cluster."""
        began = time.perf_counter()
        await run_here(*_CURL, "-T", str(self.source), self._url("PUT"))
        await self._curl_on_cluster("-o", self.remote, self._url("GET"))
        took = time.perf_counter() - began
        await self.bench.direct.remove([self.remote])
        await self.remove_object()
        return took

    async def download(self) -> float:
        """Ask, wait for the address, fetch it with curl."""
        bench, token = self.bench, self.bench.token()
        wire = await Wire.open(bench.port)
        began = time.perf_counter()
        sent = form("/storage/xfer-external/download", token, sourcePath=self.remote)
        task_id = created((await wire.want(sent)).body)
        link = (await settled(wire, token, task_id, "117"))["data"]
        await self._fetch(link if isinstance(link, str) else link["url"])
        took = time.perf_counter() - began
        more = f"X-Task-Id: {task_id}\r\n"
        await wire.ask(request("POST", "/storage/xfer-external/invalidate", token, more=more))
        await wire.close()
        return took

    async def download_by_hand(self) -> float:
        """curl on the cluster to the store, and curl from the store."""
        began = time.perf_counter()
        await self._curl_on_cluster("-T", self.remote, self._url("PUT"))
        await self._fetch(self._url("GET"))
        took = time.perf_counter() - began
        await self.remove_object()
        return took

    async def _fetch(self, url: str) -> None:
        target = self.bench.local / "external.back"
        await run_here(*_CURL, "-o", str(target), url)
        if target.stat().st_size != self.size:
            raise BenchFailure(f"{target.stat().st_size} bytes came back instead of {self.size}")
        target.unlink()

    async def remove_object(self) -> None:
        """The one that was put there by hand, if it is still there."""
        await asyncio.to_thread(self.bench.direct.store.remove_object, _BUCKET, self.source.name)

    async def _curl_on_cluster(self, *arguments: str) -> None:
        await self.bench.direct.run(shlex.join([*_CURL, *arguments]))

    def _url(self, method: str) -> str:
        return self.bench.direct.store.get_presigned_url(
            method, _BUCKET, self.source.name, expires=timedelta(hours=1)
        )


def _make_ready(directory: Path, size: int) -> None:
    """What was written before is on the disk, and so much memory is free to be taken at once.

    A virtual machine may have given its free memory back, and asks its host again for every page:
    a second for a gigabyte becomes five, for whoever happens to be the first to need it.
    """
    os.sync()
    filled = directory / "memory"
    with filled.open("wb") as file:
        for _ in range(0, size, _BLOCK):
            file.write(bytes(_BLOCK))
    filled.unlink()


async def external(bench: Bench) -> list[Figure]:
    """External upload and download; floor: both halves with curl by hand."""
    size = bench.plan.large
    moved = External(bench, random_file(bench.local / "external.bin", size), size)
    pids = gateway_pids(bench.testbuild)
    before = memory(pids).proportional
    store = bench.direct.store
    if not await asyncio.to_thread(store.bucket_exists, _BUCKET):  # a run that was killed left it
        await asyncio.to_thread(store.make_bucket, _BUCKET)
    figures = []
    try:
        async with watched(pids) as peak:
            for name, gateway, floor in (
                ("upload", moved.upload, moved.upload_by_hand),
                ("download", moved.download, moved.download_by_hand),
            ):
                if name == "download":
                    await bench.direct.sftp.put(moved.source, moved.remote)
                rounds = max(2, bench.plan.rounds // 2 * 2)
                seconds = await turns(rounds, moved.ready(gateway), moved.ready(floor))
                what = f"external {name} of {size / 1e9:g} GB"
                figures.append(_speed("external", what, size, seconds, "curl + curl by hand", 0.8))
    finally:
        await moved.remove_object()
        await asyncio.to_thread(store.remove_bucket, _BUCKET)
        moved.source.unlink()
    grown = max(0, peak.most - before) / 1e6
    what = "… growth of the gateway's memory meanwhile"
    note = f"all its processes, {before / 1e6:.0f} MB before"
    figures.append(Figure("external", what, "MB", (grown,), target=at_most(20), note=note))
    return figures
