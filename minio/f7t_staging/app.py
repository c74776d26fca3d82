"""The ASGI application: health, the one way out for answers and errors, the access log."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from f7t_staging.errors import ClientDisconnected, S3Error, error_body
from f7t_staging.http import Receive, Request, Response, Scope, Send, build_request
from f7t_staging.lifecycle import sweep
from f7t_staging.routing import dispatch
from f7t_staging.sigv4 import Credentials
from f7t_staging.store import Store

# How long a client that is still sending is listened to after a refusal: one that only reads the
# answer when it has sent everything would otherwise see a broken connection instead.
_LINGER_SECONDS = 10.0
_CLIENT_LEFT = 499
_IO_THREADS = 16
_HOST_ID = hashlib.sha256(b"f7t-staging").hexdigest()
# Refused before bucket and key were told apart.
_WITHOUT_BUCKET = {
    "AllAccessDisabled",
    "BadRequest",
    "InvalidBucketName",
    "MalformedDate",
    "MetadataTooLarge",
    "RequestTimeTooSkewed",
    "XMinioInvalidResourceName",
}
_HEALTH = ("/minio/health/live", "/minio/health/ready")
_COMMON_HEADERS = {
    "Accept-Ranges": "bytes",
    "Content-Security-Policy": "block-all-mixed-content",
    "Server": "f7t-staging",
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "X-Xss-Protection": "1; mode=block",
}

logger = logging.getLogger("f7t_staging")


class StagingApp:
    """One store behind ASGI; `data` is opened when the server starts the application."""

    def __init__(self, data: Path, credentials: Credentials, sweep_seconds: float) -> None:
        self._data = data
        self._credentials = credentials
        self._sweep_seconds = sweep_seconds
        self._store: Store | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise ValueError(f"{scope['type']} is not served")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._store = Store(self._data)
        except (OSError, ValueError) as error:
            in_use = isinstance(error, BlockingIOError)
            reason = "in use by another process" if in_use else str(error)
            await send({"type": "lifespan.startup.failed", "message": f"{self._data}: {reason}"})
            return
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(_IO_THREADS, thread_name_prefix="io"))
        sweeper = asyncio.create_task(self._sweep_forever(self._store))
        logger.info("open", extra={"fields": {"strays_removed": self._store.strays_removed}})
        await send({"type": "lifespan.startup.complete"})
        await receive()
        sweeper.cancel()
        await asyncio.gather(sweeper, return_exceptions=True)
        self._store.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _sweep_forever(self, store: Store) -> None:
        while True:
            try:
                removed = await sweep(store, datetime.now(UTC))
            except (OSError, sqlite3.Error, S3Error):
                logger.exception("sweep failed")
            else:
                if removed:
                    logger.info("swept", extra={"fields": {"removed": removed}})
            await asyncio.sleep(self._sweep_seconds)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.monotonic()
        request_id = f"{time.time_ns():X}"
        request: Request | None = None
        # The status that is logged, never sent, if the client leaves before it gets an answer.
        response = Response(_CLIENT_LEFT)
        try:
            try:
                request = build_request(scope, receive, request_id)
                response = await self._answer(request)
            except S3Error as error:
                response = self._error_response(error, scope, request, request_id)
            named = {"X-Amz-Bucket-Region": self._credentials.region, **response.headers}
            response = replace(response, headers=named)
            await _send(response, request, request_id, scope["method"], send)
        except ClientDisconnected:
            return
        finally:
            if response.release is not None:
                response.release()
            if request is None or request.path not in _HEALTH:
                _log_request(scope, request_id, response.status, started)

    async def _answer(self, request: Request) -> Response:
        if request.path in _HEALTH and request.method in ("GET", "HEAD"):
            return Response()
        if self._store is None:
            raise RuntimeError("request before startup")
        try:
            return await dispatch(request, self._store, self._credentials)
        except (S3Error, ClientDisconnected):
            raise
        except Exception as error:
            logger.exception("failed", extra={"fields": {"request_id": request.request_id}})
            raise S3Error("InternalError") from error

    def _error_response(
        self, error: S3Error, scope: Scope, request: Request | None, request_id: str
    ) -> Response:
        if scope["method"] == "HEAD":
            return Response(error.status)
        named = request if error.code not in _WITHOUT_BUCKET else None
        body = error_body(
            error,
            bucket=named.bucket if named else "",
            key=named.key if named else "",
            resource=request.path if request else quote(scope["raw_path"]),
            region=self._credentials.region,
            request_id=request_id,
            host_id=_HOST_ID,
        )
        return Response(error.status, {"Content-Type": "application/xml"}, body)


def _log_request(scope: Scope, request_id: str, status: int, started: float) -> None:
    fields = {
        "request_id": request_id,
        "method": scope["method"],
        # The query is left out: it may hold a signature.
        "path": scope["raw_path"].decode("ascii", "replace"),
        "status": status,
        "seconds": round(time.monotonic() - started, 4),
    }
    logger.info("request", extra={"fields": fields})


async def _send(
    response: Response, request: Request | None, request_id: str, method: str, send: Send
) -> None:
    headers = {
        **_COMMON_HEADERS,
        "X-Amz-Id-2": _HOST_ID,
        "X-Amz-Request-Id": request_id,
        **response.headers,
    }
    if isinstance(response.body, bytes) and response.status not in (204, 304):
        headers.setdefault("Content-Length", str(len(response.body)))
    # A connection on which the rest of a body may still come is of no further use.
    unread = request is None or not request.body.complete
    if unread:
        headers["Connection"] = "close"
    raw = [(n.encode(), v.encode("utf-8", "surrogateescape")) for n, v in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    if isinstance(response.body, bytes):
        body = b"" if method == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body, "more_body": True})
        if unread and request is not None and request.body.is_being_sent:
            await _linger(request)
    else:
        async with aclosing(response.body) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _linger(request: Request) -> None:
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            async for _ in request.body.stream():
                pass
    except (TimeoutError, ClientDisconnected):
        return
