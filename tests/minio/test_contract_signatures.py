"""Contract of the staging store: who may do what (identity-and-storage facts, probe)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import re
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from minio import Minio
from minio.error import S3Error

Signed = Callable[..., requests.Response]
Code = Callable[[requests.Response], str]


@pytest.fixture
def stored(client: Minio, bucket: str) -> str:
    """The address path of an object with the content `content`."""
    client.put_object(bucket, "key", io.BytesIO(b"content"), 7)
    client.put_object(bucket, "other", io.BytesIO(b"secret of another"), 17)
    return f"/{bucket}/key"


def test_presigned_get_works_twice(client: Minio, bucket: str, stored: str) -> None:
    url = client.presigned_get_object(bucket, "key")
    assert "X-Amz-Expires=604800" in url
    assert [requests.get(url, timeout=30).content for _ in range(2)] == [b"content"] * 2


def test_presigned_url_cannot_be_bent(
    client: Minio, bucket: str, stored: str, error_code: Code
) -> None:
    url = client.presigned_get_object(bucket, "key")
    flipped = url[:-4] + "".join("0" if digit != "0" else "1" for digit in url[-4:])
    attempts = [
        requests.get(flipped, timeout=30),
        requests.get(url.replace("/key?", "/other?"), timeout=30),
        requests.get(url.replace("Expires=604800", "Expires=604799"), timeout=30),
        requests.put(url, data=b"x", timeout=30),
        requests.get(url.replace("127.0.0.1", "localhost"), timeout=30),
    ]
    assert [(a.status_code, error_code(a)) for a in attempts] == [
        (403, "SignatureDoesNotMatch")
    ] * 5


@pytest.mark.parametrize(
    ("age", "lasts", "verdict"),
    [
        (timedelta(seconds=10), timedelta(seconds=5), "Request has expired"),
        (timedelta(days=8), timedelta(days=7), "Request has expired"),
        (timedelta(minutes=-20), timedelta(hours=1), "Request is not valid yet"),
        (timedelta(days=6), timedelta(days=7), None),
        (timedelta(minutes=-10), timedelta(hours=1), None),
    ],
)
def test_presigned_url_has_its_time(
    age: timedelta,
    lasts: timedelta,
    verdict: str | None,
    client: Minio,
    bucket: str,
    stored: str,
    error_code: Code,
) -> None:
    url = client.presigned_get_object(
        bucket, "key", expires=lasts, request_date=datetime.now(UTC) - age
    )
    answer = requests.get(url, timeout=30)
    if verdict is None:
        assert answer.content == b"content"
    else:
        assert (answer.status_code, error_code(answer)) == (403, "AccessDenied")
        assert verdict in answer.text


@pytest.mark.parametrize("change", ["X-Amz-Expires=604801", "X-Amz-Expires=x", ""])
def test_presigned_url_with_bad_parameters(
    change: str, client: Minio, bucket: str, stored: str, error_code: Code
) -> None:
    url = client.presigned_get_object(bucket, "key").replace("X-Amz-Expires=604800", change)
    answer = requests.get(url, timeout=30)
    assert (answer.status_code, error_code(answer)) == (400, "AuthorizationQueryParametersError")


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ("Algorithm=AWS4-HMAC-SHA512", (400, "AuthorizationQueryParametersError")),
        ("Date=20200101T000000Z", (403, "AccessDenied")),
        ("Expires=0", (403, "AccessDenied")),
        ("Expires=-1", (400, "AuthorizationQueryParametersError")),
        ("SignedHeaders=", (400, "MissingFields")),
        ("Signature=", (400, "MissingFields")),
        ("Signature=0", (403, "SignatureDoesNotMatch")),
        ("Credential=odd", (400, "AuthorizationQueryParametersError")),
    ],
)
def test_altered_query_fields(
    change: str,
    verdict: tuple[int, str],
    client: Minio,
    bucket: str,
    stored: str,
    error_code: Code,
) -> None:
    name = change.partition("=")[0]
    url = client.presigned_get_object(bucket, "key")
    answer = requests.get(re.sub(f"X-Amz-{name}=[^&]*", f"X-Amz-{change}", url), timeout=30)
    assert (answer.status_code, error_code(answer)) == verdict


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/key"), ("GET", ""), ("PUT", "/key"), ("DELETE", "/key")]
)
def test_anonymous_is_refused(
    method: str, path: str, s3_url: str, bucket: str, stored: str, error_code: Code
) -> None:
    answer = requests.request(method, f"{s3_url}/{bucket}{path}", timeout=30)
    assert (answer.status_code, error_code(answer)) == (403, "AccessDenied")


def test_anonymous_form_is_refused(
    bucket: str, post: Callable[..., requests.Response], error_code: Code
) -> None:
    answer = post(bucket, {"key": "key"}, b"x")
    assert (answer.status_code, error_code(answer)) == (400, "AuthorizationQueryParametersError")


def test_wrong_keys_are_refused(
    s3_url: str, s3_keys: tuple[str, str], client_for: Callable[..., Minio], bucket: str
) -> None:
    for keys, code in (
        ((s3_keys[0], "wrong-secret"), "SignatureDoesNotMatch"),
        (("another_key", s3_keys[1]), "InvalidAccessKeyId"),
    ):
        stranger = client_for(s3_url, *keys)
        with pytest.raises(S3Error) as refused:
            stranger.put_object(bucket, "key", io.BytesIO(b"x"), 1)
        assert (refused.value.code, refused.value.response.status) == (code, 403)


@pytest.mark.parametrize(
    "authorization", ["Bearer abc", "Basic eDp5", "AWS key:signature", "AWS4-HMAC-SHA256", ""]
)
def test_other_authorization_is_refused(authorization: str, s3_url: str, bucket: str) -> None:
    answer = requests.get(
        f"{s3_url}/{bucket}", headers={"Authorization": authorization}, timeout=30
    )
    assert answer.status_code in (400, 403)


def test_signature_covers_the_body(
    bucket: str, s3_url: str, s3_keys: tuple[str, str], signed: Signed, error_code: Code
) -> None:
    path = f"/{bucket}/key"
    wrong = hashlib.sha256(b"another body").hexdigest()
    headers, _, _ = sign_by_hand("PUT", s3_url, path, s3_keys, datetime.now(UTC), wrong)
    answer = requests.put(f"{s3_url}{path}", data=b"body", headers=headers, timeout=30)
    assert (answer.status_code, error_code(answer)) == (400, "XAmzContentSHA256Mismatch")
    assert signed("HEAD", path).status_code == 404


@pytest.mark.usefixtures("embedded_only")
def test_unsigned_amz_headers_are_refused(bucket: str, stored: str, client: Minio) -> None:
    """The holder of a presigned PUT must not be able to copy what he cannot read.

    With MinIO he can.
    """
    url = client.presigned_put_object(bucket, "mine")
    copied = requests.put(url, headers={"x-amz-copy-source": f"/{bucket}/other"}, timeout=30)
    assert copied.status_code in (400, 403)
    with pytest.raises(S3Error):
        client.stat_object(bucket, "mine")


def test_checksums_are_verified(bucket: str, signed: Signed, error_code: Code) -> None:
    body = b"content"
    md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
    crc = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    path = f"/{bucket}/key"
    assert signed("PUT", path, body, {"Content-MD5": md5}).status_code == 200
    assert error_code(signed("PUT", path, b"other", {"Content-MD5": md5})) == "BadDigest"
    assert error_code(signed("PUT", path, body, {"Content-MD5": "nonsense"})) == "InvalidDigest"
    assert signed("PUT", path, body, {"x-amz-checksum-crc32": crc}).status_code == 200
    answer = signed("PUT", path, b"other", {"x-amz-checksum-crc32": crc})
    assert (answer.status_code, error_code(answer)) == (400, "XAmzContentChecksumMismatch")


def test_clock_skew(
    bucket: str, stored: str, s3_url: str, s3_keys: tuple[str, str], error_code: Code
) -> None:
    for minutes, status in ((14, 200), (-14, 200), (20, 403), (-20, 403)):
        moment = datetime.now(UTC) + timedelta(minutes=minutes)
        headers = sign_by_hand("GET", s3_url, stored, s3_keys, moment, "UNSIGNED-PAYLOAD")[0]
        answer = requests.get(f"{s3_url}{stored}", headers=headers, timeout=30)
        assert answer.status_code == status
        if status == 403:
            assert error_code(answer) == "RequestTimeTooSkewed"


def test_wrong_region_is_refused(stored: str, s3_url: str, s3_keys: tuple[str, str]) -> None:
    headers, _, _ = sign_by_hand(
        "GET", s3_url, stored, s3_keys, datetime.now(UTC), "UNSIGNED-PAYLOAD", region="eu-west-9"
    )
    answer = requests.get(f"{s3_url}{stored}", headers=headers, timeout=30)
    assert answer.status_code == 400
    assert "us-east-1" in answer.text


def sign_by_hand(
    method: str,
    url: str,
    path: str,
    keys: tuple[str, str],
    moment: datetime,
    payload: str,
    region: str = "us-east-1",
    **more: str,
) -> tuple[dict[str, str], bytes, str]:
    """Headers, signing key and signature of a request: a second implementation for the tests."""
    stamp = f"{moment:%Y%m%dT%H%M%SZ}"
    headers = {
        "host": urlsplit(url).netloc,
        "x-amz-content-sha256": payload,
        "x-amz-date": stamp,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    names = sorted(headers)
    lines = [f"{name}:{headers[name]}" for name in names]
    canonical = "\n".join([method, path, "", *lines, "", ";".join(names), payload])
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    key = f"AWS4{keys[1]}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys[0]}/{scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature}"
    )
    return headers, key, signature


@pytest.mark.parametrize("fault", ["none", "data", "order", "cut"])
@pytest.mark.parametrize("trailer", [False, True])
def test_signed_chunks(
    fault: str, trailer: bool, client: Minio, bucket: str, s3_url: str, s3_keys: tuple[str, str]
) -> None:
    content = [b"a" * 70_000, b"b" * 70_000, b"c" * 1000]
    crc = base64.b64encode(zlib.crc32(b"".join(content)).to_bytes(4, "big")).decode()
    mode = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    moment = datetime.now(UTC)
    more = {"x_amz_decoded_content_length": str(sum(map(len, content)))}
    if trailer:
        more["x_amz_trailer"] = "x-amz-checksum-crc32"
    path = f"/{bucket}/chunked"
    headers, key, previous = sign_by_hand("PUT", s3_url, path, s3_keys, moment, mode, **more)
    stamp = f"{moment:%Y%m%dT%H%M%SZ}"
    context = f"{stamp}\n{stamp[:8]}/us-east-1/s3/aws4_request"
    empty = hashlib.sha256(b"").hexdigest()
    chunks = []
    for data in [*content, b""]:
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{context}\n{previous}\n{empty}\n"
        text += hashlib.sha256(data).hexdigest()
        previous = hmac.new(key, text.encode(), "sha256").hexdigest()
        chunks.append(f"{len(data):x};chunk-signature={previous}\r\n".encode() + data)
    if trailer:
        line = f"x-amz-checksum-crc32:{crc}\n"
        text = f"AWS4-HMAC-SHA256-TRAILER\n{context}\n{previous}\n"
        text += hashlib.sha256(line.encode()).hexdigest()
        final = hmac.new(key, text.encode(), "sha256").hexdigest()
        chunks[-1] += f"{line.strip()}\r\nx-amz-trailer-signature:{final}\r\n".encode()
    if fault == "data":
        chunks[1] = chunks[1][:-1] + b"x"
    if fault == "order":
        chunks[0], chunks[1] = chunks[1], chunks[0]
    if fault == "cut":
        del chunks[-2]
    body = b"\r\n".join(chunks) + b"\r\n"
    answer = requests.put(f"{s3_url}{path}", data=body, headers=headers, timeout=30)
    if fault == "none":
        assert answer.status_code == 200
        with client.get_object(bucket, "chunked") as found:
            assert found.read() == b"".join(content)
    else:
        assert answer.status_code in (400, 403)
        with pytest.raises(S3Error):
            client.stat_object(bucket, "chunked")


@pytest.mark.parametrize("right", [True, False])
def test_unsigned_chunks_with_trailing_checksum(
    right: bool, client: Minio, bucket: str, s3_url: str, s3_keys: tuple[str, str]
) -> None:
    content = b"content" * 20_000
    crc = base64.b64encode(zlib.crc32(content if right else b"").to_bytes(4, "big")).decode()
    path = f"/{bucket}/chunked"
    headers, _, _ = sign_by_hand(
        "PUT",
        s3_url,
        path,
        s3_keys,
        datetime.now(UTC),
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        x_amz_decoded_content_length=str(len(content)),
        x_amz_trailer="x-amz-checksum-crc32",
    )
    body = f"{len(content):x}\r\n".encode() + content
    body += f"\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()
    answer = requests.put(f"{s3_url}{path}", data=body, headers=headers, timeout=30)
    assert answer.status_code == (200 if right else 400)
    found = [o.object_name for o in client.list_objects(bucket)]
    assert found == (["chunked"] if right else [])


def test_signing_libraries_agree_about_odd_queries(boto: Any, bucket: str) -> None:
    """Query values with +, =, %, and blanks go through the canonical form."""
    for prefix in ("a+b c", "x=y&z", "100%", "~*'()"):
        assert boto.list_objects_v2(Bucket=bucket, Prefix=prefix)["KeyCount"] == 0
