"""The floors of load tests: what this machine does without the gateway, measured directly.

Every figure of the gateway contains one of these: a submission contains an `sbatch`, a `stat` an
SFTP request. Thresholds are ratios to them, so that they hold on slow and on quick machines.
"""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncssh
from redis.exceptions import RedisError

from f7t_loadtest.figures import (
    REDIS_GET,
    SBATCH,
    SBATCH_ONCE,
    SFTP_LISTDIR,
    SFTP_STAT,
    SQUEUE,
)
from f7t_loadtest.model import Floor
from f7t_testbuild.direct import USER, Direct, DirectFailure, direct_access
from f7t_testbuild.model import Testbuild
from f7t_testbuild.progress import Progress

COMMANDS_AT_ONCE = 8
"""Channels of one connection that run commands; sshd allows ten by default."""
REQUESTS_AT_ONCE = 32
ENTRIES = 10
MOST_JOBS = 500
_TASK_BYTES = 600
"""About the size of a settled submission's task as it is stored."""
_JOB = "f7t-floor"
_HELD = f"#!/bin/sh\n#SBATCH --job-name={_JOB}\n#SBATCH --hold\n#SBATCH --output=/dev/null\ntrue\n"

Once = Callable[[], Awaitable[object]]


async def measure(testbuild: Testbuild, seconds: float, progress: Progress) -> list[Floor]:
    """Measure all floors, each for `seconds`; nothing of it is left on the cluster.

    Raises:
        DirectFailure: the cluster cannot be reached or a command fails.
    """
    try:
        async with direct_access(testbuild) as direct:
            return [
                *await _slurm(direct, seconds, progress),
                *await _sftp(direct, seconds, progress),
                await _redis(direct, seconds, progress),
            ]
    except ExceptionGroup as several:
        raise _told(several.exceptions[0]) from several
    except (OSError, asyncssh.Error, RedisError) as error:
        raise _told(error) from error


def _told(error: Exception) -> DirectFailure:
    return error if isinstance(error, DirectFailure) else DirectFailure(str(error))


async def _slurm(direct: Direct, seconds: float, progress: Progress) -> list[Floor]:
    name = f"{_JOB}-{secrets.token_hex(4)}"
    script = _HELD.replace(_JOB, name)

    begun: set[asyncio.Task[str]] = set()

    async def submit() -> None:
        """Runs to its end even when this is cancelled: its job would come after the `scancel`."""
        task = asyncio.create_task(direct.run("sbatch --parsable", script))
        begun.add(task)
        task.add_done_callback(begun.discard)
        await asyncio.shield(task)

    progress("floors: sbatch")
    try:
        once = await _median(submit, seconds)
        submissions = await _rate(submit, COMMANDS_AT_ONCE, seconds, most=MOST_JOBS)
    finally:
        await asyncio.gather(*begun, return_exceptions=True)
        await direct.run(f"scancel --name={name} --user={USER}")
    progress("floors: squeue")
    listings = await _rate(lambda: direct.run("squeue --noheader"), COMMANDS_AT_ONCE, seconds)
    channels = f"on open channels of one SSH connection, {COMMANDS_AT_ONCE} at once"
    return [
        Floor(
            name=SBATCH,
            value=submissions,
            unit="per second",
            how=f"sbatch of held jobs {channels}",
        ),
        Floor(
            name=SBATCH_ONCE,
            value=once,
            unit="seconds",
            how="median of one sbatch after the other over an open SSH connection",
        ),
        Floor(name=SQUEUE, value=listings, unit="per second", how=f"squeue {channels}"),
    ]


async def _sftp(direct: Direct, seconds: float, progress: Progress) -> list[Floor]:
    folder = f"/home/{USER}/f7t-floor-{secrets.token_hex(4)}"
    await direct.sftp.mkdir(folder)
    try:
        for number in range(ENTRIES):
            async with direct.sftp.open(f"{folder}/file{number}", "w") as file:
                await file.write("content\n")
        progress("floors: SFTP")
        stats = await _rate(lambda: direct.sftp.stat(folder), REQUESTS_AT_ONCE, seconds)
        listings = await _rate(lambda: direct.sftp.readdir(folder), REQUESTS_AT_ONCE, seconds)
    finally:
        await direct.sftp.rmtree(folder)
    channel = f"on one open SFTP channel, {REQUESTS_AT_ONCE} at once"
    return [
        Floor(name=SFTP_STAT, value=stats, unit="per second", how=f"stat {channel}"),
        Floor(
            name=SFTP_LISTDIR,
            value=listings,
            unit="per second",
            how=f"reading a directory of {ENTRIES} files {channel}",
        ),
    ]


async def _redis(direct: Direct, seconds: float, progress: Progress) -> Floor:
    key = f"f7t-floor-{secrets.token_hex(4)}"
    await direct.redis.set(key, "x" * _TASK_BYTES, ex=timedelta(minutes=10))
    progress("floors: Redis")
    try:
        reads = await _rate(lambda: direct.redis.get(key), REQUESTS_AT_ONCE, seconds)
    finally:
        await direct.redis.delete(key)
    how = f"GET of {_TASK_BYTES} bytes over the gateway's own address, {REQUESTS_AT_ONCE} at once"
    return Floor(name=REDIS_GET, value=reads, unit="per second", how=how)


async def _rate(once: Once, at_once: int, seconds: float, *, most: int | None = None) -> float:
    """How often per second `once` is done by `at_once` who each repeat it; at most `most` times."""
    await asyncio.gather(*(once() for _ in range(at_once)))
    begun = done = 0
    began = time.perf_counter()

    async def repeat() -> None:
        nonlocal begun, done
        while time.perf_counter() - began < seconds and (most is None or begun < most):
            begun += 1
            await once()
            done += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(repeat())
    return done / (time.perf_counter() - began)


async def _median(once: Once, seconds: float) -> float:
    """Seconds that `once` takes, one after the other; the first is not counted."""
    await once()
    took: list[float] = []
    ends = time.perf_counter() + seconds
    while not took or time.perf_counter() < ends:
        began = time.perf_counter()
        await once()
        took.append(time.perf_counter() - began)
    return statistics.median(took)
