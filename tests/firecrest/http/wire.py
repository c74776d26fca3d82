"""Raw HTTP/1.1 over a loopback socket: what is asserted is what stands on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from f7t.http.wire import serving

TOKEN = "good"


@dataclass(frozen=True)
class Wire:
    """An answer: header names in their own case and order, the body as bytes."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    interim: tuple[int, ...] = ()
    """Status codes of the informational answers (1xx) that came before."""

    def header(self, name: str) -> str | None:
        """Value of the header with exactly this name."""
        return dict(self.headers).get(name)


async def exchange(port: int, request: bytes, *, then: bytes = b"") -> Wire:
    """Send `request` and read until the server closes; `then` follows a `100 Continue`.

    Raises `TimeoutError` if the server waits for something that does not come.
    """
    async with asyncio.timeout(20):
        return await _exchanged(port, request, then)


async def _exchanged(port: int, request: bytes, then: bytes) -> Wire:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        interim: list[int] = []
        while True:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(first.split()[1])
            if status >= 200:
                break
            interim.append(status)
            writer.write(then)
        pairs = (line.partition(":") for line in lines if line)
        headers = tuple((name, value.strip()) for name, _, value in pairs)
        body = await reader.read()
        if ("transfer-encoding", "chunked") in ((n.lower(), value) for n, value in headers):
            body = _joined(body)
        return Wire(status, headers, body, tuple(interim))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def _joined(chunked: bytes) -> bytes:
    """The content of a chunked body without trailers (RFC 9112 §7.1)."""
    content = b""
    while True:
        size, _, rest = chunked.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return content
        content, chunked = content + rest[:length], rest[length + 2 :]


def head(method: str, target: str, *, token: str | None = TOKEN, **headers: str) -> bytes:
    """The head of a request that closes its connection; `_` in a header's name stands for `-`."""
    lines = [f"{method} {target} HTTP/1.1", "Host: gateway", "Connection: close"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class _Server(uvicorn.Server):
    """Signals belong to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """Serve `app` as the gateway is served while the block runs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # a request that comes before the server is ready waits for it
        config = serving(app, lifespan="off", timeout_graceful_shutdown=1)
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task
