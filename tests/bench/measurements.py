"""What is measured: each thing through the gateway, and its floor, turn by turn in one run."""

from __future__ import annotations

import secrets
import shlex
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.bench.clients import USER, Direct, Gateway, curl, random_file, run

ENTRIES = 10
_HELD = (
    "#!/bin/sh\n#SBATCH --job-name=f7t-bench\n#SBATCH --hold\n#SBATCH --output=/dev/null\ntrue\n"
)
_BUCKET = "f7t-bench"

Timed = Callable[[], Awaitable[float]]
"""Does it once; seconds of what counts."""


@dataclass(frozen=True)
class Measurement:
    """Seconds of every repetition, through the gateway and of the floor."""

    name: str
    floor: str
    gateway_seconds: tuple[float, ...]
    floor_seconds: tuple[float, ...]
    transferred: int = 0
    """Bytes, where bytes are moved."""

    @property
    def median(self) -> float:
        return statistics.median(self.gateway_seconds)

    @property
    def floor_median(self) -> float:
        return statistics.median(self.floor_seconds)

    @property
    def ratio(self) -> float:
        return self.median / self.floor_median


@dataclass(frozen=True)
class Bench:
    """Both ways, a directory on the cluster and one here; both are removed afterwards."""

    gateway: Gateway
    direct: Direct
    remote: str
    local: Path

    async def measure(
        self,
        name: str,
        floor: str,
        once: tuple[Timed, Timed],
        repetitions: int,
        *,
        transferred: int = 0,
    ) -> Measurement:
        """Take turns, so that whatever else the machine does meets both; two rounds warm up."""
        through, below = [], []
        warm_up = 2 if repetitions > 5 else 1
        for number in range(warm_up + repetitions):
            self.gateway.renew()
            seconds = await once[0](), await once[1]()
            if number >= warm_up:
                through.append(seconds[0])
                below.append(seconds[1])
        return Measurement(name, floor, tuple(through), tuple(below), transferred)


@asynccontextmanager
async def prepared(gateway: Gateway, direct: Direct, local: Path) -> AsyncIterator[Bench]:
    """A bench whose remote directory holds the entries to list."""
    remote = f"/home/{USER}/f7t-bench-{secrets.token_hex(4)}"
    await direct.sftp.mkdir(remote)
    try:
        await direct.sftp.mkdir(f"{remote}/listed")
        for number in range(ENTRIES):
            async with direct.sftp.open(f"{remote}/listed/file{number}", "w") as file:
                await file.write("content\n")
        gateway.renew()
        yield Bench(gateway, direct, remote, local)
    finally:
        await direct.sftp.rmtree(remote)


async def listing(bench: Bench, repetitions: int) -> Measurement:
    """Warm `ls`; floor: the directory read over an open SFTP channel."""
    path = f"{bench.remote}/listed"

    async def through() -> float:
        began = time.perf_counter()
        answer = bench.gateway.call("GET", f"/utilities/ls?targetPath={path}")
        took = time.perf_counter() - began
        assert len(answer["output"]) == ENTRIES
        return took

    async def floor() -> float:
        began = time.perf_counter()
        names = await bench.direct.sftp.readdir(path)
        took = time.perf_counter() - began
        assert len(names) == ENTRIES + 2
        return took

    name = f"ls of {ENTRIES} entries, warm"
    return await bench.measure(name, "SFTP readdir, open channel", (through, floor), repetitions)


async def submission(bench: Bench, repetitions: int) -> Measurement:
    """From the request until the job id stands in the task; floor: `sbatch`. Jobs are held."""
    job_ids: list[str] = []
    directories: list[str] = []

    async def through() -> float:
        began = time.perf_counter()
        task = bench.gateway.settled(bench.gateway.submit(_HELD.encode()), "200")
        took = time.perf_counter() - began
        job_ids.append(str(task["data"]["jobid"]))
        directories.append(str(task["data"]["job_file"]).rpartition("/")[0])
        return took

    async def floor() -> float:
        began = time.perf_counter()
        job_ids.append(await bench.direct.run("sbatch --parsable", _HELD))
        return time.perf_counter() - began

    try:
        return await bench.measure(
            "submit until job id", "sbatch, open channel", (through, floor), repetitions
        )
    finally:
        await bench.direct.run(f"scancel {' '.join(job_ids)}" if job_ids else "true")
        for directory in directories:
            await bench.direct.sftp.rmtree(directory)


async def task_read(bench: Bench, repetitions: int) -> Measurement:
    """A finished task; floor: a Redis value of the same size."""
    created = bench.gateway.call("GET", "/compute/jobs")["task_id"]
    path = f"/tasks/{created}"
    task = bench.gateway.settled(str(created), "200")
    key = f"f7t-bench-{secrets.token_hex(4)}"
    await bench.direct.redis.set(key, str(task), ex=timedelta(minutes=10))

    async def through() -> float:
        began = time.perf_counter()
        bench.gateway.call("GET", path)
        return time.perf_counter() - began

    async def floor() -> float:
        began = time.perf_counter()
        await bench.direct.redis.get(key)
        return time.perf_counter() - began

    try:
        return await bench.measure(
            "read a task", "Redis GET, unix socket", (through, floor), repetitions
        )
    finally:
        await bench.direct.redis.delete(key)


async def transfers(bench: Bench, repetitions: int, size: int) -> tuple[Measurement, Measurement]:
    """Upload and download of `size` bytes end to end; floor: curl to the store and back."""
    source = random_file(bench.local / "f7t-bench.bin", size)
    store = bench.direct.store
    store.make_bucket(_BUCKET)
    try:
        up = await _uploads(bench, source, size, repetitions)
        down = await _downloads(bench, source, size, repetitions)
    finally:
        store.remove_object(_BUCKET, source.name)
        store.remove_bucket(_BUCKET)
    return up, down


async def _uploads(bench: Bench, source: Path, size: int, repetitions: int) -> Measurement:
    url = bench.direct.store.presigned_put_object(_BUCKET, source.name)

    async def through() -> float:
        began = time.perf_counter()
        task_id = bench.gateway.form(
            "/storage/xfer-external/upload", targetPath=bench.remote, sourcePath=str(source)
        )
        task = bench.gateway.settled(task_id, "111")
        command = shlex.split(task["data"]["msg"]["command"])
        run(command)
        bench.gateway.settled(task_id, "114")
        return time.perf_counter() - began

    async def floor() -> float:
        began = time.perf_counter()
        curl("-T", str(source), url)
        return time.perf_counter() - began

    return await bench.measure(
        f"upload of {size // 10**6} MB, end to end",
        "curl to the store",
        (through, floor),
        repetitions,
        transferred=size,
    )


async def _downloads(bench: Bench, source: Path, size: int, repetitions: int) -> Measurement:
    url = bench.direct.store.presigned_get_object(_BUCKET, source.name)
    target = bench.local / "f7t-bench.back"

    async def through() -> float:
        began = time.perf_counter()
        task_id = bench.gateway.form(
            "/storage/xfer-external/download", sourcePath=f"{bench.remote}/{source.name}"
        )
        link = bench.gateway.settled(task_id, "117")["data"]
        curl("-o", str(target), link if isinstance(link, str) else link["url"])
        took = time.perf_counter() - began
        assert target.stat().st_size == size
        bench.gateway.invalidate(task_id)
        return took

    async def floor() -> float:
        began = time.perf_counter()
        curl("-o", str(target), url)
        return time.perf_counter() - began

    return await bench.measure(
        f"download of {size // 10**6} MB, end to end",
        "curl from the store",
        (through, floor),
        repetitions,
        transferred=size,
    )
