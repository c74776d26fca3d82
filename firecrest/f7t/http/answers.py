"""Sending answers: as JSON, from inside the framework and from in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response
from starlette.types import Send

from f7t.as_json import as_json
from f7t.http.failures import Answer


def json_response(
    content: Any,  # noqa: ANN401
    status: int,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """`content` as a framework response."""
    return Response(as_json(content), status, headers, media_type="application/json")


def response_of(answer: Answer) -> Response:
    """The answer as a framework response. Header capitalisation is restored on the way out."""
    return json_response(answer.body, answer.status, answer.headers)


async def send_answer(send: Send, answer: Answer) -> None:
    """The answer as raw ASGI messages, for middleware."""
    body = as_json(answer.body)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
