"""Sending an error answer, from inside the framework and from in front of it."""

from __future__ import annotations

import json

from starlette.responses import JSONResponse
from starlette.types import Send

from f7t.http.failures import Answer


def response_of(answer: Answer) -> JSONResponse:
    """The answer as a framework response. Header capitalisation is restored on the way out."""
    return JSONResponse(dict(answer.body), status_code=answer.status, headers=dict(answer.headers))


async def send_answer(send: Send, answer: Answer) -> None:
    """The answer as raw ASGI messages, for middleware."""
    body = json.dumps(answer.body, separators=(",", ":")).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
