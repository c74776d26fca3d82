"""Long polls against a real Redis: nothing is missed, nothing is asked twice, nothing goes back."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from redis import Redis as SyncRedis
from redis.asyncio import Redis

from f7t.tasks.changes import CHANNEL
from f7t.tasks.model import Service, Status
from f7t.tasks.store import TaskStore
from tests.firecrest.tasks.carrying import created

if TYPE_CHECKING:
    from tests.support.redis import RedisServer


async def _subscribed(store: TaskStore, other_store: TaskStore) -> None:
    """Returns when `store` hears of what others change."""
    task = await created(store)
    async with asyncio.timeout(20):
        with store.watching([task.id]) as watch:
            seen = await store.get(task.id)
            await other_store.update(task.id, Status.FINISHED, {})
            await store.wait_change([seen], 3600, watch)


async def _reads(redis: Redis) -> int:
    statistics = await redis.info("commandstats")
    return int(statistics["cmdstat_mget"]["calls"])


@pytest.mark.parametrize("waiting_first", [True, False])
async def test_a_long_poll_ends_when_another_worker_changes_the_task(
    store: TaskStore, other_store: TaskStore, *, waiting_first: bool
) -> None:
    task, bystander = await created(store), await created(store)
    async with asyncio.timeout(20):
        if waiting_first:
            poll = asyncio.create_task(other_store.wait_change([task, bystander], 3600))
            # A first change that is awaited elsewhere shows that the subscription stands.
            await other_store.wait_change([task], 0.05)
            done = await store.update(task.id, Status.FINISHED, {})
            assert await poll == {task.id: done, bystander.id: bystander}
        else:
            done = await store.update(task.id, Status.FINISHED, {})
            assert await other_store.wait_change([task], 3600) == {task.id: done}


@pytest.mark.parametrize(("size", "questions"), [(1, 0), (5000, 1)])
@pytest.mark.parametrize("elsewhere", [True, False])
async def test_a_small_record_comes_with_the_news(
    store: TaskStore,
    other_store: TaskStore,
    redis: Redis,
    *,
    elsewhere: bool,
    size: int,
    questions: int,
) -> None:
    task = await created(store)
    await _subscribed(store, other_store)
    writer = other_store if elsewhere else store
    async with asyncio.timeout(20):
        with store.watching([task.id]) as watch:
            seen = await store.get(task.id)
            before = await _reads(redis)
            done = await writer.update(task.id, Status.FINISHED, {"a": "b" * size}, known=seen)
            assert await store.wait_change([seen], 3600, watch) == {task.id: done}
            assert await _reads(redis) - before <= questions


async def test_a_change_between_reading_and_waiting_is_not_missed(
    store: TaskStore, other_store: TaskStore
) -> None:
    task = await created(store)
    await _subscribed(store, other_store)
    async with asyncio.timeout(20):
        with store.watching([task.id]) as watch:
            seen = await store.get(task.id)
            done = await other_store.update(task.id, Status.FINISHED, {})
            assert await store.wait_change([seen], 3600, watch) == {task.id: done}


async def test_late_news_take_no_task_back(store: TaskStore, other_store: TaskStore) -> None:
    """What this worker wrote is told after another one has written and was read."""
    task = await created(store, service=Service.STORAGE)
    first = await store.update(task.id, Status.PUSH_STARTED, {})
    second = await other_store.update(task.id, Status.PUSH_FINISHED, {})
    with store.watching([task.id]) as watch:
        seen = await store.get(task.id)
        watch.tell(task.id, first)
        assert await store.wait_change([seen], 0.05, watch) == {task.id: second}


async def test_nobody_is_told_of_a_task_that_is_not_announced_yet(
    store: TaskStore, redis: Redis
) -> None:
    async with redis.pubsub() as messages:
        await messages.subscribe(CHANNEL)
        await created(store)
        second = await created(store)
        await store.update(second.id, Status.FINISHED, {})
        async with asyncio.timeout(20):
            heard = [await anext(messages.listen()) for _ in range(2)]
    assert heard[1]["data"].startswith(second.id.encode())


async def test_many_long_polls_each_see_their_own_task(
    store: TaskStore, other_store: TaskStore
) -> None:
    tasks = [await created(store) for _ in range(50)]
    async with asyncio.timeout(20):
        polls = [asyncio.create_task(other_store.wait_change([task], 3600)) for task in tasks]
        await asyncio.gather(*(store.update(task.id, Status.FINISHED, {}) for task in tasks))
        answers = await asyncio.gather(*polls)
    for task, answer in zip(tasks, answers, strict=True):
        assert answer[task.id].status is Status.FINISHED


async def test_a_long_poll_without_a_change_ends_at_its_time(store: TaskStore) -> None:
    task = await created(store)
    assert await store.wait_change([task], 0) == {task.id: task}
    assert await store.wait_change([task], 0.05) == {task.id: task}


async def test_a_long_poll_does_not_miss_what_changed_while_it_was_cut_off(
    store: TaskStore, redis_server: RedisServer
) -> None:
    task = await created(store)
    done = task.moved(Status.FINISHED, {})
    async with asyncio.timeout(30):
        assert await store.wait_change([task], 0.05) == {task.id: task}
        poll = asyncio.create_task(store.wait_change([task], 3600))
        await asyncio.sleep(0.2)  # most likely it waits now; the test holds if it does not
        redis_server.kill()
        redis_server.start()
        # A change whose message reaches nobody: the event loop has not run since the crash.
        with SyncRedis.from_url(redis_server.url) as redis:
            record = json.loads(redis.get(f"f7t:task:{task.id}"))
            moment = done.updated_at.isoformat()
            record |= {"status": "200", "data": {}, "updated_at": moment}
            redis.set(f"f7t:task:{task.id}", json.dumps(record))
        assert await poll == {task.id: done}
