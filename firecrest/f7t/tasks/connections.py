"""How Redis is reached: over so many connections, within a time, and with one error."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeAlias

from hiredis import pack_command
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import NoScriptError, RedisError

from f7t.errors import TaskStoreUnavailable

Word: TypeAlias = str | bytes | int | float
Reply: TypeAlias = Any
"""Bytes, a number, None, or a list of such."""

_LONGEST_QUEUE = 30.0
"""Seconds that a command may wait for a connection; a burst of thousands is through in some."""

PAUSE = 0.05
"""Seconds before a command whose connection broke is given once more."""


class Script:
    """A Lua script of Redis, known there by its digest."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Connections:
    """Connections to one Redis server.

    Commands go straight to connections of the client library: by its own commands, with their
    events, figures and retries, one takes longer here than in Redis.

    Args:
        url: `unix:///path/redis.sock` or `redis://host:port/0`.
        password: of the server, when it is not part of the URL.
        most: connections at the same time; one of them is left to a subscription.
        timeout: seconds until one command counts as failed, its wait for a connection not counted.

    Attributes:
        redis: for a subscription.
    """

    def __init__(self, url: str, *, password: str, most: int, timeout: float) -> None:
        # A burst of requests queues for these instead of failing.
        self._places = asyncio.Semaphore(most - 1)
        self._timeout = timeout
        self._pool = ConnectionPool.from_url(
            url,
            max_connections=most,
            # Limited by `command` instead: redis-py limits sending with `asyncio.wait_for`, which
            # may swallow a cancellation before Python 3.12.
            socket_timeout=None,
            socket_connect_timeout=timeout,
            retry=Retry(ConstantBackoff(PAUSE), 1),
            **({"password": password} if password else {}),
        )
        self._idle: list[AbstractConnection] = []
        self.redis = Redis.from_pool(self._pool)

    async def close(self) -> None:
        """Close all of them."""
        self._idle.clear()
        await self.redis.aclose()

    async def command(self, *words: Word) -> Reply:
        """The reply to one command.

        A command whose connection breaks is given once more: it must not matter how often it is
        carried out.

        Raises:
            TaskStoreUnavailable: whatever of Redis' many ways to fail it was. Messages may quote
                the URL, so only the kind is kept.
        """
        async with self._place():
            return await self._reply(words)

    async def run(self, script: Script, keys: Sequence[str], *arguments: Word) -> Reply:
        """What a script returns; else like `command`."""
        words = (len(keys), *keys, *arguments)
        async with self._place():
            try:
                return await self._reply(("EVALSHA", script.digest, *words))
            except NoScriptError:  # it is new to this server
                return await self._reply(("EVAL", script.text, *words))

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """A place for one command, and the time it has."""
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

    async def _reply(self, words: tuple[Word, ...]) -> Reply:
        """Over a connection that is kept for the next command. One that fails, or is given up in
        the middle of a reply, is closed by the library and opened again when it is needed."""
        packed = pack_command(words)  # type: ignore[arg-type]
        if self._idle:
            connection = self._idle.pop()
        else:
            connection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        try:
            try:
                return await _exchanged(connection, packed)
            except ConnectionLost:
                await asyncio.sleep(PAUSE)
                # The same one, known to be broken: after a restart of Redis all of them are, and
                # another one would fail for the first time.
                return await _exchanged(connection, packed)
        finally:
            self._idle.append(connection)


async def _exchanged(connection: AbstractConnection, packed: bytes) -> Reply:
    await connection.send_packed_command(packed, check_health=False)
    return await connection.read_response()
