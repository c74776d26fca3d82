"""The row of stored tasks: a user with thousands of them reads one, and lists all."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from statistics import median
from typing import cast

from f7t.tasks.model import Json, Service, Status, TaskSpec, new_task
from f7t.tasks.store import TaskStore
from f7t_testbuild.model import SYSTEM
from tests.bench.clients import USER, Bench
from tests.bench.figures import Figure, ratio_at_most
from tests.bench.wire import Answer, BenchFailure, Wire, request

_LIFETIME = 3600.0
_AT_ONCE = 24
_BATCH = 500
_SPEC = TaskSpec("bench")


@asynccontextmanager
async def stored(bench: Bench, user: str, count: int) -> AsyncIterator[list[str]]:
    """So many settled tasks of a user in the task store; their ids. They are gone afterwards."""
    ids: list[str] = []
    try:
        await store_more(bench, user, count, ids)
        yield ids
    finally:
        await forget(bench, user, ids)


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


async def read_one(bench: Bench, wire: Wire, user: str, task_id: str) -> float:
    """Median milliseconds of reading this task, one at a time."""
    sent = request("GET", f"/tasks/{task_id}", bench.token(user))
    samples = []
    for _ in range(max(20, bench.plan.calls)):
        began = time.perf_counter()
        await wire.want(sent)
        samples.append((time.perf_counter() - began) * 1e3)
    return median(samples)


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
    """Reading one of thousands and of one; listing all of them, and of a tenth of them."""
    (other, user), large = owners(bench), bench.plan.tasks
    small = large // 10
    rounds = range(max(2, bench.plan.rounds))
    wire = await Wire.open(bench.port)
    ids: list[str] = []
    single: list[str] = []
    try:
        await store_more(bench, user, small, ids)
        few = [(await list_all(bench, wire, user, small))[1] for _ in rounds]
        await store_more(bench, user, large - small, ids)
        await store_more(bench, other, 1, single)
        await read_one(bench, wire, other, single[0])
        among, alone, whole, first, floor = [], [], [], [], []
        for _ in rounds:
            among.append(await read_one(bench, wire, user, secrets.choice(ids)))
            alone.append(await read_one(bench, wire, other, single[0]))
            begun, ended = await list_all(bench, wire, user, large)
            first.append(begun)
            whole.append(ended)
            floor.append(await read_records(bench, user))
    finally:
        await wire.close()
        await forget(bench, user, ids)
        await forget(bench, other, single)
    many, few_of_them = (f"{count:,}".replace(",", " ") for count in (large, small))
    return [
        _figure(
            f"read one of {many} tasks",
            among,
            "read a user's only one",
            alone,
            1.1,
        ),
        _figure(f"list all {many} tasks", whole, "the records straight from Redis", floor),
        _figure("… until the first byte", first, "until the last byte", whole, 0.2),
        _figure(
            f"… per 1 000 tasks, of {many}",
            [one / large * 1e3 for one in whole],
            f"the same of {few_of_them}",
            [one / small * 1e3 for one in few],
            1.1,
        ),
    ]


def _figure(
    what: str, samples: list[float], floor: str, below: list[float], most: float | None = None
) -> Figure:
    target = None if most is None else ratio_at_most(most)
    return Figure("tasks", what, "ms", tuple(samples), floor, tuple(below), target)


def owners(bench: Bench) -> tuple[str, str]:
    """Two users that no other row works with, if there are many."""
    try:
        first, second = bench.users(200)[-2:]
    except BenchFailure:
        return "test2", USER
    return first, second
