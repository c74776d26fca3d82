"""The load generator reads what a server may send, and counts what it did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.bench.loops import asking, closed_loop
from tests.bench.wire import Answer, BenchFailure, Wire, form, request, upload

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"
PIECES = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\npie\r\n3\r\nces\r\n0\r\n\r\n"
REFUSED = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno"
BROKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"


@asynccontextmanager
async def _answering(*answers: bytes) -> AsyncIterator[int]:
    """A server that answers every request without a body, in turn; its port."""
    number = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                answer = answers[number % len(answers)]
                number += 1
                writer.write(answer)
                if answer == BROKEN:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _asked(count: int, *answers: bytes) -> list[Answer]:
    async with _answering(*answers) as port:
        wire = await Wire.open(port)
        try:
            return [await wire.ask(request("GET", "/", "token")) for _ in range(count)]
        finally:
            await wire.close()


def test_whole_and_chunked_bodies_are_read_over_one_connection() -> None:
    seen = asyncio.run(_asked(3, WHOLE, PIECES))
    assert [one.body for one in seen] == [b"whole", b"pieces", b"whole"]
    assert all(one.status == 200 and one.first_byte > 0 for one in seen)


def test_a_broken_answer_is_a_failure_and_no_short_body() -> None:
    with pytest.raises(BenchFailure, match="hung up"):
        asyncio.run(_asked(1, BROKEN))


def test_a_loop_counts_every_answer_and_ends_with_a_refusal() -> None:
    async def loops() -> int:
        async with _answering(WHOLE) as port:
            client = asking(port, request("GET", "/", "token"))
            loop = await closed_loop(client, 4, 0.05)
            assert len(loop.latencies) == loop.count
            assert loop.rate > 0
            return loop.count

    assert asyncio.run(loops()) >= 4

    async def refused() -> None:
        async with _answering(WHOLE, REFUSED) as port:
            await closed_loop(asking(port, request("GET", "/", "token")), 2, 5)

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(refused())
    assert "403" in str(caught.value.exceptions[0])


def test_requests_say_how_long_their_bodies_are() -> None:
    head, _, body = upload("/u", "t", "a.sh", b"#!/bin/sh\n", targetPath="/home").partition(
        b"\r\n\r\n"
    )
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'name="targetPath"\r\n\r\n/home\r\n' in body
    assert form("/f", "t", a="b c").endswith(b"Content-Length: 5\r\n\r\na=b+c")
    assert b"Content-Length" not in request("GET", "/", "t")
