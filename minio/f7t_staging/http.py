"""Requests and responses: the small layer between ASGI and the S3 operations."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    MutableMapping,
)
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from f7t_staging.errors import ClientDisconnected, S3Error

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class RequestBody:
    """The request's body as a stream, which remembers how far it has been read."""

    def __init__(self, receive: Receive, *, present: bool, expects_continue: bool) -> None:
        self._receive = receive
        self._present = present
        self._expects_continue = expects_continue
        self._started = False
        self.complete = not present

    @property
    def is_being_sent(self) -> bool:
        """True if the client is sending, or about to send, what has not been read yet.

        False for one that waits for `100 Continue`, which the server sends at the first read.
        """
        return not self.complete and (self._started or not self._expects_continue)

    async def stream(self) -> AsyncIterator[bytes]:
        """Pieces as they arrive; raises ClientDisconnected if the client leaves too early."""
        while not self.complete:
            self._started = True
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            self.complete = not message.get("more_body", False)
            piece: bytes = message.get("body", b"")
            if piece:
                yield piece

    async def wait_for_disconnect(self) -> None:
        """Return when the client has gone; only for requests whose body is complete."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case, path and query decoded."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    bucket: str
    key: str
    request_id: str
    body: RequestBody

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def parameter(self, name: str) -> str | None:
        """The first value of a query parameter, None if it is absent."""
        return next((value for key, value in self.query if key == name), None)

    @property
    def content_length(self) -> int | None:
        """Bytes announced by Content-Length; the HTTP parser has already validated it."""
        value = self.headers.get("content-length")
        return None if value is None else int(value)

    @property
    def base_url(self) -> str:
        """The address the client called, e.g. `http://127.0.0.1:9000`."""
        return f"http://{self.headers.get('host', '')}"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; a streamed body must bring its Content-Length in `headers`.

    `release` is called once the answer has been sent, or sending has failed.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | AsyncGenerator[bytes] = b""
    release: Callable[[], None] | None = None


def xml_response(body: bytes, status: int = 200) -> Response:
    return Response(status, {"Content-Type": "application/xml"}, body)


def build_request(scope: Scope, receive: Receive, request_id: str) -> Request:
    """The request in `scope`; raises S3Error InvalidURI if path or query is not UTF-8."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        # Header values are bytes to S3: the signature covers them as they came.
        name, value = raw_name.decode("ascii"), raw_value.decode("utf-8", "surrogateescape")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    body = RequestBody(
        receive,
        present="transfer-encoding" in headers or headers.get("content-length", "0") != "0",
        expects_continue=headers.get("expect", "").lower() == "100-continue",
    )
    path, query = _decode_target(scope["raw_path"], scope["query_string"])
    bucket, _, key = path.removeprefix("/").partition("/")
    return Request(scope["method"], path, query, headers, bucket, key, request_id, body)


def _decode_target(raw_path: bytes, raw_query: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    try:
        path = unquote(raw_path.decode("ascii"), errors="strict")
        pairs = parse_qsl(
            raw_query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100
        )
    except ValueError as error:
        raise S3Error("InvalidURI") from error
    if not path.startswith("/"):
        raise S3Error("InvalidURI")
    return path, tuple(pairs)


def http_date(timestamp: float) -> str:
    """RFC 9110 date of seconds since the epoch."""
    return formatdate(timestamp, usegmt=True)


def parse_http_date(value: str) -> float | None:
    """Seconds since the epoch; None for what is no date (RFC 9110: such a condition is void)."""
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None
