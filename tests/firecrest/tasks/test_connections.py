"""Commands to a real Redis: replies belong to their commands, whatever becomes of a connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from f7t.errors import TaskStoreUnavailable
from f7t.tasks.connections import PAUSE, Connections, Script
from tests.support.redis import RedisServer

ECHO = Script("return {KEYS[1], ARGV[1], ARGV[2]}")


@pytest_asyncio.fixture
async def connections(redis_server: RedisServer) -> AsyncIterator[Connections]:
    connections = Connections(redis_server.url, password="", most=4, timeout=5)
    yield connections
    await connections.close()


async def _clients(redis: Redis) -> int:
    """Connections to the server, that of the test not counted."""
    return len(await redis.client_list()) - 1


async def _until_there_are(count: int, redis: Redis) -> None:
    # Not `asyncio.timeout`: the client of the test has redis-py's own limits, which may swallow it.
    deadline = time.monotonic() + 5
    while (there := await _clients(redis)) != count:
        assert time.monotonic() < deadline, f"{there} connections instead of {count}"
        await asyncio.sleep(0)


async def test_words_of_every_kind_and_replies_of_every_kind(connections: Connections) -> None:
    assert await connections.command("PING") == b"PONG"
    assert await connections.command("SET", "key", b"\0\xff\r\n") == b"OK"
    assert await connections.command("MGET", "key", "none") == [b"\0\xff\r\n", None]
    assert await connections.command("INCRBY", "number", 3) == 3
    assert await connections.command("ZRANGE", "none", 0, -1) == []


async def test_a_script_is_found_also_by_a_server_that_does_not_know_it(
    connections: Connections, redis: Redis
) -> None:
    for _ in range(2):
        assert await connections.run(ECHO, ["key"], "text", 7) == [b"key", b"text", b"7"]
        await redis.script_flush()
    assert await connections.run(ECHO, ["key"], "text", 7) == [b"key", b"text", b"7"]
    assert await redis.script_exists(ECHO.digest) == [True]


async def test_a_connection_is_kept_and_more_are_opened_for_more_at_once(
    connections: Connections, redis: Redis
) -> None:
    for _ in range(5):
        await connections.command("PING")
    assert await _clients(redis) == 1

    together = (connections.command("BLPOP", "none", 0.1) for _ in range(9))

    assert await asyncio.gather(*together) == [None] * 9
    assert await _clients(redis) == 3


async def test_a_command_whose_connection_was_closed_is_given_again(
    connections: Connections, redis: Redis
) -> None:
    await connections.command("SET", "key", "value")
    await redis.client_kill_filter(_type="normal", skipme=True)

    assert await connections.command("GET", "key") == b"value"


async def test_of_many_closed_connections_a_command_meets_one(
    connections: Connections, redis: Redis
) -> None:
    """As after a restart of Redis: another command comes while the first one waits to try again."""
    await connections.command("SET", "key", "value")
    await asyncio.gather(*(connections.command("BLPOP", "none", 0.1) for _ in range(2)))
    assert await _clients(redis) == 2
    await redis.client_kill_filter(_type="normal", skipme=True)

    reading = asyncio.create_task(connections.command("GET", "key"))
    await asyncio.sleep(PAUSE / 2)
    other = asyncio.create_task(connections.command("BLPOP", "none", 0.5))

    assert await reading == b"value"
    assert await other is None


async def test_a_command_that_is_given_up_takes_its_reply_with_it(
    connections: Connections, redis: Redis
) -> None:
    waiting = asyncio.create_task(connections.command("BLPOP", "list", 0))
    await connections.command("PING")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await _until_there_are(1, redis)

    await connections.command("RPUSH", "list", "late")
    replies = [await connections.command("ECHO", number) for number in range(5)]

    assert replies == [b"0", b"1", b"2", b"3", b"4"]
    assert await connections.command("LLEN", "list") == 1


async def test_a_command_has_its_time_and_the_next_one_is_not_disturbed(
    redis_server: RedisServer,
) -> None:
    connections = Connections(redis_server.url, password="", most=2, timeout=0.2)
    try:
        with pytest.raises(TaskStoreUnavailable, match="TimeoutError"):
            await connections.command("BLPOP", "none", 0)
        assert await connections.command("ECHO", "next") == b"next"
    finally:
        await connections.close()


async def test_what_redis_refuses_keeps_the_connection(
    connections: Connections, redis: Redis
) -> None:
    await connections.command("SET", "key", "text")
    with pytest.raises(TaskStoreUnavailable, match="ResponseError"):
        await connections.command("INCR", "key")

    assert await connections.command("GET", "key") == b"text"
    assert await _clients(redis) == 1


async def test_all_connections_are_closed(connections: Connections, redis: Redis) -> None:
    await asyncio.gather(*(connections.command("BLPOP", "none", 0.1) for _ in range(3)))
    assert await _clients(redis) == 3

    await connections.close()

    await _until_there_are(0, redis)
