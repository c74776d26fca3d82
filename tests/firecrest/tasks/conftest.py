"""A task store on a real Redis of its own, and runners."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from f7t.tasks.kinds import Handler, Kind, Outcome, Restart
from f7t.tasks.model import Service, Task
from f7t.tasks.runner import TaskRunner
from f7t.tasks.store import TaskStore
from tests.firecrest.tasks.carrying import Start, describe
from tests.support.redis import RedisServer, running_redis

LIFETIMES = {Service.COMPUTE: 86400.0, Service.STORAGE: 604800.0}


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest_asyncio.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[TaskStore]:
    store = TaskStore(redis_server.url, lifetimes=LIFETIMES)
    yield store
    await store.close()


@pytest_asyncio.fixture
async def other_store(redis_server: RedisServer) -> AsyncIterator[TaskStore]:
    """As another worker has it."""
    store = TaskStore(redis_server.url, lifetimes=LIFETIMES)
    yield store
    await store.close()


@pytest_asyncio.fixture
async def redis(redis_server: RedisServer) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_server.url)
    yield client
    await client.aclose()


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
