"""Closed loops: so many clients, each asking again as soon as it was answered, turn by turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from tests.bench.wire import Wire

T = TypeVar("T")
Visit = Callable[[], Awaitable[object]]
"""Does the thing once."""
Client = Callable[[int], AbstractAsyncContextManager[Visit]]
"""Opens what the client of this number (from 0) needs, and gives what it does again and again."""


@dataclass(frozen=True)
class Plan:
    """How long and how often things are measured.

    Attributes:
        seconds: of one closed loop, after `warm_up` seconds.
        rounds: how often gateway and floor take turns; figures are medians of these.
        calls: repetitions of what is measured one by one.
        large: bytes of the external transfer.
        tasks: stored tasks of a user.
        users: how many come at once.
    """

    seconds: float = 3.0
    warm_up: float = 0.7
    rounds: int = 5
    calls: int = 60
    large: int = 1_000_000_000
    tasks: int = 10_000
    users: int = 200


FULL = Plan()
QUICK = Plan(seconds=0.5, warm_up=0.2, rounds=1, calls=5, large=20_000_000, tasks=2_000, users=20)


@dataclass(frozen=True)
class Loop:
    """What one closed loop came to."""

    count: int
    seconds: float
    latencies: tuple[float, ...]
    """Seconds of each, in order of length."""
    generator: float
    """Processor seconds of the load generator itself, which shares the cores."""

    @property
    def rate(self) -> float:
        """How many in a second."""
        return self.count / self.seconds

    def quantile(self, part: float) -> float:
        """Seconds within which this part of them was done."""
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * part))]


async def closed_loop(client: Client, concurrency: int, seconds: float) -> Loop:
    """Every client begins again until the time is over, and ends what it has begun.

    Clients connect before the clock starts. What a client raises ends the loop.
    """
    latencies: list[float] = []
    ready = asyncio.Barrier(concurrency + 1)
    began = used = 0.0

    async def run(number: int) -> None:
        async with client(number) as visit:
            await ready.wait()
            end = time.perf_counter() + seconds
            while (start := time.perf_counter()) < end:
                await visit()
                latencies.append(time.perf_counter() - start)

    async with asyncio.TaskGroup() as group:
        for number in range(concurrency):
            group.create_task(run(number))
        await ready.wait()
        began, used = time.perf_counter(), time.process_time()
    took, used = time.perf_counter() - began, time.process_time() - used
    return Loop(len(latencies), took, tuple(sorted(latencies)), used)


def asking(port: int, *requests: bytes) -> Client:
    """Clients over a connection of their own; each sends one of these again and again, in turn."""

    @asynccontextmanager
    async def client(number: int) -> AsyncIterator[Visit]:
        wire = await Wire.open(port)
        try:
            yield partial(wire.want, requests[number % len(requests)])
        finally:
            await wire.close()

    return client


def doing(visit: Visit) -> Client:
    """Clients that share what they need."""

    @asynccontextmanager
    async def client(number: int) -> AsyncIterator[Visit]:
        yield visit

    return client


async def turns(
    rounds: int, gateway: Callable[[], Awaitable[T]], floor: Callable[[], Awaitable[T]]
) -> tuple[list[T], list[T]]:
    """Both in turn, so that whatever else the machine does meets both; who begins takes turns too,
    since what one leaves to the disk may hold up the other."""
    through, below = [], []
    for number in range(rounds):
        pair = (gateway, floor) if number % 2 == 0 else (floor, gateway)
        loops = [await one() for one in pair]
        through.append(loops[number % 2])
        below.append(loops[1 - number % 2])
    return through, below


async def timed(
    count: int, gateway: Callable[[], Awaitable[float]], floor: Callable[[], Awaitable[float]]
) -> tuple[list[float], list[float]]:
    """Seconds of single calls of both in turn; one turn before them warms up."""
    through, below = await turns(count + 1, gateway, floor)
    return through[1:], below[1:]
