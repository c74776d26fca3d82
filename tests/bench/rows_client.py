"""The row of the official client: `submit()` as its users call it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from f7t_testbuild.model import SYSTEM
from tests.bench.clients import Bench
from tests.bench.figures import Figure, at_most
from tests.bench.loops import timed
from tests.bench.rows_jobs import HELD, Submissions
from tests.bench.wire import BenchFailure
from tests.clients.environment import EnvironmentNotMade, client_interpreter

_SCRIPT = Path(__file__).with_name("client_submits.py")
_MOST = 20
"""The client waits some of the time by its own decision: many repetitions tell nothing new."""


async def official_client(bench: Bench) -> list[Figure]:
    """Wall time of `submit()` with the client's own waits; floor: `sbatch`."""
    jobs = Submissions(bench)
    async with _client(bench) as process:

        async def through() -> float:
            said = await _one(process)
            jobs.directories.append(str(said["directory"]))
            return float(said["seconds"])

        async def floor() -> float:
            began = time.perf_counter()
            await bench.direct.run("sbatch --parsable", HELD)
            return time.perf_counter() - began

        try:
            seconds = await timed(min(_MOST, bench.plan.calls), through, floor)
        finally:
            await jobs.tidy()
    return [
        Figure(
            "pyfirecrest",
            "pyfirecrest submit(), wall time",
            "ms",
            tuple(one * 1e3 for one in seconds[0]),
            "sbatch, open channel",
            tuple(one * 1e3 for one in seconds[1]),
            at_most(150),
            "the client's own waits between polls included",
        )
    ]


@asynccontextmanager
async def _client(bench: Bench) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the client that waits for its first line; ended afterwards."""
    try:
        python = await asyncio.to_thread(client_interpreter)
    except EnvironmentNotMade as error:
        raise BenchFailure(str(error)) from error
    script = bench.local / "held.sh"
    script.write_text(HELD)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(bench.local),
        "FIRECREST_URL": bench.testbuild.gateway_url,
        "TOKEN": bench.token(),
        "MACHINE": SYSTEM,
        "SCRIPT": str(script),
    }
    with (bench.local / "client.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(python),
            "-I",
            str(_SCRIPT),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.stdin:
            process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _one(process: asyncio.subprocess.Process) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise BenchFailure("the client's process has no pipes")
    process.stdin.write(b"submit\n")
    await process.stdin.drain()
    line = await process.stdout.readline()
    if not line:
        raise BenchFailure("the official client ended with an error (python -I client_submits.py)")
    said: dict[str, Any] = json.loads(line)
    return said
