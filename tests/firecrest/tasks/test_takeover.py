"""Handing over: crashes, shutdown, outages of the store (architecture rule 4)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from f7t.errors import TaskNotFound, TaskStoreUnavailable
from f7t.tasks.kinds import Fail, Kind, Outcome, Restart, Resume, TaskContext
from f7t.tasks.model import Json, Service, Status, TaskSpec, new_task
from f7t.tasks.store import TaskStore
from tests.firecrest.tasks.carrying import Start, raises, settled, submitted, succeed

if TYPE_CHECKING:
    from tests.support.redis import RedisServer


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind("work", succeed, Restart()), (Status.FINISHED, {"resumed": True, "jobs": "1"})),
        (
            Kind("work", raises(RuntimeError()), Resume(succeed)),
            (Status.FINISHED, {"resumed": True, "jobs": "1"}),
        ),
        (Kind("work", succeed, Fail("no way on")), (Status.FAILED, "no way on")),
        (Kind("new", succeed, Restart()), (Status.FAILED, "This gateway cannot continue the task")),
    ],
)
async def test_a_task_that_nobody_carries_out_is_continued_as_its_kind_says(
    store: TaskStore, start: Start, kind: Kind, expected: tuple[Status, Json]
) -> None:
    task = new_task("test1", Service.COMPUTE, "cluster")
    await store.create(task, TaskSpec("work", {"jobs": "1"}))
    await start(kind)
    done = await settled(store, task)
    assert (done.status, done.data) == expected


async def test_a_closed_worker_hands_over_at_once(
    store: TaskStore, other_store: TaskStore, start: Start
) -> None:
    """The lease is an hour: only its release lets the other one continue."""
    begun = asyncio.Event()

    async def hang(context: TaskContext) -> Outcome:
        begun.set()
        await asyncio.Event().wait()
        return Outcome(Status.FAILED, "")

    first = await start(hang, lease=3600)
    await start(succeed, on=other_store)
    task = await submitted(first)
    async with asyncio.timeout(20):
        await begun.wait()
    assert (await store.get(task.id)).status is Status.QUEUED
    await first.close()
    assert (await settled(store, task)).data == {"resumed": True, "jobs": "1"}


async def test_a_submitted_task_belongs_to_its_worker_at_once(
    store: TaskStore, other_store: TaskStore, start: Start
) -> None:
    carried_out: list[str] = []
    proceed = asyncio.Event()

    async def work(context: TaskContext) -> Outcome:
        carried_out.append(context.task.id)
        if context.spec.arguments["jobs"] == "1":
            await proceed.wait()
        return Outcome(Status.FINISHED, {})

    first = await start(work, sweep_interval=3600)
    sentinel = new_task("test1", Service.COMPUTE, "cluster")
    task = await submitted(first)
    await store.create(sentinel, TaskSpec("work", {"jobs": "2"}))
    await start(work, on=other_store)
    await settled(store, sentinel)  # the second worker has looked for abandoned tasks
    assert carried_out.count(task.id) == 1
    proceed.set()
    await settled(store, task)
    assert carried_out.count(task.id) == 1


async def test_a_task_accepted_while_closing_is_left_to_others(
    store: TaskStore, other_store: TaskStore, start: Start
) -> None:
    first = await start(succeed, lease=3600)
    await first.close()
    task = await submitted(first)
    await start(succeed, on=other_store)
    assert (await settled(store, task)).data == {"resumed": True, "jobs": "1"}


async def test_a_result_outlasts_an_outage_of_the_store(
    store: TaskStore,
    start: Start,
    redis_server: RedisServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, proceed = asyncio.Event(), asyncio.Event()
    calls = 0

    async def submit(context: TaskContext) -> Outcome:
        nonlocal calls
        calls += 1
        begun.set()
        await proceed.wait()
        return Outcome(Status.FINISHED, {"jobid": 7})

    task = await submitted(await start(submit, lease=0.5))
    async with asyncio.timeout(20):
        await begun.wait()
    redis_server.kill()
    proceed.set()
    async with asyncio.timeout(20):
        while "trying again" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    redis_server.start()
    assert (await settled(store, task)).data == {"jobid": 7}
    assert calls == 1


async def test_without_the_store_no_task_is_accepted(
    start: Start, redis_server: RedisServer
) -> None:
    runner = await start(succeed)
    redis_server.kill()
    with pytest.raises(TaskStoreUnavailable):
        await submitted(runner)


async def test_a_task_stored_after_its_request_was_refused_is_withdrawn(
    store: TaskStore, start: Start, redis_server: RedisServer
) -> None:
    """Redis hangs, the request fails, and the command is executed afterwards all the same."""
    calls = 0

    async def submit(context: TaskContext) -> Outcome:
        nonlocal calls
        calls += 1
        return Outcome(Status.FINISHED, {})

    hasty = TaskStore(
        redis_server.url, lifetimes={Service.COMPUTE: 60, Service.STORAGE: 60}, timeout=0.2
    )
    runner = await start(submit, on=hasty, lease=4)
    await settled(store, await submitted(runner))  # connected, and Redis knows the scripts
    async with Redis.from_url(redis_server.url) as redis:
        hang = asyncio.ensure_future(
            redis.execute_command("DEBUG", "SLEEP", "1")  # type: ignore[no-untyped-call]
        )
        await asyncio.sleep(0.1)  # let the command reach Redis; nothing else shows that it did
        task = new_task("test1", Service.COMPUTE, "cluster")
        with pytest.raises(TaskStoreUnavailable):
            await runner.submit(task, TaskSpec("work", {}))
        await hang
    async with asyncio.timeout(20):
        while True:
            try:
                stored = await store.get(task.id)
            except TaskNotFound:
                await asyncio.sleep(0.01)
            else:
                break
    done = await settled(store, stored)
    assert (done.status, done.data) == (Status.FAILED, "The task was not accepted")
    assert calls == 1
    await runner.close()
    await hasty.close()
