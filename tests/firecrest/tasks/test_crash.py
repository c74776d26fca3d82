"""Workers that die or freeze in the middle: their tasks are finished by others, and once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from f7t.tasks.model import Json, Status, Task
from f7t.tasks.store import TaskStore

if TYPE_CHECKING:
    from tests.support.redis import RedisServer

Spawn = Callable[..., Awaitable[asyncio.subprocess.Process]]
_LEASE = "0.6"


@pytest_asyncio.fixture
async def spawn(redis_server: RedisServer, tmp_path: Path) -> AsyncIterator[Spawn]:
    """Starts real worker processes."""
    workers: list[asyncio.subprocess.Process] = []

    async def spawn(*command: str) -> asyncio.subprocess.Process:
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("worker.py")),
            redis_server.url,
            str(tmp_path),
            _LEASE,
            *command,
            stdout=asyncio.subprocess.PIPE,
        )
        workers.append(worker)
        return worker

    yield spawn
    for worker in workers:
        if worker.returncode is None:
            worker.kill()
        await worker.communicate()


async def _said(worker: asyncio.subprocess.Process, event: str) -> str:
    """The argument of the worker's next report of this event."""
    assert worker.stdout is not None
    async with asyncio.timeout(60):
        async for line in worker.stdout:
            name, *argument = line.decode().split()
            if name == event:
                return argument[0] if argument else ""
    raise AssertionError(f"the worker ended without {event}")


async def _settled(store: TaskStore, task_id: str) -> Task:
    task = await store.get(task_id)
    async with asyncio.timeout(60):
        while not task.is_terminal:
            task = (await store.wait_change([task], 60))[task_id]
    return task


@pytest.mark.parametrize(
    ("command", "status", "data", "submissions"),
    [
        (("read",), Status.FINISHED, None, 0),
        (("hopeless",), Status.FAILED, "cannot be continued", 0),
        (("submit", "before"), Status.FINISHED, {"found": True, "resumed": True}, 1),
        (("submit", "after"), Status.FINISHED, {"found": True, "resumed": True}, 1),
    ],
)
async def test_the_task_of_a_killed_worker_is_finished_by_another(
    store: TaskStore,
    spawn: Spawn,
    tmp_path: Path,
    command: tuple[str, ...],
    status: Status,
    data: Json,
    submissions: int,
) -> None:
    victim, *_ = await asyncio.gather(spawn("submit", *command), spawn("sweep"), spawn("sweep"))
    task_id = await _said(victim, "begun")
    assert (await store.get(task_id)).status is Status.QUEUED
    victim.send_signal(signal.SIGKILL)
    done = await _settled(store, task_id)
    assert done.status is status
    if data is not None:
        assert done.data == data
    else:
        assert isinstance(done.data, dict)
        assert done.data["by"] != str(victim.pid)
    effects = tmp_path / "effects"
    assert len(effects.read_text().split() if effects.exists() else []) == submissions


@pytest.mark.parametrize("stop", ["before", "after"])
async def test_a_frozen_worker_that_comes_back_changes_nothing(
    store: TaskStore, spawn: Spawn, tmp_path: Path, stop: str
) -> None:
    """SIGSTOP for longer than the lease, as on a suspended machine."""
    frozen = await spawn("submit", "submit", stop)
    task_id = await _said(frozen, "begun")
    frozen.send_signal(signal.SIGSTOP)
    await spawn("sweep")
    done = await _settled(store, task_id)
    assert done.data == {"found": True, "resumed": True}
    (tmp_path / "open").touch()
    frozen.send_signal(signal.SIGCONT)
    assert await _said(frozen, "left") == task_id
    second = await spawn("submit", "submit", stop)
    assert (await _settled(store, await _said(second, "submitted"))).status is Status.FINISHED
    assert await store.get(task_id) == done
    assert (tmp_path / "effects").read_text().split().count(task_id) == 1


async def test_a_restart_of_the_whole_gateway_and_its_store_loses_no_task(
    store: TaskStore, spawn: Spawn, redis_server: RedisServer
) -> None:
    """T52."""
    victim = await spawn("submit", "submit", "after")
    task_id = await _said(victim, "begun")
    victim.send_signal(signal.SIGKILL)
    redis_server.kill()
    redis_server.start()
    await spawn("sweep")
    assert (await _settled(store, task_id)).data == {"found": True, "resumed": True}
