"""HTTP/1.1 over one kept connection with the least a client needs.

The load generator shares two cores with what it measures: a comfortable client would be most of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from f7t_testbuild.model import SYSTEM

FORM = "application/x-www-form-urlencoded"
_EDGE = "f7t-bench-edge"
MULTIPART = f"multipart/form-data; boundary={_EDGE}"
_LIMIT = 1 << 20


class BenchFailure(Exception):
    """Something that is measured did not work."""


@dataclass(frozen=True)
class Answer:
    """One answer, whole. `first_byte` is in seconds from the request to the body's first byte."""

    status: int
    body: bytes
    first_byte: float

    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


def request(
    method: str, path: str, token: str, *, body: bytes = b"", content_type: str = "", more: str = ""
) -> bytes:
    """A request as it goes over the wire; `more` are header lines, each with its end of line."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"X-Machine-Name: {SYSTEM}\r\n{more}"
    )
    if content_type:
        head += f"Content-Type: {content_type}\r\n"
    if body or method != "GET":
        head += f"Content-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


def form(path: str, token: str, **fields: str) -> bytes:
    """A POST of form fields."""
    return request("POST", path, token, body=urlencode(fields).encode(), content_type=FORM)


def upload(path: str, token: str, name: str, content: bytes, **fields: str) -> bytes:
    """A POST of form fields and a file."""
    parts = b"".join(
        f'--{_EDGE}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    )
    head = f'--{_EDGE}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = parts + head.encode() + content + f"\r\n--{_EDGE}--\r\n".encode()
    return request("POST", path, token, body=body, content_type=MULTIPART)


class Wire:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Wire:
        """Connect to this machine; raises `OSError`."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=_LIMIT))

    async def ask(self, sent: bytes) -> Answer:
        """Send and read the answer to its end.

        Raises:
            BenchFailure: the server hung up.
        """
        began = time.perf_counter()
        self._writer.write(sent)
        try:
            if len(sent) > _LIMIT:
                await self._writer.drain()
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, body = await self._body(head.lower())
        except (asyncio.IncompleteReadError, OSError) as error:
            raise BenchFailure(f"{sent.split(b' HTTP', 1)[0]!r}: hung up ({error})") from error
        return Answer(int(head[9:12]), body, first - began)

    async def want(self, sent: bytes) -> Answer:
        """Like `ask`; raises `BenchFailure` also unless the answer is a success."""
        answer = await self.ask(sent)
        if answer.status >= 300:
            what = sent.split(b" HTTP", 1)[0].decode()
            raise BenchFailure(f"{what}: {answer.status} {answer.body[:300]!r}")
        return answer

    async def _body(self, head: bytes) -> tuple[float, bytes]:
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 : head.index(b"\r", at)])
            if length > _LIMIT:
                start = await self._reader.readexactly(1)
                first = time.perf_counter()
                return first, start + await self._reader.readexactly(length - 1)
            return time.perf_counter(), await self._reader.readexactly(length)
        parts: list[bytes] = []
        first = 0.0
        while size := int((await self._reader.readline()).strip(), 16):
            first = first or time.perf_counter()
            parts.append(await self._reader.readexactly(size))
            await self._reader.readline()
        await self._reader.readline()
        return first or time.perf_counter(), b"".join(parts)

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int) -> AsyncIterator[Wire]:
        """Connect for the length of a block."""
        wire = await cls.open(port)
        try:
            yield wire
        finally:
            await wire.close()

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
