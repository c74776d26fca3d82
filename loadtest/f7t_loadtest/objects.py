"""The client's half of external transfers: streams to and from the staging area, nothing kept."""

from __future__ import annotations

import http.client
import random
import ssl
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

_BLOCK = random.Random(7).randbytes(1_000_000)
_EDGE = "f7t-load-edge"


class Refused(Exception):
    """The store's answer was no success; the message holds no signature."""


def upload(parameters: Mapping[str, Any], size: int, *, timeout: float) -> int:
    """Post a file of `size` bytes with the form that the task gave; bytes of the body.

    Args:
        parameters: `msg` of the task in status 111, in either shape (D12).
        timeout: seconds without any progress.

    Raises:
        Refused: the store did not take it.
        OSError, http.client.HTTPException: no answer.
    """
    inner = parameters.get("parameters")
    given = inner if isinstance(inner, Mapping) else parameters
    data = given.get("data")
    names = ("key", "policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date")
    fields = (
        data
        if isinstance(data, Mapping)
        else {name: given[name] for name in (*names, "x-amz-signature") if name in given}
    )
    head = "".join(_part(name, str(value)) for name, value in fields.items())
    head += f'--{_EDGE}\r\nContent-Disposition: form-data; name="file"; filename="load"\r\n\r\n'
    tail = f"\r\n--{_EDGE}--\r\n"
    length = len(head.encode()) + size + len(tail)
    headers = {
        "Content-Type": f"multipart/form-data; boundary={_EDGE}",
        "Content-Length": str(length),
    }
    method = str(given.get("method", "POST"))
    answer, connection = _request(
        method, str(given["url"]), _stream(head.encode(), size, tail.encode()), headers, timeout
    )
    try:
        _expect_success(answer)
    finally:
        connection.close()
    return length


def download(url: str, *, timeout: float) -> int:
    """Get a presigned link and throw the content away; its bytes.

    Raises:
        Refused: the store gave nothing.
        OSError, http.client.HTTPException: no answer, or it broke off.
    """
    answer, connection = _request("GET", url, None, {}, timeout)
    received = 0
    try:
        _expect_success(answer)
        while block := answer.read(len(_BLOCK)):
            received += len(block)
    finally:
        connection.close()
    return received


def _part(name: str, value: str) -> str:
    return f'--{_EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


def _stream(head: bytes, size: int, tail: bytes) -> Iterator[bytes]:
    yield head
    for start in range(0, size, len(_BLOCK)):
        yield _BLOCK[: size - start]
    yield tail


def _request(
    method: str,
    url: str,
    body: Iterator[bytes] | None,
    headers: Mapping[str, str],
    timeout: float,
) -> tuple[http.client.HTTPResponse, http.client.HTTPConnection]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.request(method, path, body, dict(headers))
        return connection.getresponse(), connection
    except BaseException:
        connection.close()
        raise


def _expect_success(answer: http.client.HTTPResponse) -> None:
    if answer.status >= 300:
        answer.read(2000)
        raise Refused(f"HTTP {answer.status}")
