"""Tells waiting requests that a task changed, whichever process changed it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from f7t.tasks.encoding import decoded
from f7t.tasks.model import Task

_log = logging.getLogger("f7t.tasks")

CHANNEL = "f7t:task-changes"
_RECONNECT_SECONDS = 0.2


class Watch:
    """What was heard of some tasks since `ChangeFeed.watching` began."""

    def __init__(self) -> None:
        self._heard = asyncio.Event()
        self._news: dict[str, Task | None] = {}

    def tell(self, task_id: str, task: Task | None = None) -> None:
        """The task may have changed; `task` is what it is now, if that is known."""
        self._news[task_id] = task
        self._heard.set()

    async def news(self) -> Mapping[str, Task | None]:
        """Wait for news: the tasks that may have changed, None where only that is known."""
        await self._heard.wait()
        self._heard.clear()
        news, self._news = self._news, {}
        return news


class ChangeFeed:
    """One subscription per process; waiters are found by task id.

    All changes come through one channel: a channel per task would cost every long poll a round trip
    before it may read the record again.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._watches: dict[str, set[Watch]] = {}
        self._listener: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def watching(self, ids: Iterable[str]) -> Iterator[Watch]:
        """Hear of every change of these tasks from now on.

        While there is no subscription nothing is heard; once there is one, they all may have
        changed.
        """
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="task change feed")
        watch = Watch()
        wanted = set(ids)
        for task_id in wanted:
            self._watches.setdefault(task_id, set()).add(watch)
        try:
            yield watch
        finally:
            for task_id in wanted:
                self._watches[task_id].discard(watch)
                if not self._watches[task_id]:
                    del self._watches[task_id]

    def notify(self, task_id: str, task: Task | None = None) -> None:
        """Tell those who watch this task in this process; see `Watch.tell`."""
        for watch in self._watches.get(task_id, ()):
            watch.tell(task_id, task)

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
                with contextlib.suppress(RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _follow(self, pubsub: PubSub) -> None:
        await pubsub.subscribe(CHANNEL)
        while True:
            message = await pubsub.get_message(timeout=None)
            if message is None:
                continue
            if message["type"] == "subscribe":
                self._wake_all()
            elif message["type"] == "message":
                task_id, _, record = message["data"].partition(b" ")
                if task_id.decode() in self._watches:
                    self.notify(task_id.decode(), decoded(record) if record else None)

    def _wake_all(self) -> None:
        """A subscription that was interrupted may have missed anything."""
        for task_id in list(self._watches):
            self.notify(task_id)
