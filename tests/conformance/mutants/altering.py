"""An ASGI layer that changes what the real gateway is asked or answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Asked:
    """A request.

    Attributes:
        query: as it stands after the question mark.
        headers: names in lower case.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    def with_query(self, **changed: str | None) -> Asked:
        """The same with these query parameters; None leaves one out."""
        return replace(self, query=_changed(self.query, changed))

    def with_form(self, change: Callable[[dict[str, str]], dict[str, str]]) -> Asked:
        """The same with another URL-encoded form; other bodies stay as they are."""
        kinds = [value for name, value in self.headers if name == b"content-type"]
        if not kinds or not kinds[0].startswith(b"application/x-www-form-urlencoded"):
            return self
        form = dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        return replace(self, body=urlencode(change(form)).encode())

    def parameter(self, name: str) -> str:
        """Value of a query parameter, empty if absent."""
        return dict(parse_qsl(self.query, keep_blank_values=True)).get(name, "")


@dataclass(frozen=True)
class Reply:
    """An answer; names of headers are as they go out."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    @property
    def json(self) -> Any:
        """The body, None if it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def header(self, name: str) -> str:
        """Value of a header, empty if absent; the name is taken as it is written."""
        found = (value for known, value in self.headers if bytes(known) == name.encode())
        return next(found, b"").decode("latin-1")

    def with_json(self, value: Any) -> Reply:
        return self.with_body(json.dumps(value).encode(), b"application/json")

    def with_body(self, body: bytes, kind: bytes | None = None) -> Reply:
        """The same with another body and, if given, media type."""
        headers = self.headers
        if kind is not None:
            headers = [*_without(headers, "Content-Type"), (b"Content-Type", kind)]
        return replace(self, headers=headers, body=body)

    def without(self, *names: str) -> Reply:
        """The same without these headers."""
        return replace(self, headers=_without(self.headers, *names))


Change = Callable[[Asked, Reply], Reply]
Question = Callable[[Asked], Asked]


@dataclass(frozen=True)
class Altered:
    """The application with another question, another answer, or the same ones."""

    app: ASGIApp
    question: Question = lambda asked: asked
    answer: Change = lambda asked, reply: reply

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = self.question(await _asked(scope, receive))
        reply = self.answer(asked, await _replied(self.app, scope, asked, receive))
        await _send(send, reply)


def answering(method: str, path: str, change: Change) -> Callable[[ASGIApp], ASGIApp]:
    """A layer that changes the answers to calls whose method and path match whole (patterns)."""

    def answer(asked: Asked, reply: Reply) -> Reply:
        return change(asked, reply) if _matches(asked, method, path) else reply

    return lambda app: Altered(app, answer=answer)


def asking(method: str, path: str, question: Question) -> Callable[[ASGIApp], ASGIApp]:
    """A layer that changes such calls before the gateway sees them."""

    def asked(given: Asked) -> Asked:
        return question(given) if _matches(given, method, path) else given

    return lambda app: Altered(app, question=asked)


def _matches(asked: Asked, method: str, path: str) -> bool:
    return bool(re.fullmatch(method, asked.method) and re.fullmatch(path, asked.path))


def _changed(query: str, changed: dict[str, str | None]) -> str:
    kept = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in changed]
    return urlencode([*kept, *((k, v) for k, v in changed.items() if v is not None)])


def _without(headers: Headers, *names: str) -> Headers:
    gone = {name.lower().encode() for name in names}
    return [(name, value) for name, value in headers if name.lower() not in gone]


async def _asked(scope: Scope, receive: Receive) -> Asked:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    query = scope["query_string"].decode("latin-1")
    return Asked(scope["method"], scope["path"], query, list(scope["headers"]), body)


async def _replied(app: ASGIApp, scope: Scope, asked: Asked, later: Receive) -> Reply:
    reply = Reply(500)
    body = bytearray()
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:  # a streamed answer is given up when its client goes, not before
            return await later()
        sent = True
        return {"type": "http.request", "body": asked.body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal reply
        if message["type"] == "http.response.start":
            reply = Reply(message["status"], list(message.get("headers", [])))
        else:
            body.extend(message.get("body", b""))

    headers = [pair for pair in asked.headers if pair[0] != b"content-length"]
    chunked = any(name == b"transfer-encoding" for name, _ in headers)
    if asked.body and not chunked:
        headers.append((b"content-length", str(len(asked.body)).encode()))
    await app({**scope, "query_string": asked.query.encode(), "headers": headers}, receive, send)
    return replace(reply, body=bytes(body))


async def _send(send: Send, reply: Reply) -> None:
    headers = reply.headers
    if reply.status != 204:
        headers = _without(headers, "Content-Length")
        headers = [*headers, (b"Content-Length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
