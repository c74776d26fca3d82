"""Tells waiting requests that a task changed, whichever process changed it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

_log = logging.getLogger("f7t.tasks")

CHANNEL = "f7t:task-changes"
_RECONNECT_SECONDS = 0.2
_READ_SECONDS = 30.0


class ChangeFeed:
    """One subscription per process; waiters are found by task id.

    All changes come through one channel: a channel per task would cost every long poll a round trip
    before it may read the record again.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiters: dict[str, set[asyncio.Event]] = {}
        self._subscribed = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Returns when changes made from now on will be noticed."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="task change feed")
        await self._subscribed.wait()

    @contextlib.contextmanager
    def watching(self, ids: Iterable[str]) -> Iterator[asyncio.Event]:
        """An event that is set when one of these tasks may have changed."""
        event = asyncio.Event()
        wanted = set(ids)
        for task_id in wanted:
            self._waiters.setdefault(task_id, set()).add(event)
        try:
            yield event
        finally:
            for task_id in wanted:
                self._waiters[task_id].discard(event)
                if not self._waiters[task_id]:
                    del self._waiters[task_id]

    def notify(self, task_id: str) -> None:
        """Wake those who wait for this task in this process."""
        for event in self._waiters.get(task_id, ()):
            event.set()

    async def close(self) -> None:
        """Stop listening."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
            self._listener = None

    async def _listen(self) -> None:
        while True:
            pubsub = self._redis.pubsub(ignore_subscribe_messages=False)
            try:
                await self._follow(pubsub)
            except (RedisError, OSError) as error:
                _log.warning("task change feed interrupted: %s", type(error).__name__)
            finally:
                self._subscribed.clear()
                with contextlib.suppress(RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _follow(self, pubsub: PubSub) -> None:
        await pubsub.subscribe(CHANNEL)
        while True:
            message = await pubsub.get_message(timeout=_READ_SECONDS)
            if message is None:
                continue
            if message["type"] == "subscribe":
                self._subscribed.set()
                self._wake_all()
            elif message["type"] == "message":
                self.notify(message["data"].decode())

    def _wake_all(self) -> None:
        """A subscription that was interrupted may have missed anything."""
        for task_id in list(self._waiters):
            self.notify(task_id)
