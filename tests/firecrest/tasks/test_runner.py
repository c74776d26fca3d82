"""Carrying out inside one process: outcomes, failures, limits (architecture rule 4)."""

from __future__ import annotations

import asyncio

import pytest

from f7t.errors import NotFound
from f7t.tasks.kinds import Handler, Outcome, TaskContext, TaskGone
from f7t.tasks.model import Json, Service, Status, Task, TaskSpec, new_task
from f7t.tasks.store import TaskStore
from tests.firecrest.tasks.carrying import Start, raises, settled, submitted, succeed


async def test_a_task_is_carried_out(store: TaskStore, start: Start) -> None:
    task = await submitted(await start(succeed))
    done = await settled(store, task)
    assert (done.status, done.data) == (Status.FINISHED, {"resumed": False, "jobs": "1"})


async def test_a_task_is_visible_before_its_id_is_returned(store: TaskStore, start: Start) -> None:
    async def never(context: TaskContext) -> Outcome:
        await asyncio.Event().wait()
        return Outcome(Status.FINISHED, {})

    task = await submitted(await start(never))
    assert (await store.list("test1"))[task.id].status is Status.QUEUED


async def test_intermediate_states_are_written(store: TaskStore, start: Start) -> None:
    proceed = asyncio.Event()

    async def download(context: TaskContext) -> Outcome:
        await context.update(Status.PUSH_STARTED, {"source": "f"})
        await proceed.wait()
        return Outcome(Status.PUSH_FINISHED, {"url": "u"})

    task = await submitted(await start(download), service=Service.STORAGE)
    async with asyncio.timeout(20):
        while task.status is Status.QUEUED:
            task = (await store.wait_change([task], 20))[task.id]
    assert (task.status, task.data) == (Status.PUSH_STARTED, {"source": "f"})
    proceed.set()
    assert (await settled(store, task)).data == {"url": "u"}


def _ends(status: Status, data: Json) -> Handler:
    async def handler(context: TaskContext) -> Outcome:
        return Outcome(status, data)

    return handler


async def _regress(context: TaskContext) -> Outcome:
    await context.update(Status.PULL_FINISHED, "out of order")
    return Outcome(Status.FINISHED, {})


@pytest.mark.parametrize(
    ("handler", "data"),
    [
        (raises(NotFound("x")), {"error": "NotFound", "system": "cluster"}),
        (raises(RuntimeError("x")), {"error": "RuntimeError", "system": "cluster"}),
        (_ends(Status.QUEUED, "not an end"), "not an end"),
        (_ends(Status.PUSH_FAILED, "another service's end"), "another service's end"),
        (_ends(Status.FINISHED, {"x": object()}), "Finished with errors"),  # type: ignore[dict-item]
        (_ends(Status.FINISHED, float("nan")), "Finished with errors"),
        (_regress, {"error": "IllegalTransition", "system": "cluster"}),
    ],
)
async def test_whatever_a_handler_does_the_task_settles(
    store: TaskStore, start: Start, handler: Handler, data: Json
) -> None:
    done = await settled(store, await submitted(await start(handler)))
    assert (done.status, done.data) == (Status.FAILED, data)


async def test_a_failure_without_description_settles_the_task_too(
    store: TaskStore, start: Start
) -> None:
    def broken(task: Task, error: Exception) -> Outcome:
        raise ZeroDivisionError

    runner = await start(raises(RuntimeError()), describe_failure=broken)
    done = await settled(store, await submitted(runner))
    assert (done.status, done.data) == (Status.FAILED, "Finished with errors")


async def test_messages_of_errors_do_not_reach_the_log(
    store: TaskStore, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "f7t")
    runner = await start(raises(RuntimeError("http://s3/?X-Amz-Signature=secret")))
    await settled(store, await submitted(runner))
    assert "RuntimeError at handler" in caplog.text
    assert "secret" not in caplog.text


async def test_an_unknown_kind_is_refused(store: TaskStore, start: Start) -> None:
    runner = await start(succeed)
    with pytest.raises(KeyError, match="nonsense"):
        await runner.submit(new_task("test1", Service.COMPUTE, "c"), TaskSpec("nonsense"))
    assert await store.list("test1") == {}


async def test_a_user_beyond_the_limit_queues_and_others_do_not(
    store: TaskStore, start: Start
) -> None:
    running: list[str] = []
    most = 0
    proceed = asyncio.Event()
    three_of_both = asyncio.Semaphore(0)

    async def count(context: TaskContext) -> Outcome:
        nonlocal most
        running.append(context.task.user)
        most = max(most, running.count("greedy"))
        three_of_both.release()
        await proceed.wait()
        running.remove(context.task.user)
        return Outcome(Status.FINISHED, {})

    runner = await start(count, concurrency_per_user=2)
    tasks = [await submitted(runner, "greedy") for _ in range(6)]
    tasks.append(await submitted(runner, "modest"))
    async with asyncio.timeout(20):
        for _ in range(3):
            await three_of_both.acquire()
    assert sorted(running) == ["greedy", "greedy", "modest"]
    proceed.set()
    for task in tasks:
        assert (await settled(store, task)).status is Status.FINISHED
    assert most == 2


async def test_a_parked_task_leaves_its_place_to_others(store: TaskStore, start: Start) -> None:
    posted = asyncio.Event()
    waiting = asyncio.Event()

    async def work(context: TaskContext) -> Outcome:
        if not waiting.is_set():
            waiting.set()
            async with context.parked():
                await posted.wait()
        return Outcome(Status.FINISHED, {})

    runner = await start(work, concurrency_per_user=1)
    parked = await submitted(runner)
    async with asyncio.timeout(20):
        await waiting.wait()
    assert (await settled(store, await submitted(runner))).status is Status.FINISHED
    assert (await store.get(parked.id)).status is Status.QUEUED
    posted.set()
    assert (await settled(store, parked)).status is Status.FINISHED


async def test_who_carries_a_task_out_knows_its_record(store: TaskStore, start: Start) -> None:
    """Not of one that its user may invalidate over another worker, nor of one that has settled."""
    begun, end = asyncio.Semaphore(0), asyncio.Event()

    async def work(context: TaskContext) -> Outcome:
        begun.release()
        await end.wait()
        return Outcome(Status.FAILED, {})

    runner = await start(work)
    task, transfer = [await submitted(runner, service=service) for service in Service]
    async with asyncio.timeout(20):
        await begun.acquire()
        await begun.acquire()
    assert runner.carried_out(task.id) == await store.get(task.id)
    assert runner.carried_out(transfer.id) is None
    assert runner.carried_out("unknown") is None
    end.set()
    assert (await settled(store, task)).status is Status.FAILED
    assert runner.carried_out(task.id) is None


async def test_a_task_settled_from_outside_is_worked_on_no_longer(
    store: TaskStore, start: Start
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def wait_for_client(context: TaskContext) -> Outcome:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return Outcome(Status.FAILED, "")

    runner = await start(wait_for_client, lease=0.3)
    task = await submitted(runner, service=Service.STORAGE)
    async with asyncio.timeout(20):
        await begun.wait()
        await store.update(task.id, Status.INVALIDATED, "")
        await stopped.wait()
    assert (await store.get(task.id)).status is Status.INVALIDATED


async def test_a_handler_may_clean_up_after_it_settled_its_task(
    store: TaskStore, start: Start
) -> None:
    cleaned = asyncio.Event()

    async def upload(context: TaskContext) -> Outcome:
        await context.update(Status.FAILED, "settled")
        # At least until the next heartbeat, which stops the other, invalidated task.
        await heartbeat.wait()
        cleaned.set()
        return Outcome(Status.FAILED, "settled")

    heartbeat, begun = asyncio.Event(), asyncio.Event()

    async def work(context: TaskContext) -> Outcome:
        if context.task.id == first.id:
            return await upload(context)
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            heartbeat.set()
        return Outcome(Status.FAILED, "")

    first = new_task("test1", Service.STORAGE, "cluster")
    runner = await start(work, lease=0.3)
    await runner.submit(first, TaskSpec("work"))
    second = await submitted(runner, service=Service.STORAGE)
    async with asyncio.timeout(20):
        await begun.wait()
        await settled(store, first)
        await store.update(second.id, Status.INVALIDATED, "")
        await cleaned.wait()
    assert (await store.get(first.id)).data == "settled"


async def test_an_outcome_does_not_overwrite_an_invalidation(
    store: TaskStore, start: Start
) -> None:
    gone = asyncio.Event()

    async def upload(context: TaskContext) -> Outcome:
        await store.update(context.task.id, Status.INVALIDATED, "")
        try:
            await context.update(Status.FORM_REQUESTED, {})
        except TaskGone:
            gone.set()
        with pytest.raises(TaskGone):
            await context.first_time("pull")
        return Outcome(Status.FAILED, "late")

    task = await submitted(await start(upload), service=Service.STORAGE)
    assert (await settled(store, task)).status is Status.INVALIDATED
    async with asyncio.timeout(20):
        await gone.wait()
