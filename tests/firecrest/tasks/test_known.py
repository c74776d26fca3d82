"""Tasks whose answer is known when they come: settled by the write that creates them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from f7t.errors import IllegalTransition, TaskNotFound
from f7t.tasks.kinds import Kind, Outcome, Restart, TaskContext
from f7t.tasks.model import Service, Status, Task, TaskSpec, new_task
from f7t.tasks.runner import TaskRunner
from f7t.tasks.sharing import Answer, Created, Known, question_of
from f7t.tasks.store import TaskStore
from tests.firecrest.tasks.carrying import describe, settled
from tests.support.redis import RedisServer

SPEC = TaskSpec("ask", {"ids": []})
DATA = {"0": {"jobid": "7"}}


def fresh() -> Task:
    return new_task("test1", Service.COMPUTE, "cluster")


def known(begun: Created, later: int = 0) -> Known:
    """What is known of a task that was the answer."""
    return Known(begun.at + later, Status.FINISHED, DATA)


async def asked(
    store: TaskStore, answer: Known | None = None, task: Task | None = None
) -> tuple[Task, Created]:
    task = task or fresh()
    return task, await store.create(task, SPEC, owner="a", lease=60, question="q", known=answer)


async def test_a_task_with_a_known_answer_is_settled_when_it_is_there(
    store: TaskStore, other_store: TaskStore, redis_server: RedisServer
) -> None:
    first, begun = await asked(store)
    assert begun.settled is None
    task, created = await asked(store, known(begun))
    assert created.settled is not None
    assert created.settled == replace(
        task, status=Status.FINISHED, data=DATA, updated_at=created.settled.updated_at
    )
    assert created.answer == Answer(begun.at, first.id)
    assert await other_store.get(task.id) == created.settled
    assert (await other_store.list("test1"))[task.id] == created.settled
    assert await store.renew([task.id], "a", 1) == {task.id: 2}
    with pytest.raises(TaskNotFound):
        await store.spec(task.id)
    with pytest.raises(IllegalTransition):
        await store.update(task.id, Status.FAILED, "no")
    async with Redis.from_url(redis_server.url) as redis:
        lives = [await redis.pttl(f"f7t:task:{one.id}") for one in (first, task)]
        assert min(lives) > 0.9 * max(lives)
        assert not await redis.exists(f"f7t:lease:{task.id}", f"f7t:spec:{task.id}")


async def test_a_change_of_the_users_jobs_makes_it_worthless(
    store: TaskStore, other_store: TaskStore
) -> None:
    _, begun = await asked(store)
    change, _ = await asked(other_store)
    await other_store.update(change.id, Status.FINISHED, {}, owner="a", changes_jobs=True)
    task, created = await asked(store, known(begun))
    assert (created.settled, created.answer) == (None, None)
    assert (await store.get(task.id)).status is Status.QUEUED
    assert await store.spec(task.id) == SPEC
    # Now this one is the answer, and with that of before nobody is served any more.
    later, after = await asked(other_store, known(begun))
    assert (after.settled, after.answer) == (None, Answer(created.at, task.id))
    assert (await asked(other_store, known(created)))[1].settled
    assert (await store.get(later.id)).status is Status.QUEUED


async def test_an_answer_older_than_the_newest_is_not_given(store: TaskStore) -> None:
    _, begun = await asked(store)
    assert (await asked(store, known(begun, -1)))[1].settled is None
    assert (await asked(store, known(begun, 1)))[1].settled


async def test_an_answer_that_the_store_forgot_is_not_given(store: TaskStore) -> None:
    """It does so after a second."""
    earlier = await store.create(fresh(), SPEC)
    task, created = await asked(store, known(earlier))
    assert created.settled is None
    assert (await asked(store))[1].answer == Answer(created.at, task.id)


async def test_a_write_that_is_repeated_is_the_same(store: TaskStore) -> None:
    """Its answer was lost on the way."""
    _, begun = await asked(store)
    task = replace(fresh(), updated_at=datetime.now(UTC) + timedelta(days=1))
    created = [(await asked(store, known(begun), task))[1].settled for _ in range(2)]
    assert created[0] is not None
    assert created[0] == created[1]
    with pytest.raises(IllegalTransition):
        await asked(store, replace(known(begun), data={}), task)


async def test_what_is_known_is_not_carried_out(store: TaskStore) -> None:
    begun: list[Known] = []
    carried_out: list[str] = []

    async def run(context: TaskContext) -> Outcome:
        carried_out.append(context.task.id)
        assert context.created is not None
        begun.append(Known(context.created.at, Status.FINISHED, DATA))
        return Outcome(Status.FINISHED, DATA)

    questions: list[str] = []

    def answer(question: str) -> Known | None:
        questions.append(question)
        return begun[-1] if begun else None

    kind = Kind(SPEC.kind, run, Restart(), known=answer)
    runner = TaskRunner(store, kinds=[kind], describe_failure=describe)
    try:
        first = await runner.submit(fresh(), SPEC)
        await settled(store, first)
        task = fresh()
        second = await runner.submit(task, SPEC)
        assert (second.id, second.status, second.data) == (task.id, Status.FINISHED, DATA)
        assert carried_out == [first.id]
        assert questions == [question_of(first, SPEC)] * 2
    finally:
        await runner.close()
