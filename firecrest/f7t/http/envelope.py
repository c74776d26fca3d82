"""Around every request: its id, header capitalisation, access log, metrics, the last resort."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from email.utils import formatdate
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from f7t import __version__
from f7t.http.answers import send_answer
from f7t.http.failures import Answer
from f7t.http.metrics import observe_request
from f7t.http.wire import HeaderName
from f7t.log import request_id

_log = logging.getLogger("f7t.access")
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SERVER = f"f7t/{__version__}".encode()
_ACRONYMS = {
    b"etag": b"ETag",
    b"www-authenticate": b"WWW-Authenticate",
    b"ratelimit-limit": b"RateLimit-Limit",
    b"ratelimit-remaining": b"RateLimit-Remaining",
    b"ratelimit-reset": b"RateLimit-Reset",
}


@lru_cache(512)
def capitalised(name: bytes) -> HeaderName:
    """A header name as it stands in the contract, e.g. `X-Invalid-Path` (D01, T15)."""
    lower = name.lower()
    words = _ACRONYMS.get(lower) or b"-".join(part.capitalize() for part in lower.split(b"-"))
    return HeaderName(words)


_CONNECTION, _DATE, _LENGTH, _SERVED_BY, _TRANSFER, _ID = map(
    HeaderName,
    (b"Connection", b"Date", b"Content-Length", b"Server", b"Transfer-Encoding", b"X-Request-Id"),
)
_NO_CONTENT = frozenset({204, 304})


@lru_cache(1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()


def _headers(scope: Scope, message: Message, identifier: bytes) -> list[tuple[bytes, bytes]]:
    """All headers of an answer, those of the connection included: the server would write them in
    lower case."""
    headers = [(capitalised(name), value) for name, value in message["headers"]]
    chunked = scope["method"] != "HEAD" and message["status"] not in _NO_CONTENT
    if chunked and scope["http_version"] == "1.1" and not any(n == _LENGTH for n, _ in headers):
        headers.append((_TRANSFER, b"chunked"))
    if any(name == b"connection" and value.lower() == b"close" for name, value in scope["headers"]):
        headers.append((_CONNECTION, b"close"))
    headers += (_DATE, _date(int(time.time()))), (_SERVED_BY, _SERVER), (_ID, identifier)
    return [*headers]


class Envelope:
    """The outermost layer. Restores the capitalisation of all header names, because frameworks
    lower-case them and clients of FirecREST look them up with case (D01)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        identifier = given if _SANE_ID.fullmatch(given) else secrets.token_hex(16)
        mark = request_id.set(identifier)
        started = time.perf_counter()
        status = 0

        async def outgoing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _headers(scope, message, identifier.encode())
            await send(message)

        try:
            await self._app(scope, receive, outgoing)
        except Exception:
            _log.exception("unexpected failure")
            if status:
                raise
            await send_answer(outgoing, _internal_error(identifier))
        finally:
            # Two turns of the event loop later: behind the answer, and behind the first words to a
            # machine of what the request has begun.
            took = time.perf_counter() - started
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, _record, scope, status, took)
            request_id.reset(mark)


def _internal_error(identifier: str) -> Answer:
    text = f"FirecREST internal error, request id {identifier}"
    return Answer(500, {"description": text, "error": text})


def _record(scope: Scope, status: int, seconds: float) -> None:
    state = scope.get("state", {})
    observe_request(scope["method"], state.get("operation", "none"), status, seconds)
    principal = state.get("principal")
    fields = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
        "user": principal.user if principal else None,
    }
    _log.info("request", extra={"fields": fields})
