"""The row of stored tasks: a user with thousands of them reads one, and lists all."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from statistics import median
from typing import cast

from f7t.tasks.model import Json, Service, Status, TaskSpec, new_task
from f7t.tasks.store import TaskStore
from f7t_testbuild.model import SYSTEM
from tests.bench.clients import USER, Bench
from tests.bench.figures import Figure, ratio_at_most
from tests.bench.fit import LINEAR
from tests.bench.loops import timed
from tests.bench.wire import Answer, BenchFailure, Wire, request

_LIFETIME = 3600.0
_AT_ONCE = 24
_BATCH = 500
_SPEC = TaskSpec("bench")


async def store_more(bench: Bench, user: str, count: int, ids: list[str]) -> None:
    """Store settled submissions of this user, and add their ids to the list."""
    lifetimes = dict.fromkeys(Service, _LIFETIME)
    store = TaskStore(bench.direct.redis_url, lifetimes=lifetimes)
    left = iter(range(count))

    async def write() -> None:
        for number in left:
            task = new_task(user, Service.COMPUTE, SYSTEM)
            data: Json = {
                "jobid": number,
                "result": "Job submitted",
                "job_file": f"/home/{user}/firecrest/{task.id}/job.sh",
                "job_data_out": f"/home/{user}/firecrest/{task.id}/slurm-{number}.out",
                "job_data_err": f"/home/{user}/firecrest/{task.id}/slurm-{number}.out",
            }
            ids.append(task.id)
            await store.create(replace(task, status=Status.FINISHED, data=data), _SPEC)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(write())
    finally:
        await store.close()


async def forget(bench: Bench, user: str, ids: list[str]) -> None:
    """Remove records of a user (keys as in `f7t.tasks.store`)."""
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        await bench.direct.redis.unlink(*(f"f7t:task:{one}" for one in batch))
        await bench.direct.redis.zrem(f"f7t:user:{user}", *batch)


def reading(bench: Bench, wire: Wire, user: str, task_id: str) -> Callable[[], Awaitable[float]]:
    """Reads this task once; seconds."""
    sent = request("GET", f"/tasks/{task_id}", bench.token(user))

    async def once() -> float:
        began = time.perf_counter()
        await wire.want(sent)
        return time.perf_counter() - began

    return once


async def read_one(bench: Bench, wire: Wire, user: str, task_id: str) -> float:
    """Median milliseconds of reading this task, one at a time."""
    once = reading(bench, wire, user, task_id)
    samples = [await once() for _ in range(max(20, bench.plan.calls) + 1)]
    return median(samples[1:]) * 1e3


async def list_all(bench: Bench, wire: Wire, user: str, count: int) -> tuple[float, float]:
    """Milliseconds until the first byte and until the end of the list of all tasks.

    Raises:
        BenchFailure: it has fewer than `count` tasks.
    """
    began = time.perf_counter()
    answer: Answer = await wire.want(request("GET", "/tasks", bench.token(user)))
    took = (time.perf_counter() - began) * 1e3
    listed = answer.body.count(b'"hash_id"')
    if listed < count:
        raise BenchFailure(f"GET /tasks listed {listed} of {count} tasks")
    return answer.first_byte * 1e3, took


async def read_records(bench: Bench, user: str) -> float:
    """Milliseconds of reading all records of a user straight from Redis, in batches."""
    began = time.perf_counter()
    ids = cast(list[bytes], await bench.direct.redis.zrange(f"f7t:user:{user}", 0, -1))
    for start in range(0, len(ids), _BATCH):
        keys = [f"f7t:task:{one.decode()}" for one in ids[start : start + _BATCH]]
        await bench.direct.redis.mget(keys)
    return (time.perf_counter() - began) * 1e3


async def stored_tasks(bench: Bench) -> list[Figure]:
    """Reading one of thousands and an only one; listing all of them, and of a tenth of them."""
    sizes = (1, bench.plan.tasks // 10, bench.plan.tasks)
    owned: dict[str, list[str]] = {user: [] for user in owners(bench)}
    single, few, many = owned
    listed: dict[str, list[tuple[float, float]]] = {few: [], many: []}
    floor = []
    try:
        for (user, ids), size in zip(owned.items(), sizes, strict=True):
            await store_more(bench, user, size, ids)
        async with Wire.to(bench.port) as wire:
            among, alone = await timed(
                max(20, bench.plan.calls),
                reading(bench, wire, many, secrets.choice(owned[many])),
                reading(bench, wire, single, owned[single][0]),
            )
            for number in range(bench.plan.rounds + 1):
                for user, taken in listed.items():
                    times = await list_all(bench, wire, user, len(owned[user]))
                    if number:
                        taken.append(times)
                floor.append(await read_records(bench, many))
    finally:
        for user, ids in owned.items():
            await forget(bench, user, ids)
    return _figures(sizes, (among, alone), (listed[few], listed[many]), floor)


def _figures(
    sizes: tuple[int, int, int],
    read: tuple[list[float], list[float]],
    listed: tuple[list[tuple[float, float]], list[tuple[float, float]]],
    floor: list[float],
) -> list[Figure]:
    _, small, large = (f"{size:,}".replace(",", " ") for size in sizes)
    whole = [ended for _, ended in listed[1]]
    among, alone = ([one * 1e3 for one in seconds] for seconds in read)
    return [
        _figure(f"read one of {large} tasks", among, "read a user's only one", alone, 1.1),
        _figure(f"list all {large} tasks", whole, "the records straight from Redis", floor),
        _figure(
            "… until the first byte",
            [first for first, _ in listed[1]],
            "until the last byte",
            whole,
            0.2,
        ),
        _figure(
            f"… per 1 000 tasks, of {large}",
            [one / sizes[2] * 1e3 for one in whole],
            f"the same of {small}",
            [ended / sizes[1] * 1e3 for _, ended in listed[0]],
            LINEAR,
        ),
    ]


def _figure(
    what: str, samples: list[float], floor: str, below: list[float], most: float | None = None
) -> Figure:
    target = None if most is None else ratio_at_most(most)
    return Figure("tasks", what, "ms", tuple(samples), floor, tuple(below), target)


def owners(bench: Bench) -> tuple[str, str, str]:
    """Three users, those that no other row works with if there are many."""
    try:
        first, second, third = bench.users(200)[-3:]
    except BenchFailure:
        return "test2", "test4", USER
    return first, second, third
