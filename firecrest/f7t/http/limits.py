"""Request bodies are limited before anything buffers them (contract §3.1, §8.8)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from f7t.errors import BodyTooLarge
from f7t.http.answers import send_answer
from f7t.http.failures import answer_of
from f7t.settings import MEBIBYTE, Settings

_DISCARD_LIMIT = 64 * MEBIBYTE
"""So much of a refused body is read and thrown away: a client that writes before it reads would
otherwise see a broken pipe instead of the 413."""


class BodyLimit:
    """Answers 413 when a body is over the limit, by its declared length or while it arrives."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._limit = settings.utilities.max_bytes
        megabytes = settings.utilities.max_file_size_mb
        self._texts: Mapping[str, str] = {
            "utilities": f"Failed to upload file. The file is over {self._limit} bytes",
            "compute": f"Failed to upload batch script. The file is over {megabytes} MB",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limit:
            if headers.get("expect", "").lower() != "100-continue":
                await _discard(receive)
            await send_answer(send, answer_of(self._too_large(scope)))
            return
        await self._app(scope, self._counted(scope, receive), send)

    def _too_large(self, scope: Scope) -> BodyTooLarge:
        service = scope["path"].split("/", 2)[1]
        default = f"The request body is over {self._limit} bytes"
        return BodyTooLarge(self._texts.get(service, default))

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                if message.get("more_body"):
                    await _discard(receive)
                raise self._too_large(scope)
            return message

        return counting


async def _discard(receive: Receive) -> None:
    discarded = 0
    while discarded <= _DISCARD_LIMIT:
        message = await receive()
        discarded += len(message.get("body", b""))
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return
