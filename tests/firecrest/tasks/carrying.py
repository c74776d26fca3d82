"""What the tests of the task runner share: small handlers, submitting, awaiting the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from f7t.tasks.kinds import Handler, Outcome, TaskContext
from f7t.tasks.model import Service, Status, Task, TaskSpec, new_task
from f7t.tasks.runner import TaskRunner
from f7t.tasks.store import TaskStore

Start = Callable[..., Awaitable[TaskRunner]]
SPEC = TaskSpec("acct", {"jobs": ["1", "2"]})


def describe(task: Task, error: Exception) -> Outcome:
    return Outcome(Status.FAILED, {"error": type(error).__name__, "system": task.system})


async def succeed(context: TaskContext) -> Outcome:
    return Outcome(Status.FINISHED, {"resumed": context.resumed, **context.spec.arguments})


async def submitted(
    runner: TaskRunner, user: str = "test1", service: Service = Service.COMPUTE
) -> Task:
    task = new_task(user, service, "cluster")
    return await runner.submit(task, TaskSpec("work", {"jobs": "1"}))


async def settled(store: TaskStore, task: Task) -> Task:
    async with asyncio.timeout(20):
        while not task.is_terminal:
            task = (await store.wait_change([task], 20))[task.id]
    return task


def raises(error: Exception) -> Handler:
    async def handler(context: TaskContext) -> Outcome:
        raise error

    return handler


async def created(
    store: TaskStore, user: str = "test1", service: Service = Service.COMPUTE
) -> Task:
    """A new one that nobody carries out."""
    task = new_task(user, service, "cluster")
    await store.create(task, SPEC)
    return task
