"""Tells that `/reservations` will go: deprecated by FirecREST 1.16 (contract §1)."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/reservations"
HEADERS = {"Deprecation": "@1711111630", "Sunset": "Fri, 31 Dec 2027 23:59:59 GMT"}
"""Since when (RFC 9745, upstream's moment) and until when at least (RFC 8594, our promise)."""


class Deprecation:
    """Adds the two headers to every answer of the prefix, refusals and pre-flights included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not (path == PREFIX or path.startswith(f"{PREFIX}/")):
            await self._app(scope, receive, send)
            return

        async def outgoing(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, outgoing)
