"""The rate limit: a real Redis counts for two workers, over the wire (contract §3)."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from f7t.auth import Principal, TokenVerifier, bearer_token
from f7t.errors import Unauthorized
from f7t.http.envelope import Envelope
from f7t.http.gatekeeper import Gatekeeper
from f7t.http.rate import RateCounter, RateLimit, Usage
from f7t.settings import RateLimitSettings, Settings, TaskSettings
from tests.firecrest.http.wire import Wire, exchange, head, served
from tests.support.redis import RedisServer, running_redis

LIMIT = 3
NUMBERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
Gateway = Callable[..., AbstractAsyncContextManager[int]]


class TokenIsTheUser(TokenVerifier):
    """Everybody is who the token says; no token is nobody."""

    async def principal(self, authorization: str | None) -> Principal:
        user = bearer_token(authorization)
        if user == "stranger":
            raise Unauthorized({"message": "Invalid signature"})
        return Principal(user, float("inf"))


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


async def _works(_: Request) -> Response:
    return PlainTextResponse("done")


@pytest.fixture
def gateway(redis_server: RedisServer, settings: Settings) -> Gateway:
    """Serves one worker with a limit of three requests a minute."""
    tasks = TaskSettings(redis_url=redis_server.url)

    @asynccontextmanager
    async def serve(**more: object) -> AsyncIterator[int]:
        limit = RateLimitSettings.model_validate({"requests": LIMIT, **more})
        counter = RateCounter(limit, tasks)
        middleware = [
            Middleware(Envelope),
            Middleware(Gatekeeper, verifier=TokenIsTheUser(settings.auth)),
            Middleware(RateLimit, settings=limit, counter=counter),
        ]
        routes = [Route(path, _works) for path in ("/status/works", "/docs")]
        try:
            async with served(Starlette(routes=routes, middleware=middleware)) as port:
                yield port
        finally:
            await counter.close()

    return serve


async def _get(port: int, user: str | None = "test1", path: str = "/status/works") -> Wire:
    return await exchange(port, head("GET", path, token=user))


async def test_what_is_left_and_the_refusal(gateway: Gateway) -> None:
    async with gateway() as port:
        answers = [await _get(port) for _ in range(LIMIT + 2)]
    assert [one.status for one in answers] == [200, 200, 200, 429, 429]
    assert [one.header("RateLimit-Remaining") for one in answers] == ["2", "1", "0", "0", "0"]
    for one in answers:
        assert one.header("RateLimit-Limit") == str(LIMIT)
        assert 0 < int(one.header("RateLimit-Reset") or 0) <= 60
    refused = answers[-1]
    assert json.loads(refused.body) == {"message": "API rate limit exceeded"}
    assert refused.header("Content-Type") == "application/json"
    assert refused.header("Retry-After") == refused.header("RateLimit-Reset")
    assert answers[0].header("Retry-After") is None


async def test_all_workers_count_together_and_users_apart(gateway: Gateway) -> None:
    async with gateway() as first, gateway() as second:
        for port in (first, second, first):
            assert (await _get(port)).status == 200
        assert (await _get(second)).status == 429
        assert (await _get(second, "test2")).header("RateLimit-Remaining") == "2"


async def test_the_next_period_begins_with_the_next_request(
    gateway: Gateway, redis_server: RedisServer
) -> None:
    async with gateway() as port, Redis.from_url(redis_server.url) as redis:
        for _ in range(LIMIT + 1):
            answer = await _get(port)
        assert answer.status == 429
        [key] = await redis.keys("f7t:rate:*")
        assert 0 < await redis.pttl(key) <= 60_000
        await redis.pexpire(key, 0)
        again = await _get(port)
        assert (again.status, again.header("RateLimit-Remaining")) == (200, "2")


async def test_a_counter_without_an_end_is_given_one(
    gateway: Gateway, redis_server: RedisServer
) -> None:
    """Else a user would be locked out for ever."""
    async with gateway() as port, Redis.from_url(redis_server.url) as redis:
        await redis.set("f7t:rate:test1", LIMIT)
        assert (await _get(port)).status == 429
        assert 0 < await redis.pttl("f7t:rate:test1") <= 60_000


async def test_the_other_form_of_retry_after(gateway: Gateway) -> None:
    async with gateway(retry_after="http-date") as port:
        for _ in range(LIMIT + 1):
            answer = await _get(port)
    when = parsedate_to_datetime(answer.header("Retry-After") or "")
    said = parsedate_to_datetime(answer.header("Date") or "")
    assert when.tzinfo is not None
    assert when.astimezone(UTC) > datetime.now(UTC)
    assert 0 < (when - said).total_seconds() <= 61


async def test_who_is_not_counted(gateway: Gateway, redis_server: RedisServer) -> None:
    """No token, a refused one, an unpublished path, and the documentation."""
    calls = [
        (None, "/status/works", 401),
        ("stranger", "/status/works", 401),
        ("test1", "/nowhere", 400),
        (None, "/docs", 200),
        ("test1", "/docs", 200),
    ]
    async with gateway() as port, Redis.from_url(redis_server.url) as redis:
        for user, path, status in calls * (LIMIT + 1):
            answer = await _get(port, user, path)
            assert answer.status == status
            assert all(answer.header(name) is None for name in NUMBERS)
        assert await redis.keys("f7t:rate:*") == []


async def test_without_redis_everybody_passes_and_the_log_says_so(
    gateway: Gateway, redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway() as port:
        for _ in range(LIMIT + 1):
            await _get(port)
        redis_server.kill()
        answers = [await _get(port) for _ in range(LIMIT + 1)]
    assert {one.status for one in answers} == {200}
    assert all(one.header(name) is None for one in answers for name in NUMBERS)
    told = [one for one in caplog.records if one.name == "f7t.http.rate"]
    assert told
    assert all(one.levelno == logging.WARNING for one in told)
    assert "not counted" in told[0].getMessage()


def test_reset_is_never_too_early() -> None:
    usage = Usage(limit=5, count=6, seconds_left=0.2)
    assert usage.headers() == {
        "RateLimit-Limit": "5",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "1",
    }
    assert usage.is_over
    assert not replace(usage, count=5).is_over
