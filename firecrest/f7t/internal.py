"""The gateway's internal port: metrics and health, never published (loopback by default)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

import uvicorn
from starlette.types import Receive, Scope, Send

from f7t.http.metrics import exposition

Check = Callable[[], Awaitable[None]]
"""Raises when the part it asks is not ready."""

_log = logging.getLogger(__name__)


class InternalApp:
    """Raw ASGI: `/metrics`, `/health/live`, `/health/ready`."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, content_type, body = await self._answer(scope["path"])
        headers = [(b"content-type", content_type.encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str) -> tuple[int, str, bytes]:
        match path:
            case "/metrics":
                body, content_type = await asyncio.to_thread(exposition)
                return 200, content_type, body
            case "/health/live":
                return 200, "application/json", b'{"status":"UP"}'
            case "/health/ready":
                return await self._readiness()
        return 404, "application/json", b'{"description":"No such page"}'

    async def _readiness(self) -> tuple[int, str, bytes]:
        parts: dict[str, str] = {}
        for name, check in self._checks.items():
            try:
                async with asyncio.timeout(2):
                    await check()
                parts[name] = "UP"
            except Exception as error:
                # Whatever it is, the part is not ready, and the reader is told which kind.
                parts[name] = f"DOWN ({type(error).__name__})"
        up = all(state == "UP" for state in parts.values())
        body = json.dumps({"status": "UP" if up else "DOWN", "checks": parts}).encode()
        return (200 if up else 503), "application/json", body


def _listening_socket(host: str, port: int) -> socket.socket:
    """Shared by all workers: any of them may answer, because metrics are common to all."""
    # The protocol is named because asyncio switches Nagle's algorithm off for TCP sockets only.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.listen()
    return listener


class _QuietServer(uvicorn.Server):
    """Signals belong to the main server of the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving_internal(
    host: str, port: int, checks: Mapping[str, Check]
) -> AsyncIterator[None]:
    """Serve the internal port while the block runs; port 0 serves nothing."""
    if not port:
        yield
        return
    config = uvicorn.Config(
        InternalApp(checks), log_config=None, access_log=False, lifespan="off", http="h11"
    )
    server = _QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[_listening_socket(host, port)]))
    try:
        _log.info("internal port open", extra={"fields": {"port": port, "pid": os.getpid()}})
        yield
    finally:
        server.should_exit = True
        await task
