"""What a call costs against what there is: users, queued jobs, entries, stored tasks, workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from tests.bench.clients import USER, Bench, connections, run_on
from tests.bench.fit import Series
from tests.bench.loops import Client, asking, closed_loop
from tests.bench.processes import another_gateway
from tests.bench.rows_calls import CONCURRENCY, make_entries
from tests.bench.rows_jobs import HELD, Submissions, listing_client
from tests.bench.rows_stored import forget, list_all, owners, read_one, store_more
from tests.bench.wire import Wire, request

_POLLERS = 8
_SUBMITTING = 16


@dataclass(frozen=True)
class Steps:
    """How large things become, one after the other."""

    users: tuple[int, ...] = (1, 2, 10, 50, 200)
    jobs: tuple[int, ...] = (0, 10, 100, 1000)
    entries: tuple[int, ...] = (10, 100, 1000, 10_000)
    tasks: tuple[int, ...] = (1, 1000, 10_000, 100_000)
    workers: tuple[int, ...] = (1, 2)


FULL_STEPS = Steps()
QUICK_STEPS = Steps((1, 3), (0, 10), (10, 100), (1, 100), (1, 2))


async def users(bench: Bench, steps: Steps) -> list[Series]:
    """`ls` of everybody's home, many at once, by more and more users."""
    everybody = bench.users(max(steps.users))
    points = []
    for count in steps.users:
        sent = [
            request("GET", f"/utilities/ls?targetPath=/home/{user}", bench.token(user))
            for user in everybody[:count]
        ]
        client = asking(bench.port, *sent)
        points.append((count, await _cost(bench, client, max(CONCURRENCY, count))))
    what = f"ls, at least {CONCURRENCY} at once"
    return [Series("users", what, tuple(points))]


async def _cost(bench: Bench, client: Client, concurrency: int) -> float:
    """Milliseconds of the service per call: the inverse of its rate."""
    await closed_loop(client, concurrency, bench.plan.warm_up)
    loops = [
        await closed_loop(client, concurrency, bench.plan.seconds) for _ in range(bench.plan.rounds)
    ]
    return 1e3 / median([one.rate for one in loops])


async def jobs(bench: Bench, steps: Steps) -> list[Series]:
    """Listing the jobs and submitting one, with more and more jobs of the user in the queue."""
    submissions = Submissions(bench)
    listed, submitted, floor = [], [], []
    try:
        for count, more in _increments(steps.jobs):
            await _queue(bench, more)
            listed.append((count, await _cost(bench, listing_client(bench, (USER,)), _POLLERS)))
            floor.append((count, await _each(bench, lambda: bench.direct.run("squeue --me"))))
            token = bench.token()
            async with Wire.to(bench.port) as wire:
                once = partial(submissions.submit, wire, token)
                submitted.append((count, await _each(bench, once, most=10)))
    finally:
        await submissions.tidy()
    return [
        Series("jobs", f"list the jobs, {_POLLERS} pollers of one user", tuple(listed)),
        Series("jobs", "submit until the job id is known", tuple(submitted)),
        Series("jobs", "squeue over an open channel (floor)", tuple(floor), floor=True),
    ]


def _increments(counts: Sequence[int]) -> Iterable[tuple[int, int]]:
    before = 0
    for count in counts:
        yield count, count - before
        before = count


async def _queue(bench: Bench, count: int) -> None:
    async with connections(bench.direct.door, [USER]) as (ssh,):
        left = iter(range(count))

        async def submit() -> None:
            for _ in left:
                await run_on(ssh, "sbatch --parsable", HELD)

        async with asyncio.TaskGroup() as group:
            for _ in range(_SUBMITTING):
                group.create_task(submit())


async def _each(bench: Bench, once: Callable[[], Awaitable[object]], most: int = 1000) -> float:
    """Median milliseconds of doing it one at a time; the first is not counted."""
    samples = []
    for _ in range(min(most, bench.plan.calls) + 1):
        began = time.perf_counter()
        await once()
        samples.append((time.perf_counter() - began) * 1e3)
    return median(samples[1:])


async def entries(bench: Bench, steps: Steps) -> list[Series]:
    """`ls` of directories with more and more entries; floor: SFTP."""
    through, floor = [], []
    for count in steps.entries:
        path = await make_entries(bench, count)
        sent = request("GET", f"/utilities/ls?targetPath={path}", bench.token())
        async with Wire.to(bench.port) as wire:
            through.append((count, await _each(bench, partial(wire.want, sent), most=20)))
        below = partial(bench.direct.sftp.readdir, path)
        floor.append((count, await _each(bench, below, most=20)))
    return [
        Series("entries", "ls, one at a time", tuple(through)),
        Series("entries", "SFTP readdir (floor)", tuple(floor), floor=True),
    ]


async def tasks(bench: Bench, steps: Steps) -> list[Series]:
    """Reading one task and listing all, of a user with more and more of them."""
    user = owners(bench)[-1]
    ids: list[str] = []
    reads, listing, first = [], [], []
    try:
        for count, more in _increments(steps.tasks):
            await store_more(bench, user, more, ids)
            # Not before: the gateway hangs up while thousands are stored.
            async with Wire.to(bench.port) as wire:
                await read_one(bench, wire, user, ids[0])
                reads.append((count, await read_one(bench, wire, user, ids[-1])))
                await list_all(bench, wire, user, count)
                times = [await list_all(bench, wire, user, count) for _ in range(bench.plan.rounds)]
            first.append((count, median([one[0] for one in times])))
            listing.append((count, median([one[1] for one in times])))
    finally:
        await forget(bench, user, ids)
    return [
        Series("tasks", "read one task", tuple(reads)),
        Series("tasks", "list all tasks", tuple(listing)),
        Series("tasks", "list all tasks, until the first byte", tuple(first)),
    ]


async def workers(bench: Bench, steps: Steps) -> list[Series]:
    """`ls` of ten entries and `stat`, many at once, on gateways with more and more workers."""
    path = await make_entries(bench, 10)
    points: dict[str, list[tuple[int, float]]] = {"ls": [], "stat": []}
    for count in steps.workers:
        async with another_gateway(bench, count) as gateway:
            for name, taken in points.items():
                sent = request("GET", f"/utilities/{name}?targetPath={path}", bench.token())
                client = asking(gateway.port, sent)
                taken.append((count, await _cost(bench, client, CONCURRENCY)))
    return [
        Series("workers", f"{name}, {CONCURRENCY} at once", tuple(taken))
        for name, taken in points.items()
    ]


Growth = Callable[[Bench, Steps], Awaitable[list[Series]]]

GROWTHS: Mapping[str, Growth] = {
    "users": users,
    "jobs": jobs,
    "entries": entries,
    "tasks": tasks,
    "workers": workers,
}


def growths_of(steps: Steps) -> dict[str, Callable[[Bench], Awaitable[list[Series]]]]:
    """All of `GROWTHS`, for these steps."""

    def of(growth: Growth) -> Callable[[Bench], Awaitable[list[Series]]]:
        return lambda bench: growth(bench, steps)

    return {name: of(growth) for name, growth in GROWTHS.items()}
