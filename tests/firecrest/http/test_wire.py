"""What llhttp does not take, or uvicorn would answer wrongly over it, h11 answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from starlette.types import Receive, Scope, Send

from f7t.http.wire import HEAD_LIMIT, HeaderName
from tests.firecrest.http.wire import exchange, head, served


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the method, the raw path and the length of the body."""
    length, more = 0, True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} {length}".encode()
    headers = [(HeaderName(b"X-MiXed"), b"1"), (HeaderName(b"Content-Length"), b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _unmeasured(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"of unknown ", "more_body": True})
    await send({"type": "http.response.body", "body": b"length"})


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    async with served(_echo) as port:
        yield port


def test_a_header_name_compares_without_case_and_keeps_it() -> None:
    name = HeaderName(b"X-MiXed")
    assert name == b"x-mixed"
    assert name.lower() is name
    assert hash(name) == hash(HeaderName(b"x-mixed"))
    assert b"".join([name, b":"]) == b"X-MiXed:"
    assert name != b"x-other"


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("GET", "/a/b?c=d", b"GET /a/b c=d 0"),
        ("BREW", "/pot", b"BREW /pot  0"),
        ("GET", "//twice//over", b"GET //twice//over  0"),
        ("GET", "/%2Fetc%20x?y=%41", b"GET //etc x y=%41 0"),
    ],
)
async def test_every_method_and_target_arrives(
    echo: int, method: str, target: str, expected: bytes
) -> None:
    answer = await exchange(echo, head(method, target))
    assert (answer.status, answer.body, answer.header("X-MiXed")) == (200, expected, "1")


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
async def test_an_upgrade_is_not_taken_up(echo: int, upgrade: str) -> None:
    request = head("POST", "/", Upgrade=upgrade, Content_Length="4").replace(
        b"Connection: close", b"Connection: close, Upgrade"
    )
    answer = await exchange(echo, request + b"body")
    assert (answer.status, answer.body) == (200, b"POST /  4")


async def test_http_1_0_gets_an_answer_of_unknown_length_as_it_is() -> None:
    async with served(_unmeasured) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        answer = await reader.read()
        writer.close()
    top, _, body = answer.partition(b"\r\n\r\n")
    assert b"chunked" not in top.lower()
    assert body == b"of unknown length"


async def _first_lines(port: int, *pieces: bytes) -> list[bytes]:
    """The status lines of all answers to requests that arrive in these pieces."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    answer = await reader.read()
    writer.close()
    return [line for line in answer.split(b"\r\n") if b"HTTP/1.1 " in line]


_KEPT = head("GET", "/first").replace(b"Connection: close\r\n", b"")


async def test_an_unknown_method_after_a_known_one(echo: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo)
    writer.write(_KEPT)
    assert await reader.readuntil(b"GET /first  0")
    request = head("BREW", "/second", Content_Length="3")
    for piece in (request[:7], request[7:40], request[40:] + b"tea"):
        writer.write(piece)
        await writer.drain()
    assert (await reader.read()).endswith(b"BREW /second  3")
    writer.close()


async def test_pipelined_requests_are_answered_in_turn(echo: int) -> None:
    lines = await _first_lines(echo, _KEPT + _KEPT + head("GET", "/last"))
    assert [line[-6:] for line in lines] == [b"200 OK"] * 3


@pytest.mark.parametrize(
    "piece",
    [
        lambda: b"GET / HTTP/1.1\r\nX: " + b"x" * HEAD_LIMIT,
        lambda: b"GET /" + b"y" * HEAD_LIMIT + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        lambda: b"nonsense\r\n\r\n",
        lambda: b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        lambda: b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
    ids=["long header", "long target", "no HTTP", "no length", "two lengths"],
)
async def test_what_is_no_request_is_refused(echo: int, piece: Callable[[], bytes]) -> None:
    assert await _first_lines(echo, piece()) == [b"HTTP/1.1 400 Bad Request"]


async def test_a_broken_body_does_not_begin_a_second_request(echo: int) -> None:
    """What follows the head of an answered request is never taken for one (smuggling)."""
    start = head("POST", "/once", Transfer_Encoding="chunked")
    lines = await _first_lines(echo, start + b"zz\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert lines == [b"HTTP/1.1 400 Bad Request"]


async def test_a_whole_answer_comes_in_one_piece(echo: int) -> None:
    """Seen from outside: the head does not come before the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", echo)
    writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
    async with asyncio.timeout(20):
        assert (await reader.read(65536)).endswith(b"\r\n\r\nGET /x  0")
    writer.close()
    await writer.wait_closed()
