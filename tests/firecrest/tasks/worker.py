"""A gateway worker reduced to its task runner, for tests that kill it.

    worker.py REDIS-URL FOLDER LEASE (submit KIND | sweep)

Prints one line per event. What a handler does to the outside world is a line in FOLDER/effects.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from f7t.tasks.kinds import Fail, Kind, Outcome, Restart, Resume, TaskContext
from f7t.tasks.model import Service, Status, Task, TaskSpec, new_task
from f7t.tasks.runner import TaskRunner
from f7t.tasks.store import TaskStore

LIFETIMES = {Service.COMPUTE: 3600.0, Service.STORAGE: 3600.0}


def say(*words: str) -> None:
    print(*words, flush=True)


def kinds(folder: Path) -> list[Kind]:
    """The ways a task can be interrupted; FOLDER/open lets a fresh handler end."""
    effects = folder / "effects"

    async def begun(context: TaskContext) -> None:
        say("begun", context.task.id)
        try:
            while not (folder / "open").exists():  # noqa: ASYNC110
                await asyncio.sleep(0.02)  # a file is the test's only way into another process
        finally:
            say("left", context.task.id)

    async def read(context: TaskContext) -> Outcome:
        if not context.resumed:
            await begun(context)
        return Outcome(Status.FINISHED, {"by": str(os.getpid()), "resumed": context.resumed})

    async def submit(context: TaskContext) -> Outcome:
        if context.spec.arguments["stop"] == "before":
            await begun(context)
        return await submit_once(context)

    async def submit_once(context: TaskContext) -> Outcome:
        if await context.first_time("submit"):
            with effects.open("a") as journal:
                journal.write(f"{context.task.id}\n")
            if not context.resumed:
                await begun(context)
        found = context.task.id in effects.read_text()
        return Outcome(Status.FINISHED, {"found": found, "resumed": context.resumed})

    return [
        Kind("read", read, Restart()),
        Kind("submit", submit, Resume(submit_once)),
        Kind("hopeless", read, Fail("cannot be continued")),
    ]


def describe(task: Task, error: Exception) -> Outcome:
    return Outcome(Status.FAILED, type(error).__name__)


async def main(url: str, folder: str, lease: str, *command: str) -> None:
    store = TaskStore(url, lifetimes=LIFETIMES)
    runner = TaskRunner(
        store,
        kinds=kinds(Path(folder)),
        describe_failure=describe,
        lease=float(lease),
        sweep_interval=0.1,
    )
    await runner.start()
    if command[0] == "submit":
        task = new_task("test1", Service.COMPUTE, "cluster")
        spec = TaskSpec(command[1], {"stop": command[2] if len(command) > 2 else ""})
        await runner.submit(task, spec)
        say("submitted", task.id)
    say("ready")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
