"""Carrying out inside one process: outcomes, failures, limits, shutdown (architecture rule 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from f7t.errors import NotFound, TaskNotFound, TaskStoreUnavailable
from f7t.tasks.kinds import Fail, Handler, Kind, Outcome, Restart, Resume, TaskContext, TaskGone
from f7t.tasks.model import Json, Service, Status, Task, TaskSpec, new_task
from f7t.tasks.runner import TaskRunner
from f7t.tasks.store import TaskStore

if TYPE_CHECKING:
    from tests.firecrest.tasks.conftest import RedisServer

Start = Callable[..., Awaitable[TaskRunner]]


def describe(task: Task, error: Exception) -> Outcome:
    return Outcome(Status.FAILED, {"error": type(error).__name__, "system": task.system})


async def succeed(context: TaskContext) -> Outcome:
    return Outcome(Status.FINISHED, {"resumed": context.resumed, **context.spec.arguments})


@pytest_asyncio.fixture
async def start(store: TaskStore) -> AsyncIterator[Start]:
    """Starts runners; a bare handler becomes the kind `work`, restarted after a crash."""
    runners: list[TaskRunner] = []

    async def start(
        work: Handler | Kind,
        *,
        on: TaskStore = store,
        describe_failure: Callable[[Task, Exception], Outcome] = describe,
        lease: float = 60,
        sweep_interval: float = 0.05,
        concurrency_per_user: int = 16,
    ) -> TaskRunner:
        runner = TaskRunner(
            on,
            kinds=[work if isinstance(work, Kind) else Kind("work", work, Restart())],
            describe_failure=describe_failure,
            lease=lease,
            sweep_interval=sweep_interval,
            concurrency_per_user=concurrency_per_user,
        )
        await runner.start()
        runners.append(runner)
        return runner

    yield start
    for runner in runners:
        await runner.close()


async def _submitted(
    runner: TaskRunner, user: str = "test1", service: Service = Service.COMPUTE
) -> Task:
    task = new_task(user, service, "cluster")
    return await runner.submit(task, TaskSpec("work", {"jobs": "1"}))


async def _settled(store: TaskStore, task: Task) -> Task:
    async with asyncio.timeout(20):
        while not task.is_terminal:
            task = (await store.wait_change([task], 20))[task.id]
    return task


async def test_a_task_is_carried_out(store: TaskStore, start: Start) -> None:
    task = await _submitted(await start(succeed))
    done = await _settled(store, task)
    assert (done.status, done.data) == (Status.FINISHED, {"resumed": False, "jobs": "1"})


async def test_a_task_is_visible_before_its_id_is_returned(store: TaskStore, start: Start) -> None:
    async def never(context: TaskContext) -> Outcome:
        await asyncio.Event().wait()
        return Outcome(Status.FINISHED, {})

    task = await _submitted(await start(never))
    assert (await store.list("test1"))[task.id].status is Status.QUEUED


async def test_intermediate_states_are_written(store: TaskStore, start: Start) -> None:
    proceed = asyncio.Event()

    async def download(context: TaskContext) -> Outcome:
        await context.update(Status.PUSH_STARTED, {"source": "f"})
        await proceed.wait()
        return Outcome(Status.PUSH_FINISHED, {"url": "u"})

    task = await _submitted(await start(download), service=Service.STORAGE)
    async with asyncio.timeout(20):
        while task.status is Status.QUEUED:
            task = (await store.wait_change([task], 20))[task.id]
    assert (task.status, task.data) == (Status.PUSH_STARTED, {"source": "f"})
    proceed.set()
    assert (await _settled(store, task)).data == {"url": "u"}


def _raises(error: Exception) -> Handler:
    async def handler(context: TaskContext) -> Outcome:
        raise error

    return handler


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
        (_raises(NotFound("x")), {"error": "NotFound", "system": "cluster"}),
        (_raises(RuntimeError("x")), {"error": "RuntimeError", "system": "cluster"}),
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
    done = await _settled(store, await _submitted(await start(handler)))
    assert (done.status, done.data) == (Status.FAILED, data)


async def test_a_failure_without_description_settles_the_task_too(
    store: TaskStore, start: Start
) -> None:
    def broken(task: Task, error: Exception) -> Outcome:
        raise ZeroDivisionError

    runner = await start(_raises(RuntimeError()), describe_failure=broken)
    done = await _settled(store, await _submitted(runner))
    assert (done.status, done.data) == (Status.FAILED, "Finished with errors")


async def test_messages_of_errors_do_not_reach_the_log(
    store: TaskStore, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "f7t")
    runner = await start(_raises(RuntimeError("http://s3/?X-Amz-Signature=secret")))
    await _settled(store, await _submitted(runner))
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
    tasks = [await _submitted(runner, "greedy") for _ in range(6)]
    tasks.append(await _submitted(runner, "modest"))
    async with asyncio.timeout(20):
        for _ in range(3):
            await three_of_both.acquire()
    assert sorted(running) == ["greedy", "greedy", "modest"]
    proceed.set()
    for task in tasks:
        assert (await _settled(store, task)).status is Status.FINISHED
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
    parked = await _submitted(runner)
    async with asyncio.timeout(20):
        await waiting.wait()
    assert (await _settled(store, await _submitted(runner))).status is Status.FINISHED
    assert (await store.get(parked.id)).status is Status.QUEUED
    posted.set()
    assert (await _settled(store, parked)).status is Status.FINISHED


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
    task = await _submitted(runner, service=Service.STORAGE)
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
    second = await _submitted(runner, service=Service.STORAGE)
    async with asyncio.timeout(20):
        await begun.wait()
        await _settled(store, first)
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

    task = await _submitted(await start(upload), service=Service.STORAGE)
    assert (await _settled(store, task)).status is Status.INVALIDATED
    async with asyncio.timeout(20):
        await gone.wait()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind("work", succeed, Restart()), (Status.FINISHED, {"resumed": True, "jobs": "1"})),
        (
            Kind("work", _raises(RuntimeError()), Resume(succeed)),
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
    done = await _settled(store, task)
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
    task = await _submitted(first)
    async with asyncio.timeout(20):
        await begun.wait()
    assert (await store.get(task.id)).status is Status.QUEUED
    await first.close()
    assert (await _settled(store, task)).data == {"resumed": True, "jobs": "1"}


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
    task = await _submitted(first)
    await store.create(sentinel, TaskSpec("work", {"jobs": "2"}))
    await start(work, on=other_store)
    await _settled(store, sentinel)  # the second worker has looked for abandoned tasks
    assert carried_out.count(task.id) == 1
    proceed.set()
    await _settled(store, task)
    assert carried_out.count(task.id) == 1


async def test_a_task_accepted_while_closing_is_left_to_others(
    store: TaskStore, other_store: TaskStore, start: Start
) -> None:
    first = await start(succeed, lease=3600)
    await first.close()
    task = await _submitted(first)
    await start(succeed, on=other_store)
    assert (await _settled(store, task)).data == {"resumed": True, "jobs": "1"}


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

    task = await _submitted(await start(submit, lease=0.5))
    async with asyncio.timeout(20):
        await begun.wait()
    redis_server.kill()
    proceed.set()
    async with asyncio.timeout(20):
        while "trying again" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    redis_server.start()
    assert (await _settled(store, task)).data == {"jobid": 7}
    assert calls == 1


async def test_without_the_store_no_task_is_accepted(
    start: Start, redis_server: RedisServer
) -> None:
    runner = await start(succeed)
    redis_server.kill()
    with pytest.raises(TaskStoreUnavailable):
        await _submitted(runner)


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
    await _settled(store, await _submitted(runner))  # connected, and Redis knows the scripts
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
    done = await _settled(store, stored)
    assert (done.status, done.data) == (Status.FAILED, "The task was not accepted")
    assert calls == 1
    await runner.close()
    await hasty.close()
