"""Requests exactly as given, answers exactly as they came: no library tidies up a bad request."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from f7t_testbuild.model import SYSTEM
from tests.support.contract import Seen, keep
from tests.support.live import Live

BOUNDARY = "f7t-boundary"
_EXTRA = frozenset({"X-Request-Id"})


@dataclass(frozen=True)
class Request:
    """One request; `target` is sent as it is, so it must be percent-encoded already."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=lambda: {"X-Machine-Name": SYSTEM})
    body: bytes | tuple[bytes, ...] | None = None
    """A tuple is sent in chunks, without a declared length."""

    def with_header(self, name: str, value: str | None) -> Request:
        """This request with another header, or without it."""
        kept = {key: text for key, text in self.headers.items() if key != name}
        return replace(self, headers=kept if value is None else {**kept, name: value})

    @property
    def nameless(self) -> Request:
        """This request without a machine."""
        return self.with_header("X-Machine-Name", None)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def errors(self) -> dict[str, str]:
        """The contract's `X-` headers, names in their own case."""
        return {n: v for n, v in self.headers if n.upper().startswith("X-") and n not in _EXTRA}

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    def json(self) -> Any:
        assert self.header("Content-Type") == "application/json", (self.status, self.body)
        return json.loads(self.body)


def send(live: Live, request: Request, *, user: str | None, timeout: float = 30) -> Answer:
    """One request with the token of `user`, on a connection of its own.

    The answer keeps the contract, whatever was asked.
    """
    address = urlsplit(live.url)
    connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=timeout)
    try:
        connection.putrequest(request.method, request.target, skip_accept_encoding=True)
        if user is not None:
            connection.putheader("Authorization", f"Bearer {live.token(user)}")
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if isinstance(request.body, tuple):
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(request.body, encode_chunked=True)
        else:
            if request.body is not None:
                connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
        answer = connection.getresponse()
        seen = Seen(answer.status, tuple(answer.getheaders()), answer.read())
    finally:
        connection.close()
    keep(request.method, request.target, seen)
    return Answer(seen.status, tuple(seen.headers), seen.body)


def query(path: str, **parameters: str | bytes) -> str:
    """A target with these parameters, every special character percent-encoded."""
    pairs = (f"{quote(name)}={quote_plus(value)}" for name, value in parameters.items())
    return f"{path}?{'&'.join(pairs)}" if parameters else path


def get(path: str, **parameters: str | bytes) -> Request:
    return Request("GET", query(path, **parameters))


def form(method: str, path: str, **fields: str | bytes) -> Request:
    """A URL-encoded form."""
    body = query("", **fields).removeprefix("?").encode()
    request = Request(method, path, body=body)
    return request.with_header("Content-Type", "application/x-www-form-urlencoded")


@dataclass(frozen=True)
class Part:
    """One part of a multipart form; without `file_name` a text field."""

    name: str
    content: bytes
    file_name: str | None = None

    def encoded(self) -> bytes:
        disposition = f'form-data; name="{self.name}"'
        if self.file_name is not None:
            # As curl does: these three would end the parameter or the header.
            escaped = self.file_name.replace("\\", "\\\\").replace('"', '\\"')
            disposition += f'; filename="{escaped}"'
        return f"Content-Disposition: {disposition}\r\n\r\n".encode() + self.content + b"\r\n"


def multipart(method: str, path: str, *parts: Part) -> Request:
    lines = b"".join(f"--{BOUNDARY}\r\n".encode() + part.encoded() for part in parts)
    body = lines + f"--{BOUNDARY}--\r\n".encode()
    return raw_multipart(method, path, body)


def raw_multipart(method: str, path: str, body: bytes, *, boundary: str = BOUNDARY) -> Request:
    """A body that claims to be multipart, as it is."""
    request = Request(method, path, body=body)
    return request.with_header("Content-Type", f"multipart/form-data; boundary={boundary}")


def in_chunks(request: Request, size: int = 65536) -> Request:
    """The same body without a declared length."""
    body = request.body
    assert isinstance(body, bytes)
    return replace(request, body=tuple(_pieces(body, size)))


def _pieces(body: bytes, size: int) -> Iterable[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


class Matching:
    """Equal to every text in which the pattern is found."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.search(self._pattern, other) is not None

    def __hash__(self) -> int:
        return hash(self._pattern)

    def __repr__(self) -> str:
        return f"Matching({self._pattern!r})"
