"""Rows of jobs: submissions one by one and many at once, listings by many pollers."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncssh

from tests.bench.clients import USER, Bench, connections, created, run_on, settled
from tests.bench.figures import (
    Figure,
    at_least,
    at_most,
    ratio_at_least,
    ratio_at_most,
)
from tests.bench.loops import Client, Loop, Visit, closed_loop, timed, turns
from tests.bench.rows_calls import CONCURRENCY, latency
from tests.bench.wire import Wire, request, upload

NAME = "f7t-bench"
HELD = f"#!/bin/sh\n#SBATCH --job-name={NAME}\n#SBATCH --hold\n#SBATCH --output=/dev/null\ntrue\n"
_CONNECTIONS = 4
_POLLERS, _OWNERS, _QUEUED = 64, 4, 10
_SQUEUE = "squeue -h -u {user} -o '%i|%j|%T|%M|%P|%u|%N|%S|%e|%l|%D|%C|%r'"
# REQUEST_JOB_INFO and REQUEST_JOB_USER_INFO: squeue of a user makes one of them.
_LISTS = re.compile(r"\( *(?:2003|2039)\) *count:(\d+)")
# REQUEST_JOB_INFO_SINGLE: scontrol, for the files of a job.
_SINGLE_JOBS = re.compile(r"\( *2021\) *count:(\d+)")


@dataclass
class Submissions:
    """Directories of jobs that went through the gateway, to be removed."""

    bench: Bench
    directories: list[str] = field(default_factory=list)

    async def submit(self, wire: Wire, token: str) -> None:
        """Submit a held job and wait until its id is known."""
        sent = upload("/compute/jobs/upload", token, "job.sh", HELD.encode())
        task = await settled(wire, token, created((await wire.want(sent)).body), "200")
        self.directories.append(str(task["data"]["job_file"]).rpartition("/")[0])

    async def cancel(self) -> None:
        """Cancel all jobs of the benchmark, so that the queue stays short."""
        await self.bench.direct.run(f"scancel --quiet --user=$(id -un) --jobname={NAME}")

    async def tidy(self) -> None:
        """Cancel the jobs and remove their directories."""
        await self.cancel()
        await self.bench.direct.remove(self.directories)
        self.directories.clear()


async def submission(bench: Bench) -> list[Figure]:
    """One at a time, from the request until the job id stands in the task; floor: `sbatch`."""
    jobs = Submissions(bench)
    wire = await Wire.open(bench.port)

    async def through() -> float:
        token = bench.token()
        began = time.perf_counter()
        await jobs.submit(wire, token)
        return time.perf_counter() - began

    async def floor() -> float:
        began = time.perf_counter()
        await bench.direct.run("sbatch --parsable", HELD)
        return time.perf_counter() - began

    try:
        seconds = await timed(bench.plan.calls, through, floor)
    finally:
        await wire.close()
        await jobs.tidy()
    return [
        Figure(
            "submit",
            "submit until the job id is known, c=1",
            "ms",
            tuple(one * 1e3 for one in seconds[0]),
            "sbatch, open channel",
            tuple(one * 1e3 for one in seconds[1]),
            ratio_at_most(1.3),
            f"p95 {statistics.quantiles(seconds[0], n=20)[-1] * 1e3:.0f} ms",
        )
    ]


def _executing(
    open_connections: list[asyncssh.SSHClientConnection],
    run: Callable[[asyncssh.SSHClientConnection, int], Awaitable[object]],
) -> Client:
    """Clients that execute something over one of these connections each."""

    @asynccontextmanager
    async def client(number: int) -> AsyncIterator[Visit]:
        ssh = open_connections[number % len(open_connections)]
        yield lambda: run(ssh, number)

    return client


async def submissions(bench: Bench) -> list[Figure]:
    """Submit and poll until the job id is known, many at once; floor: executions of `sbatch`."""
    jobs = Submissions(bench)

    @asynccontextmanager
    async def submitting(_: int) -> AsyncIterator[Visit]:
        wire, token = await Wire.open(bench.port), bench.token()
        try:
            yield lambda: jobs.submit(wire, token)
        finally:
            await wire.close()

    async with connections(bench.direct.door, [USER] * _CONNECTIONS) as pool:
        executing = _executing(pool, lambda ssh, _: run_on(ssh, "sbatch --parsable", HELD))

        async def loop(client: Client, seconds: float) -> Loop:
            done = await closed_loop(client, CONCURRENCY, seconds)
            await jobs.cancel()
            return done

        try:
            for client in (submitting, executing):
                await loop(client, bench.plan.warm_up)
            through, floor = await turns(
                bench.plan.rounds,
                lambda: loop(submitting, bench.plan.seconds),
                lambda: loop(executing, bench.plan.seconds),
            )
        finally:
            await jobs.tidy()
    return [
        Figure(
            "submissions",
            f"submissions until the job id is known, c={CONCURRENCY}",
            "1/s",
            tuple(one.rate for one in through),
            f"sbatch over {_CONNECTIONS} connections",
            tuple(one.rate for one in floor),
            ratio_at_least(0.8),
            latency(through),
        )
    ]


async def controller_questions(bench: Bench) -> tuple[int, int]:
    """How often slurmctld was asked for lists of jobs so far (`sdiag`), and how often for one."""
    counted = await bench.direct.run("sdiag")
    lists, single = (map(int, each.findall(counted)) for each in (_LISTS, _SINGLE_JOBS))
    return sum(lists), sum(single)


def listing_client(bench: Bench, owners: tuple[str, ...]) -> Client:
    """Pollers of these users in turn: list the jobs, poll the task until it has settled."""

    @asynccontextmanager
    async def client(number: int) -> AsyncIterator[Visit]:
        wire, token = await Wire.open(bench.port), bench.token(owners[number % len(owners)])
        question = request("GET", "/compute/jobs", token)

        async def visit() -> None:
            await settled(wire, token, created((await wire.want(question)).body), "200")

        try:
            yield visit
        finally:
            await wire.close()

    return client


async def listings(bench: Bench) -> list[Figure]:
    """Pollers of several users who list their jobs; floor: executions of `squeue`."""
    owners = bench.users(_OWNERS)
    asked: list[tuple[float, ...]] = []
    async with connections(bench.direct.door, owners) as pool:
        for ssh in pool:
            for _ in range(_QUEUED):
                await run_on(ssh, "sbatch --parsable", HELD)
        executing = _executing(
            pool, lambda ssh, number: run_on(ssh, _SQUEUE.format(user=owners[number % _OWNERS]))
        )

        async def polling(seconds: float) -> Loop:
            before, began = await controller_questions(bench), time.perf_counter()
            done = await closed_loop(listing_client(bench, owners), _POLLERS, seconds)
            took = time.perf_counter() - began
            after = await controller_questions(bench)
            more = zip(before, after, strict=True)
            asked.append(tuple((late - early) / took / _OWNERS for early, late in more))
            return done

        try:
            await polling(bench.plan.warm_up)
            await closed_loop(executing, CONCURRENCY, bench.plan.warm_up)
            asked.clear()
            through, floor = await turns(
                bench.plan.rounds,
                lambda: polling(bench.plan.seconds),
                lambda: closed_loop(executing, CONCURRENCY, bench.plan.seconds),
            )
        finally:
            for ssh in pool:
                await run_on(ssh, f"scancel --quiet --user=$(id -un) --jobname={NAME}")
    return [
        Figure(
            "listings",
            f"job listings settled, {_POLLERS} pollers of {_OWNERS} users",
            "1/s",
            tuple(one.rate for one in through),
            "squeue over open channels",
            tuple(one.rate for one in floor),
            at_least(1000),
            f"{_QUEUED} jobs queued per user; {latency(through)}",
        ),
        Figure(
            "listings",
            "… squeue per user and second meanwhile",
            "1/s",
            tuple(lists for lists, _ in asked),
            target=at_most(2),
            note="questions for a user's jobs that slurmctld counted (sdiag); for single jobs "
            f"{statistics.median(single for _, single in asked):.1f}",
        ),
    ]
