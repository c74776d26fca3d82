"""Sending answers: as JSON, from inside the framework and from in front of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Send

from f7t.http.failures import Answer


def encoded(content: object) -> bytes:
    """`content` as JSON in UTF-8 (RFC 8259).

    File names that are no UTF-8 may have become lone surrogates, which UTF-8 cannot hold: such a
    content is escaped as a whole.
    """
    try:
        return orjson.dumps(content, default=_plain)
    except orjson.JSONEncodeError:
        text = json.dumps(content, separators=(",", ":"), allow_nan=False, default=_plain)
        return text.encode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def json_response(
    content: Any,  # noqa: ANN401
    status: int,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`content` as a framework response."""
    return Response(encoded(content), status, headers, media_type="application/json")


def response_of(answer: Answer) -> Response:
    """The answer as a framework response. Header capitalisation is restored on the way out."""
    return json_response(answer.body, answer.status, answer.headers)


async def send_answer(send: Send, answer: Answer) -> None:
    """The answer as raw ASGI messages, for middleware."""
    body = encoded(answer.body)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
