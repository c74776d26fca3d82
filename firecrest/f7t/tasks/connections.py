"""How Redis is reached: over so many connections, within a time, and with one error."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError

from f7t.errors import TaskStoreUnavailable

_LONGEST_QUEUE = 30.0
"""Seconds that a command may wait for a connection; a burst of thousands is through in some."""


class Connections:
    """Connections to one Redis server.

    Args:
        url: `unix:///path/redis.sock` or `redis://host:port/0`.
        password: of the server, when it is not part of the URL.
        most: connections at the same time; one of them is left to a subscription.
        timeout: seconds until one command counts as failed, its wait for a connection not counted.

    Attributes:
        redis: whose commands are given inside `answer`.
    """

    def __init__(self, url: str, *, password: str, most: int, timeout: float) -> None:
        # A burst of requests queues for these instead of failing.
        self._places = asyncio.Semaphore(most - 1)
        self._timeout = timeout
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=most,
            timeout=timeout,
            # Limited by `answer` instead: redis-py limits sending with `asyncio.wait_for`, which
            # may swallow a cancellation before Python 3.12.
            socket_timeout=None,
            socket_connect_timeout=timeout,
            retry=Retry(ConstantBackoff(0.05), 1),
            **({"password": password} if password else {}),
        )
        self.redis = Redis.from_pool(pool)

    async def close(self) -> None:
        """Close all of them."""
        await self.redis.aclose()

    @contextlib.asynccontextmanager
    async def answer(self) -> AsyncIterator[None]:
        """A place for one command, and the time it has.

        Raises:
            TaskStoreUnavailable: whatever of Redis' many ways to fail it was. Messages may quote
                the URL, so only the kind is kept.
        """
        try:
            # One timer at most, for the queue or for the command: they are dear.
            if self._places.locked():
                async with asyncio.timeout(_LONGEST_QUEUE):
                    await self._places.acquire()
            else:
                await self._places.acquire()
            try:
                async with asyncio.timeout(self._timeout):
                    yield
            finally:
                self._places.release()
        except (RedisError, OSError) as error:
            raise TaskStoreUnavailable(
                f"The task store is not available ({type(error).__name__})"
            ) from error
