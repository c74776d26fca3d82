"""How often one user may call: counted in Redis by all workers together, off by default.

A period begins with a user's first request and lets `requests` through, however quickly they come.
Requests without a valid token, and the documentation, count for nobody.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from f7t.auth import Principal
from f7t.errors import RateLimited
from f7t.http.answers import send_answer
from f7t.http.failures import answer_of
from f7t.settings import RateLimitSettings, TaskSettings

HEADERS = ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

_log = logging.getLogger(__name__)
_KEY = "f7t:rate:"
_TIMEOUT = 0.5
"""Seconds that counting may take; a request waits for it."""
_PAUSE = 1.0
"""Seconds for which a silent Redis is not asked again, nor complained about."""

# KEYS: counter of a user. ARGV: period in ms. Returns {requests so far, ms until the period ends}.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  left = tonumber(ARGV[1])
  redis.call('PEXPIRE', KEYS[1], left)
end
return {count, left}
"""


@dataclass(frozen=True)
class Usage:
    """What a user has used of the present period."""

    limit: int
    count: int
    seconds_left: float

    @property
    def is_over(self) -> bool:
        return self.count > self.limit

    def headers(self) -> dict[str, str]:
        """The three numbers that every answer carries."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(self.limit - self.count, 0)),
            "RateLimit-Reset": str(math.ceil(self.seconds_left)),
        }


class RateCounter:
    """Counts requests per user in the Redis of the task store."""

    def __init__(self, settings: RateLimitSettings, tasks: TaskSettings) -> None:
        self._settings = settings
        pool = BlockingConnectionPool.from_url(
            tasks.redis_url,
            max_connections=8,
            timeout=_TIMEOUT,
            # Limited as a whole instead; see `f7t.tasks.store`.
            socket_timeout=None,
            socket_connect_timeout=_TIMEOUT,
            **({"password": tasks.redis_password} if tasks.redis_password else {}),
        )
        self._redis = Redis.from_pool(pool)
        self._script = self._redis.register_script(_COUNT)
        self._silent_until = float("-inf")

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def counted(self, user: str) -> Usage | None:
        """Usage with one more request of `user`; None while Redis is away: nobody is refused."""
        if time.monotonic() < self._silent_until:
            return None
        period = round(self._settings.period * 1000)
        try:
            async with asyncio.timeout(_TIMEOUT):
                answer = await self._script(keys=[_KEY + user], args=[period])
        except (RedisError, OSError, TimeoutError) as error:
            self._silent_until = time.monotonic() + _PAUSE
            _log.warning("requests are not counted: %s", type(error).__name__)
            return None
        count, left = cast("tuple[int, int]", answer)
        return Usage(self._settings.requests, int(count), int(left) / 1000)


class RateLimit:
    """Answers 429 once a user's requests are used up, and tells in every answer what is left."""

    def __init__(self, app: ASGIApp, settings: RateLimitSettings, counter: RateCounter) -> None:
        self._app = app
        self._settings = settings
        self._counter = counter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal | None = scope.get("state", {}).get("principal")
        usage = await self._counter.counted(principal.user) if principal else None
        if usage is None:
            await self._app(scope, receive, send)
            return
        numbers = usage.headers()

        async def outgoing(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(numbers)
            await send(message)

        if usage.is_over:
            error = RateLimited({"Retry-After": self._when(usage.seconds_left)})
            await send_answer(outgoing, answer_of(error))
            return
        await self._app(scope, receive, outgoing)

    def _when(self, seconds_left: float) -> str:
        """Never before the period has ended: both forms know whole seconds only."""
        if self._settings.retry_after == "seconds":
            return str(math.ceil(seconds_left))
        return formatdate(math.ceil(time.time() + seconds_left), usegmt=True)
