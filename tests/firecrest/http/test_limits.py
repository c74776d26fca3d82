"""No body over the limit is ever held, however it is announced (contract §3.1, §8.8)."""

from __future__ import annotations

import json

import pytest

from tests.firecrest.http.wire import Wire, exchange, head

LIMIT = 1024 * 1024
TEXTS = {
    "/utilities/echo": f"Failed to upload file. The file is over {LIMIT} bytes",
    "/compute/echo": "Failed to upload batch script. The file is over 1 MB",
    "/storage/echo": f"The request body is over {LIMIT} bytes",
}


def _chunked(*chunks: bytes) -> bytes:
    framed = (f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return b"".join(framed) + b"0\r\n\r\n"


def _assert_too_large(answer: Wire, path: str) -> None:
    assert answer.status == 413
    assert answer.header("Content-Type") == "application/json"
    assert json.loads(answer.body) == {"description": TEXTS[path]}


@pytest.mark.parametrize("path", TEXTS)
async def test_declared_length(port: int, path: str) -> None:
    body = b"x" * (LIMIT + 1)
    answer = await exchange(port, head("POST", path, Content_Length=str(len(body))) + body)
    _assert_too_large(answer, path)


@pytest.mark.parametrize("path", TEXTS)
async def test_chunked(port: int, path: str) -> None:
    body = _chunked(*[b"x" * 65536] * 17)
    answer = await exchange(port, head("POST", path, Transfer_Encoding="chunked") + body)
    _assert_too_large(answer, path)


async def test_one_chunk_over_the_limit(port: int) -> None:
    body = _chunked(b"x" * (LIMIT + 1))
    answer = await exchange(port, head("POST", "/compute/echo", Transfer_Encoding="chunked") + body)
    _assert_too_large(answer, "/compute/echo")


async def test_multipart_over_the_limit(port: int) -> None:
    part = (
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"x" * LIMIT + b"\r\n--b--\r\n"
    )
    request = head(
        "POST",
        "/utilities/echo",
        Content_Type="multipart/form-data; boundary=b",
        Transfer_Encoding="chunked",
    )
    answer = await exchange(port, request + _chunked(part))
    _assert_too_large(answer, "/utilities/echo")


async def test_expectation_of_a_too_large_body_is_refused_at_once(port: int) -> None:
    """The body is neither asked for nor sent."""
    request = head("POST", "/utilities/echo", Content_Length=str(LIMIT + 1), Expect="100-continue")
    answer = await exchange(port, request, then=b"never")
    _assert_too_large(answer, "/utilities/echo")
    assert answer.interim == ()


async def test_expectation_within_the_limit(port: int) -> None:
    request = head("POST", "/utilities/echo", Content_Length="5", Expect="100-continue")
    answer = await exchange(port, request, then=b"12345")
    assert (answer.status, answer.interim, answer.body) == (200, (100,), b"5")


async def test_chunked_expectation_over_the_limit(port: int) -> None:
    request = head("POST", "/utilities/echo", Transfer_Encoding="chunked", Expect="100-continue")
    answer = await exchange(port, request, then=_chunked(b"x" * (LIMIT + 1)))
    _assert_too_large(answer, "/utilities/echo")
    assert answer.interim == (100,)


@pytest.mark.parametrize("length", [0, 1, LIMIT])
async def test_up_to_the_limit(port: int, length: int) -> None:
    body = b"x" * length
    declared = await exchange(
        port, head("POST", "/utilities/echo", Content_Length=str(length)) + body
    )
    chunks = [body] if body else []
    chunked = await exchange(
        port, head("POST", "/utilities/echo", Transfer_Encoding="chunked") + _chunked(*chunks)
    )
    assert [one.body for one in (declared, chunked)] == [str(length).encode()] * 2


async def test_an_empty_chunked_body_is_an_empty_form(port: int) -> None:
    """What `requests` sends for `data={'x': None}` (contract §3)."""
    request = head(
        "POST",
        "/utilities/echo",
        Content_Type="application/x-www-form-urlencoded",
        Transfer_Encoding="chunked",
    )
    answer = await exchange(port, request + _chunked())
    assert (answer.status, json.loads(answer.body)) == (200, {"x": None})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n",
        b"no boundary at all",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nvalue\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="x"\r\nA\nB: C\r\n\r\nvalue\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\xff\xfe\r\n--b--\r\n',
    ],
)
async def test_malformed_multipart(port: int, body: bytes) -> None:
    request = head(
        "POST",
        "/utilities/echo",
        Content_Type="multipart/form-data; boundary=b",
        Content_Length=str(len(body)),
    )
    answer = await exchange(port, request + body)
    assert answer.status in {200, 400}
    if answer.status == 400:
        assert json.loads(answer.body)["description"] == "The request body cannot be parsed"


async def test_multipart_without_boundary(port: int) -> None:
    request = head(
        "POST", "/utilities/echo", Content_Type="multipart/form-data", Content_Length="1"
    )
    answer = await exchange(port, request + b"x")
    assert answer.status == 400
    assert json.loads(answer.body)["description"] == "The request body cannot be parsed"


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "1, 2"])
async def test_lengths_that_are_none(port: int, length: str) -> None:
    """Refused by the server itself, before anything of ours runs."""
    answer = await exchange(port, head("POST", "/utilities/echo", Content_Length=length))
    assert answer.status == 400
