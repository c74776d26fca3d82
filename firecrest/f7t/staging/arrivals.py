"""Notices that objects arrived in the staging area: one watcher per process for all uploads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass, field

from f7t.errors import StagingUnavailable
from f7t.staging.area import StagingArea, StoredObject
from f7t.staging.names import bucket_of, object_key

_log = logging.getLogger("f7t.staging")

_PATIENCE = 600.0
_LONGEST_INTERVAL = 10.0


def interval_after(age: float, base: float) -> float:
    """Seconds between two looks for an upload that has been awaited for `age` seconds.

    The base interval for ten minutes; then it grows with the age, up to ten seconds.
    """
    return max(base, min(_LONGEST_INTERVAL, base * age / _PATIENCE))


@dataclass
class _Awaited:
    """The uploads awaited in one bucket."""

    since: dict[asyncio.Future[StoredObject], tuple[str, float]] = field(default_factory=dict)
    next_look: float = 0.0

    @property
    def prefix(self) -> str:
        """What to list: a single awaited upload needs no look at the rest of the bucket."""
        keys = {key for key, _ in self.since.values()}
        return keys.pop() if len(keys) == 1 else ""


class Arrivals:
    """Waits for uploads by clients.

    Each bucket with awaited uploads is listed once per interval, however many there are. Only
    complete objects are ever listed. Failures of the store are outlasted.

    Args:
        interval: seconds between two looks, see `interval_after`.
    """

    def __init__(self, area: StagingArea, *, interval: float = 0.4) -> None:
        self._area = area
        self._interval = interval
        self._buckets: dict[str, _Awaited] = {}
        self._news = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    async def wait_for(self, user: str, task_id: str, name: str) -> StoredObject:
        """The object `<task_id>/<name>` of the user's bucket, as soon as it is complete.

        Waits without end: limit it to the lifetime of the form with `asyncio.timeout`.
        """
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch(), name="arrivals")
        bucket, key = bucket_of(user), object_key(task_id, name)
        awaited = self._buckets.setdefault(bucket, _Awaited())
        arrival: asyncio.Future[StoredObject] = asyncio.get_running_loop().create_future()
        awaited.since[arrival] = (key, time.monotonic())
        awaited.next_look = 0.0  # it may be there: another worker asked for it before
        self._news.set()
        try:
            return await arrival
        finally:
            awaited.since.pop(arrival, None)
            if not awaited.since and self._buckets.get(bucket) is awaited:
                del self._buckets[bucket]

    async def close(self) -> None:
        """Stop watching; whoever still waits is cancelled."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        for awaited in self._buckets.values():
            for arrival in awaited.since:
                arrival.cancel()

    async def _watch(self) -> None:
        while True:
            now = time.monotonic()
            due = [name for name, awaited in self._buckets.items() if awaited.next_look <= now]
            await asyncio.gather(*(self._look(name) for name in due))
            await self._rest()

    async def _rest(self) -> None:
        """Until the next bucket is due or a new upload is awaited."""
        looks = [awaited.next_look for awaited in self._buckets.values()]
        pause = max(0.0, min(looks) - time.monotonic()) if looks else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._news.wait()
        self._news.clear()

    async def _look(self, bucket: str) -> None:
        awaited = self._buckets.get(bucket)
        if awaited is None or not awaited.since:
            return
        now = time.monotonic()
        youngest = now - max(since for _, since in awaited.since.values())
        awaited.next_look = now + interval_after(youngest, self._interval)
        try:
            found = await self._area.listing(bucket, awaited.prefix)
        except StagingUnavailable as error:
            _log.warning("%s; uploads are awaited on", error.message)
            return
        except Exception as error:
            # Every upload of this process depends on the watcher: it must not die.
            _log.exception("listing of bucket %s failed", bucket, exc_info=error)
            return
        stored = {entry.key: entry for entry in found}
        for arrival, (key, _) in list(awaited.since.items()):
            if key in stored and not arrival.done():
                arrival.set_result(stored[key])
