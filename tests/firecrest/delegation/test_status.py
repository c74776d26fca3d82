"""`/status/services` about a certificator that is a process of its own (status.md S1, S2)."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest
from fastapi import FastAPI, Request

from f7t.auth import Principal
from f7t.certificator import client
from f7t.certificator.client import RemoteAuthority
from f7t.delegation import CertificateAuthority
from f7t.services import status
from tests.firecrest.delegation.certificator import SECRET, Certificator, http_answer, stranger
from tests.firecrest.http.wire import exchange, head, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from f7t.parts import Authority

UP = ("available", 200, "server up & flask running")
DOWN = ("not available", 400, "server down")


@asynccontextmanager
async def gateway(authority: Authority) -> AsyncIterator[int]:
    """The status pages over real HTTP; of the parts, they ask only these two."""
    app = FastAPI()
    settings = SimpleNamespace(services=("certificator", "utilities"))
    app.state.parts = SimpleNamespace(settings=settings, authority=authority)

    @app.middleware("http")
    async def known(request: Request, following: Any) -> Any:
        request.state.principal = Principal("test1", float("inf"))
        return await following(request)

    app.include_router(status.router)
    async with served(app) as port:
        yield port


async def page(port: int, path: str) -> Any:
    answer = await exchange(port, head("GET", path))
    assert answer.status == 200
    return json.loads(answer.body)


async def states(authority: Authority) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The certificator's state in the list and on its own page; the other service is always up."""
    keys = ("status", "status_code", "description")
    async with gateway(authority) as port:
        listed = {one["service"]: one for one in (await page(port, "/status/services"))["out"]}
        assert tuple(listed["utilities"][key] for key in keys) == UP
        single = await page(port, "/status/services/certificator")
        assert single["service"] == "certificator"
    first, second = (tuple(one[key] for key in keys) for one in (listed["certificator"], single))
    return first, second


async def remote_states(url: str, secret: str = SECRET) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    authority = RemoteAuthority(url, secret)
    try:
        return await states(authority)
    finally:
        await authority.close()


async def test_up(certificator: Certificator, ca_key: asyncssh.SSHKey) -> None:
    assert await remote_states(certificator.url) == (UP, UP)
    assert await states(CertificateAuthority(ca_key)) == (UP, UP)


async def test_down() -> None:
    assert await remote_states("http://127.0.0.1:1") == (DOWN, DOWN)


async def test_a_wrong_secret(certificator: Certificator) -> None:
    """Both spellings are the contract's."""
    listed, single = await remote_states(certificator.url, f"not-{SECRET}")
    assert listed == ("not available", 401, "unathorized")
    assert single == ("not available", 401, "unauthorized")


async def test_broken() -> None:
    async with stranger(lambda head, body: http_answer(503, {})) as other:
        broken = ("not available", 503, "server up, flask down")
        assert await remote_states(other.url) == (broken, broken)
    async with stranger(lambda head, body: http_answer(200, b"nonsense")) as other:
        assert await remote_states(other.url) == (DOWN, DOWN)


async def test_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_CHECK_LIMIT", 0.1)

    async def never(head: bytes, body: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with stranger(never) as other:
        assert await remote_states(other.url) == (DOWN, DOWN)
