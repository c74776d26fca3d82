"""The pure parts of the store, against published vectors, tables and generated input."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f7t_staging import lifecycle
from f7t_staging.awschunked import SIGNED, ChunkedDecoder
from f7t_staging.digests import Expectation
from f7t_staging.errors import S3Error
from f7t_staging.formdata import FormReader, boundary_of, header_parameters
from f7t_staging.http import Request, RequestBody, build_request
from f7t_staging.listing import successor
from f7t_staging.objects import parse_range
from f7t_staging.postpolicy import check_policy, parse_policy
from f7t_staging.sigv4 import Credentials, authenticate

# The example keys, requests and signatures of the public description of Signature Version 4.
EXAMPLE = Credentials(
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"
)
EXAMPLE_DAY = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = hashlib.sha256(b"").hexdigest()


def request(method: str, target: str, headers: dict[str, str]) -> Request:
    path, _, query = target.partition("?")

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = {
        "method": method,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    return build_request(scope, receive, "id")


async def pieces_of(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def authorization(headers: str, signature: str) -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={EXAMPLE.access_key}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={headers},Signature={signature}"
    )


def test_published_header_signature() -> None:
    example = request(
        "GET",
        "/test.txt",
        {
            "Host": "examplebucket.s3.amazonaws.com",
            "Range": "bytes=0-9",
            "x-amz-content-sha256": EMPTY,
            "x-amz-date": "20130524T000000Z",
            "Authorization": authorization(
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
            ),
        },
    )
    assert authenticate(example, EXAMPLE, EXAMPLE_DAY).payload == EMPTY


def test_published_query_signature() -> None:
    example = request(
        "GET",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE"
        "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z"
        "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        {"Host": "examplebucket.s3.amazonaws.com"},
    )
    authenticate(example, EXAMPLE, EXAMPLE_DAY + timedelta(hours=24))
    with pytest.raises(S3Error, match="expired"):
        authenticate(example, EXAMPLE, EXAMPLE_DAY + timedelta(hours=24, seconds=1))


async def test_published_chunk_signatures() -> None:
    example = request(
        "PUT",
        "/examplebucket/chunkObject.txt",
        {
            "Host": "s3.amazonaws.com",
            "x-amz-date": "20130524T000000Z",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": SIGNED,
            "Content-Encoding": "aws-chunked",
            "x-amz-decoded-content-length": "66560",
            "Content-Length": "66824",
            "Authorization": authorization(
                "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                "x-amz-decoded-content-length;x-amz-storage-class",
                "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            ),
        },
    )
    proof = authenticate(example, EXAMPLE, EXAMPLE_DAY)
    body = b"".join(
        (
            b"10000;chunk-signature=",
            b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
            b"a" * 65536,
            b"\r\n400;chunk-signature=",
            b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
            b"a" * 1024,
            b"\r\n0;chunk-signature=",
            b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
        )
    )
    decoder = ChunkedDecoder(pieces_of(body, 1000), SIGNED, proof, Expectation())
    assert b"".join([piece async for piece in decoder.decoded()]) == b"a" * 66560
    decoder = ChunkedDecoder(
        pieces_of(body.replace(b"aa\r\n", b"ab\r\n"), 1000), SIGNED, proof, Expectation()
    )
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        async for _ in decoder.decoded():
            pass


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-0", (0, 1)),
        ("bytes=5-", (5, 95)),
        ("bytes=-5", (95, 5)),
        ("bytes=-500", (0, 100)),
        ("bytes=90-200", (90, 10)),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
    ],
)
def test_parse_range(header: str | None, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=-0", 9), ("bytes=0-", 0)]
)
def test_unsatisfiable_range(header: str, size: int) -> None:
    with pytest.raises(S3Error, match="InvalidRange"):
        parse_range(header, size)


@settings(deadline=None)
@given(st.text(min_size=1), st.text())
def test_successor_is_behind_all_with_the_prefix(prefix: str, rest: str) -> None:
    following = successor(prefix)
    assert following is None or following > prefix + rest
    assert following is not None or set(prefix) == {"\U0010ffff"}


FORM = (
    b'--XX\r\nContent-Disposition: form-data; name="Key"\r\n\r\nthe key\r\n'
    b"--XX\r\nContent-Type: text/plain\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n"
    b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a \\"b\\".txt"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)


@settings(deadline=None)
@given(st.binary(max_size=40).filter(lambda c: b"--XX" not in c), st.integers(1, 60))
def test_form_in_any_pieces(content: bytes, size: int) -> None:
    tricky = content + b"\r\n--X\r\n-" + content

    async def read() -> tuple[dict[str, str], str, bytes]:
        body = FORM + tricky + b"\r\n--XX\r\nignored\r\n--XX--\r\n"
        reader = FormReader(pieces_of(body, size), b"XX")
        form = await reader.fields()
        return form.values, form.file_name, b"".join([p async for p in reader.file()])

    expected = ({"key": "the key", "empty": ""}, 'a "b".txt', tricky)
    assert asyncio.run(read()) == expected


async def test_form_that_ends_inside_the_file() -> None:
    reader = FormReader(pieces_of(FORM + b"content", 10), b"XX")
    await reader.fields()
    with pytest.raises(S3Error, match="IncompleteBody"):
        async for _ in reader.file():
            pass


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--XX--\r\n",
        b"--XX\r\n\r\nno header\r\n--XX--\r\n",
        FORM.replace(b"empty", b"key"),
        FORM.replace(b"the key", b"\xff"),
        b'--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 1_100_000,
        b"".join(
            b"--XX\r\nContent-Disposition: form-data; name=n%d\r\n\r\n\r\n" % n for n in range(1001)
        ),
    ],
)
async def test_forms_that_are_none(body: bytes) -> None:
    with pytest.raises(S3Error, match="MalformedPOSTRequest"):
        await FormReader(pieces_of(body, 5000), b"XX").fields()


def test_header_parameters() -> None:
    assert boundary_of('multipart/form-data; charset=x; boundary="a b"') == b"a b"
    assert header_parameters(r'; filename="C:\new\"x\\y"') == {"filename": r'C:\new"x\y'}
    with pytest.raises(S3Error):
        boundary_of("text/plain; boundary=x")


NOW = datetime(2026, 1, 1, tzinfo=UTC)


def policy_text(*conditions: object, expiration: object = "2026-01-02T00:00:00.000Z") -> bytes:
    return json.dumps({"expiration": expiration, "conditions": conditions}).encode()


def test_policy_conditions() -> None:
    policy = parse_policy(
        policy_text(
            {"bucket": "b"},
            ["EQ", "$Key", "k"],
            ["Starts-With", "$Content-Type", "text/"],
            ["content-length-range", "5", 10],
        )
    )
    assert (policy.smallest, policy.largest) == (5, 10)
    fields = {"bucket": "b", "key": "k", "content-type": "text/x", "policy": "p"}
    check_policy(policy, fields, NOW)
    for change in ({"key": "x"}, {"content-type": "image/"}, {"bucket": "c"}, {"other": ""}):
        with pytest.raises(S3Error, match="AccessDenied"):
            check_policy(policy, fields | change, NOW)
    with pytest.raises(S3Error, match="expired"):
        check_policy(policy, fields, NOW + timedelta(days=1))
    with pytest.raises(S3Error, match="AccessDenied"):
        check_policy(parse_policy(policy_text({"key": "k"})), {"bucket": "b", "key": "k"}, NOW)
    vague = parse_policy(policy_text({"key": "k"}, ["starts-with", "$bucket", ""]))
    with pytest.raises(S3Error, match="Policy Condition failed"):
        check_policy(vague, {"bucket": "b", "key": "k"}, NOW)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b"\xff",
        policy_text(expiration=None),
        policy_text(expiration="tomorrow"),
        policy_text(["eq", "key", "no dollar"]),
        policy_text(["like", "$key", "x"]),
        policy_text(["content-length-range", -1, 5]),
        policy_text(["content-length-range", True, 5]),
        policy_text(["eq", "$key"]),
        policy_text({"key": 5}),
        policy_text("string"),
        b'{"expiration": "2026-01-02T00:00:00Z", "conditions": [], "more": 1}',
        b'{"expiration": "2020-01-02T00:00:00Z", "conditions": [], "conditions": []}',
    ],
)
def test_malformed_policies(text: bytes) -> None:
    with pytest.raises(S3Error, match="PostPolicyInvalidKeyName"):
        parse_policy(text)


def test_expiry_is_rounded_up_to_midnight() -> None:
    start = datetime(2026, 3, 1, 15, 30, tzinfo=UTC).timestamp()
    assert lifecycle.expiry(start, 1) == datetime(2026, 3, 3, tzinfo=UTC)


def rules(inner: str) -> bytes:
    return f"<LifecycleConfiguration><Rule>{inner}</Rule></LifecycleConfiguration>".encode()


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("<Status>Enabled</Status><Transition><Days>1</Days></Transition>", "NotImplemented"),
        (
            "<Status>Enabled</Status><Filter><Tag><Key>k</Key></Tag></Filter>"
            "<Expiration><Days>1</Days></Expiration>",
            "NotImplemented",
        ),
        ("<Status>Enabled</Status><Expiration><Days>x</Days></Expiration>", "MalformedXML"),
        (
            "<Status>Enabled</Status><Expiration><Date>2020-01-01T01:00:00Z</Date></Expiration>",
            "InvalidArgument",
        ),
    ],
)
def test_lifecycle_rules_that_are_refused(inner: str, code: str) -> None:
    with pytest.raises(S3Error, match=code):
        lifecycle.parse_rules(rules(inner))


async def test_body_knows_who_waits_for_continue() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": True}

    waiting = RequestBody(receive, present=True, expects_continue=True)
    assert not waiting.is_being_sent
    assert await anext(waiting.stream()) == b"x"
    assert waiting.is_being_sent
