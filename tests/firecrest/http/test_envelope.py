"""Header capitalisation, request ids, the access log and the last resort."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from email.utils import parsedate_to_datetime

import pytest

from f7t.http.envelope import capitalised
from tests.firecrest.http.wire import exchange, head


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"x-invalid-path", b"X-Invalid-Path"),
        (b"X-MACHINE-DOES-NOT-EXISTS", b"X-Machine-Does-Not-Exists"),
        (b"x-a-directory", b"X-A-Directory"),
        (b"content-type", b"Content-Type"),
        (b"etag", b"ETag"),
        (b"www-authenticate", b"WWW-Authenticate"),
        (b"", b""),
    ],
)
def test_capitalised(given: bytes, expected: bytes) -> None:
    assert capitalised(given) == expected


async def test_names_on_the_wire_are_capitalised(port: int) -> None:
    """D01: clients look error headers up with case."""
    answer = await exchange(port, head("GET", "/status/missing"))
    names = {name for name, _ in answer.headers}
    assert {"X-Invalid-Path", "Content-Type", "Content-Length", "Server", "X-Request-Id"} <= names
    assert answer.header("X-Invalid-Path") == "path is an invalid path"


async def test_a_refusal_is_capitalised_too(port: int) -> None:
    answer = await exchange(port, head("GET", "/status/missing", token=None))
    assert answer.status == 401
    assert answer.header("Content-Type") == "application/json"
    assert answer.header("X-Request-Id")


@pytest.mark.parametrize("identifier", ["abc-1.2_Z", "0" * 128])
async def test_a_sane_request_id_comes_back(port: int, identifier: str) -> None:
    answer = await exchange(port, head("GET", "/status/missing", X_Request_Id=identifier))
    assert answer.header("X-Request-Id") == identifier


@pytest.mark.parametrize("identifier", ["", "a b", "0" * 129, "é", "x\ty", '"', "{}"])
async def test_another_request_id_is_replaced(port: int, identifier: str) -> None:
    """It stands in logs: nothing goes there that could be taken for something else."""
    answer = await exchange(port, head("GET", "/status/missing", X_Request_Id=identifier))
    given = answer.header("X-Request-Id") or ""
    assert len(given) == 32
    assert set(given) <= set("0123456789abcdef")


async def test_every_answer_says_when_it_was_given(port: int) -> None:
    """RFC 9110 §6.6.1. The text is made once a second, and never kept for longer."""
    for pause in (0, 1.1):
        await asyncio.sleep(pause)
        before = int(time.time())
        answer = await exchange(port, head("GET", "/status/missing"))
        given = answer.header("Date") or ""
        assert given.endswith(" GMT")
        assert before <= parsedate_to_datetime(given).timestamp() <= time.time()


async def test_two_requests_have_two_ids(port: int) -> None:
    answers = [await exchange(port, head("GET", "/status/missing")) for _ in range(2)]
    assert len({answer.header("X-Request-Id") for answer in answers}) == 2


async def test_what_nobody_expected(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """JSON with the request id, and no detail; the detail is in the log."""
    answer = await exchange(port, head("GET", "/status/broken", X_Request_Id="abc"))
    assert answer.status == 500
    assert answer.header("Content-Type") == "application/json"
    assert b"secret" not in answer.body
    assert "abc" in json.loads(answer.body)["description"]
    assert "a secret detail" in caplog.text


async def test_access_log(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="f7t.access"):
        await exchange(port, head("GET", "/status/missing?targetPath=private"))
    [record] = [one for one in caplog.records if one.name == "f7t.access"]
    fields = record.__dict__["fields"]
    assert (fields["method"], fields["path"]) == ("GET", "/status/missing")
    assert (fields["status"], fields["user"]) == (400, "test1")
    assert "private" not in str(record.__dict__)
