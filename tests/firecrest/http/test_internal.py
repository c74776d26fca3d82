"""The internal port: metrics and health, nothing else."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from f7t.internal import InternalApp, serving_internal
from tests.firecrest.http.wire import Wire, exchange, head, served


async def _up() -> None:
    """A part that is ready."""


async def _down() -> None:
    raise ConnectionRefusedError("redis password is hunter2")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
async def test_healthy(path: str) -> None:
    async with served(InternalApp({"tasks": _up})) as port:
        answer = await exchange(port, head("GET", path, token=None))
    assert answer.status == 200
    assert json.loads(answer.body)["status"] == "UP"


async def test_not_ready() -> None:
    async with served(InternalApp({"tasks": _down, "other": _up})) as port:
        answer = await exchange(port, head("GET", "/health/ready", token=None))
        alive = await exchange(port, head("GET", "/health/live", token=None))
    assert answer.status == 503
    assert json.loads(answer.body) == {
        "status": "DOWN",
        "checks": {"tasks": "DOWN (ConnectionRefusedError)", "other": "UP"},
    }
    assert b"hunter2" not in answer.body
    assert alive.status == 200


async def test_unknown_page() -> None:
    async with served(InternalApp({})) as port:
        answer = await exchange(port, head("GET", "/", token=None))
    assert answer.status == 404


async def test_metrics_count_requests_of_the_gateway(port: int) -> None:
    await exchange(port, head("GET", "/status/missing"))
    await exchange(port, head("GET", "/status/missing", token=None))
    async with served(InternalApp({})) as internal:
        answer = await exchange(internal, head("GET", "/metrics", token=None))
    assert answer.status == 200
    assert (answer.header("content-type") or "").startswith("text/plain")
    text = answer.body.decode()
    for status in ("400", "401"):
        label = f'f7t_http_requests_total{{method="GET",operation="none",status="{status}"}}'
        assert label in text


async def test_unusual_methods_share_one_label(port: int) -> None:
    await exchange(port, head("BREW", "/status/missing"))
    async with served(InternalApp({})) as internal:
        text = (await exchange(internal, head("GET", "/metrics", token=None))).body.decode()
    assert 'method="other"' in text
    assert "BREW" not in text


async def _first_answer(port: int) -> Wire:
    """It is opened in the background: the gateway does not wait for it."""
    while True:
        try:
            return await exchange(port, head("GET", "/health/ready", token=None))
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


async def test_it_is_a_port_of_its_own() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    async with serving_internal("127.0.0.1", number, {"tasks": _up}):
        assert (await _first_answer(number)).status == 200
    with pytest.raises(ConnectionRefusedError):
        await exchange(number, head("GET", "/health/ready", token=None))


async def test_port_zero_serves_nothing() -> None:
    async with serving_internal("127.0.0.1", 0, {}):
        pass


async def test_the_address_is_the_one_that_was_given() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        number = probe.getsockname()[1]
    async with serving_internal("127.0.0.2", number, {"tasks": _up}):
        _, writer = await asyncio.open_connection("127.0.0.2", number)
        writer.close()
        await writer.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await exchange(number, head("GET", "/health/ready", token=None))
