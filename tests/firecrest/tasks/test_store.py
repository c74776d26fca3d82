"""The task store against a real Redis: contract tasks.md §4, §5; architecture rule 4; T52."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from f7t.errors import IllegalTransition, TaskNotFound, TaskStoreUnavailable
from f7t.tasks.model import Json, Service, Status, Task, new_task
from f7t.tasks.sharing import Answer, Created
from f7t.tasks.store import LeaseLost, LeaseState, TaskStore
from tests.firecrest.tasks.carrying import SPEC, created

if TYPE_CHECKING:
    from tests.support.redis import RedisServer


async def test_what_was_created_is_read_back(store: TaskStore, other_store: TaskStore) -> None:
    task = await created(store)
    assert await other_store.get(task.id) == task
    assert await other_store.spec(task.id) == SPEC
    assert await other_store.list("test1") == {task.id: task}


async def test_an_id_cannot_be_taken_twice(store: TaskStore) -> None:
    task = await created(store)
    with pytest.raises(IllegalTransition):
        await store.create(task.moved(Status.QUEUED, "another"), SPEC)
    assert (await store.get(task.id)).data == "Queued"


async def test_data_survives_whatever_it_holds(store: TaskStore) -> None:
    data: dict[str, Json] = {
        "näme\n'\"": ["\udce9", None, 1.5, True, {}, []],
        "empty": {},
        "tuple": ("a",),
    }
    task = await created(store)
    await store.update(task.id, Status.FINISHED, data)
    assert (await store.get(task.id)).data == {**data, "tuple": ["a"]}


async def test_users_see_their_own_tasks_only(store: TaskStore) -> None:
    mine, other = await created(store), await created(store, "test2")
    assert set(await store.list("test1")) == {mine.id}
    assert set(await store.list("nobody")) == set()
    assert set(await store.get_many("test1", [mine.id, other.id, "IDONTEXIST"])) == {mine.id}
    with pytest.raises(TaskNotFound, match="IDONTEXIST"):
        await store.get("IDONTEXIST")


async def test_a_task_moves_forward_and_never_back(store: TaskStore) -> None:
    task = await created(store)
    moved = await store.update(task.id, Status.FINISHED, {"jobid": 1})
    assert moved.created_at == task.created_at
    assert moved.updated_at >= task.updated_at
    for status in (Status.QUEUED, Status.FAILED, Status.FINISHED, Status.INVALIDATED):
        with pytest.raises(IllegalTransition):
            await store.update(task.id, status, "late")
    assert await store.get(task.id) == moved
    with pytest.raises(TaskNotFound):
        await store.update("IDONTEXIST", Status.FINISHED, {})


async def test_an_update_may_name_the_state_it_expects(store: TaskStore) -> None:
    task = await created(store)
    with pytest.raises(IllegalTransition):
        await store.update(task.id, Status.FAILED, "", expect={Status.FINISHED})
    await store.update(task.id, Status.FAILED, "", expect={Status.QUEUED})


async def test_of_many_who_settle_a_task_one_wins(store: TaskStore, other_store: TaskStore) -> None:
    task = await created(store)
    attempts = [
        (store, other_store)[number % 2].update(
            task.id, (Status.FINISHED, Status.FAILED)[number % 3 == 0], number
        )
        for number in range(40)
    ]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    winners = [result for result in results if isinstance(result, Task)]
    assert len(winners) == 1
    assert sum(isinstance(result, IllegalTransition) for result in results) == 39
    assert await store.get(task.id) == winners[0]


async def test_concurrent_changes_of_data_are_all_applied_one_after_the_other(
    store: TaskStore, other_store: TaskStore
) -> None:
    task = await created(store, service=Service.STORAGE)
    updates = [
        (store, other_store)[number % 2].update(task.id, Status.QUEUED, number)
        for number in range(20)
    ]
    results = await asyncio.gather(*updates)
    assert {result.data for result in results if isinstance(result.data, int)} == set(range(20))
    assert await store.get(task.id) in results


async def test_the_time_to_live_restarts_at_every_update(store: TaskStore, redis: Redis) -> None:
    for service, life in ((Service.COMPUTE, 86400), (Service.STORAGE, 604800)):
        task = await created(store, service=service)
        for key in (f"f7t:task:{task.id}", f"f7t:spec:{task.id}"):
            assert life - 60 < await redis.ttl(key) <= life
            await redis.expire(key, 100)
        await store.update(task.id, Status.QUEUED, "still")
        for key in (f"f7t:task:{task.id}", f"f7t:spec:{task.id}"):
            assert life - 60 < await redis.ttl(key) <= life
    assert 604740 < await redis.ttl("f7t:user:test1") <= 604800


async def test_an_invalidated_task_is_kept_for_five_minutes(store: TaskStore, redis: Redis) -> None:
    task = await created(store, service=Service.STORAGE)
    await store.update(task.id, Status.PUSH_STARTED, {})
    await store.update(task.id, Status.PUSH_FINISHED, {"url": "u"})
    await store.update(task.id, Status.INVALIDATED, "")
    assert (await store.get(task.id)).data == ""
    assert (await store.list("test1"))[task.id].status is Status.INVALIDATED
    assert 240 < await redis.ttl(f"f7t:task:{task.id}") <= 300


async def test_an_expired_task_vanishes_everywhere(store: TaskStore, redis: Redis) -> None:
    task, living = await created(store), await created(store)
    await redis.delete(f"f7t:task:{task.id}")  # what Redis does at the end of its life
    assert await store.list("test1") == {living.id: living}
    with pytest.raises(TaskNotFound):
        await store.get(task.id)
    with pytest.raises(TaskNotFound):
        await store.update(task.id, Status.FINISHED, {})
    assert await store.wait_change([task], 0) == {}
    assert list(await store.unfinished_without_lease()) == [living.id]


async def test_the_index_forgets_what_expired(redis_server: RedisServer, redis: Redis) -> None:
    brief = TaskStore(redis_server.url, lifetimes={Service.COMPUTE: 0.001, Service.STORAGE: 60})
    living = await created(brief, service=Service.STORAGE)
    await created(brief)
    async with asyncio.timeout(10):
        while len(await brief.list("test1")) > 1:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert await redis.zcard("f7t:user:test1") == 2
    await brief.update(living.id, Status.PUSH_STARTED, {})
    assert await redis.zrange("f7t:user:test1", 0, -1) == [living.id.encode()]
    await brief.close()


async def test_settling_leaves_nothing_but_the_record(store: TaskStore, redis: Redis) -> None:
    task = await created(store)
    assert await store.claim(task.id, "a", 60)
    assert await store.first_time(task.id, "submit", "a")
    await store.update(task.id, Status.FINISHED, {}, owner="a")
    keys = await redis.keys("*")
    assert set(keys) == {f"f7t:task:{task.id}".encode(), b"f7t:user:test1"}


async def test_one_worker_at_a_time_holds_a_lease(store: TaskStore, other_store: TaskStore) -> None:
    task = await created(store)
    assert list(await store.unfinished_without_lease()) == [task.id]
    assert await store.claim(task.id, "a", 60)
    assert await store.claim(task.id, "a", 60)
    assert not await other_store.claim(task.id, "b", 60)
    assert not await other_store.unfinished_without_lease()
    assert await other_store.renew([task.id], "b", 60) == {task.id: LeaseState.LOST}
    assert await store.renew([task.id], "a", 60) == {task.id: LeaseState.HELD}
    await other_store.release([task.id], "b")
    assert not await other_store.claim(task.id, "b", 60)
    await store.release([task.id], "a")
    assert await other_store.claim(task.id, "b", 60)


async def test_a_lease_ends_with_its_task(store: TaskStore) -> None:
    task = await created(store)
    await store.claim(task.id, "a", 60)
    await store.update(task.id, Status.FAILED, "", owner="a")
    assert await store.renew([task.id], "a", 60) == {task.id: LeaseState.SETTLED}
    assert not await store.unfinished_without_lease()


async def test_a_task_may_be_created_with_its_lease(store: TaskStore) -> None:
    task = new_task("test1", Service.COMPUTE, "cluster")
    await store.create(task, SPEC, owner="a", lease=60)
    assert not await store.unfinished_without_lease()
    assert not await store.claim(task.id, "b", 60)


async def test_who_lost_the_lease_can_write_nothing(store: TaskStore) -> None:
    task = await created(store)
    await store.claim(task.id, "b", 60)
    with pytest.raises(LeaseLost):
        await store.update(task.id, Status.FINISHED, {}, owner="a")
    with pytest.raises(LeaseLost):
        await store.first_time(task.id, "submit", "a")
    assert await store.get(task.id) == task
    assert await store.first_time(task.id, "submit", "b")


async def test_a_step_is_begun_once_by_whomever(store: TaskStore, other_store: TaskStore) -> None:
    task = await created(store)
    asked = [(store, other_store)[n % 2].first_time(task.id, "submit", "a") for n in range(20)]
    assert sum(await asyncio.gather(*asked)) == 1
    assert await store.first_time(task.id, "another step", "a")
    with pytest.raises(TaskNotFound):
        await store.first_time("IDONTEXIST", "submit", "a")


async def test_tasks_survive_a_crash_of_the_store(
    store: TaskStore, redis_server: RedisServer
) -> None:
    """T52."""
    done, queued = await created(store), await created(store)
    done = await store.update(done.id, Status.FINISHED, {"jobid": 7})
    await store.first_time(queued.id, "submit", "a")
    redis_server.kill()
    redis_server.start()
    assert await store.list("test1") == {done.id: done, queued.id: queued}
    assert list(await store.unfinished_without_lease()) == [queued.id]
    assert await store.spec(queued.id) == SPEC
    assert not await store.first_time(queued.id, "submit", "a")


async def test_a_store_that_is_down_has_one_error_without_secrets(
    redis_server: RedisServer,
) -> None:
    store = TaskStore(
        redis_server.url, lifetimes={Service.COMPUTE: 1, Service.STORAGE: 1}, password="hunter2"
    )
    redis_server.kill()
    task = new_task("test1", Service.COMPUTE, "cluster")
    for call in (
        store.create(task, SPEC),
        store.get(task.id),
        store.list("test1"),
        store.get_many("test1", [task.id]),
        store.update(task.id, Status.FINISHED, {}),
        store.wait_change([task], 0.05),
        store.claim(task.id, "a", 1),
        store.renew([task.id], "a", 1),
        store.release([task.id], "a"),
        store.first_time(task.id, "s", "a"),
        store.unfinished_without_lease(),
        store.spec(task.id),
        store.ping(),
    ):
        with pytest.raises(TaskStoreUnavailable) as caught:
            await call
        assert "hunter2" not in caught.value.message
        assert str(redis_server.folder) not in caught.value.message
    await store.close()


async def test_a_queue_for_a_connection_is_no_failure(redis_server: RedisServer) -> None:
    """Each command is answered well within its time; the last one waits longer than that."""
    store = TaskStore(
        redis_server.url,
        lifetimes={Service.COMPUTE: 60, Service.STORAGE: 60},
        max_connections=2,
        timeout=0.8,
    )
    await store.ping()

    async def hold_up() -> None:
        # With a limit redis-py would use `asyncio.wait_for`, which may swallow the cancellation.
        async with Redis.from_url(redis_server.url, socket_timeout=None) as slow:
            while True:
                await slow.execute_command("DEBUG", "SLEEP", "0.15")  # type: ignore[no-untyped-call]
                slowed.set()

    slowed = asyncio.Event()
    slowing = asyncio.create_task(hold_up())
    try:
        await slowed.wait()
        await asyncio.gather(*(created(store) for _ in range(10)))
    finally:
        slowing.cancel()
        await asyncio.wait([slowing])
        await store.close()


async def test_a_task_learns_when_its_users_jobs_changed(
    store: TaskStore, other_store: TaskStore
) -> None:
    async def seen(by: TaskStore, user: str = "test1") -> int:
        return (await by.create(new_task(user, Service.COMPUTE, "cluster"), SPEC)).jobs_changed

    assert await seen(store) == 0
    first = await created(store)
    await store.update(first.id, Status.FINISHED, {}, changes_jobs=True)
    changed = await seen(other_store)
    assert changed > 0
    second = await created(store)
    await store.update(second.id, Status.FINISHED, {})
    assert await seen(store) == changed
    third = await created(store)
    await other_store.update(third.id, Status.FAILED, "no", changes_jobs=True)
    assert await seen(store) > changed
    assert await seen(store, "test2") == 0


async def test_the_first_task_that_asks_is_the_answer_until_something_changes(
    store: TaskStore, other_store: TaskStore
) -> None:
    async def asked(by: TaskStore, question: str = "q") -> tuple[Task, Created]:
        task = new_task("test1", Service.COMPUTE, "cluster")
        return task, await by.create(task, SPEC, question=question)

    first, begun = await asked(store)
    assert begun.answer is None
    for by in (store, other_store):
        _, later = await asked(by)
        assert later.at > begun.at
        assert later.answer == Answer(begun.at, first.id)
    assert (await asked(store, "another"))[1].answer is None
    change = await created(store)
    await store.update(change.id, Status.FINISHED, {}, changes_jobs=True)
    second, after = await asked(other_store)
    assert after.answer is None
    assert (await asked(store))[1].answer == Answer(after.at, second.id)


async def test_a_record_that_is_known_wrongly_is_read_again(store: TaskStore) -> None:
    task = await created(store, service=Service.STORAGE)
    await store.update(task.id, Status.FORM_REQUESTED, {})
    with pytest.raises(IllegalTransition):
        await store.update(task.id, Status.PUSH_STARTED, {}, known=task)
    moved = await store.update(task.id, Status.FAILED, "no", known=task)
    assert await store.get(task.id) == moved
