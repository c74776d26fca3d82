"""Contract of the staging store: buckets, objects, listing (identity-and-storage facts, probe)."""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

ODD_KEYS = [
    "plain",
    "with/slash/and space é.txt",
    "a+b c&d=e?f#g%25",
    "a'b\"c<d>",
    "...",
    "folder/",
    "  leading blanks",
    "tab\tin it",
    "k" * 255,
    "k/" * 500,
    "日本語/ファイル",
]


def put(client: Minio, bucket: str, key: str, content: bytes) -> str:
    written = client.put_object(bucket, key, io.BytesIO(content), len(content))
    return str(written.etag)


def get(client: Minio, bucket: str, key: str) -> bytes:
    with client.get_object(bucket, key) as answer:
        content: bytes = answer.read()
    return content


def test_create_bucket_twice_is_a_conflict(client: Minio, bucket: str) -> None:
    with pytest.raises(S3Error) as refused:
        client.make_bucket(bucket)
    assert refused.value.code == "BucketAlreadyOwnedByYou"
    assert refused.value.response.status == 409


def test_bucket_can_be_created_with_its_location(boto: Any, client: Minio) -> None:
    name = f"located-{secrets.token_hex(6)}"
    boto.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-1"})
    assert boto.get_bucket_location(Bucket=name)["LocationConstraint"] in (None, "us-east-1")
    assert name in [found.name for found in client.list_buckets()]
    client.remove_bucket(name)
    assert not client.bucket_exists(name)


def test_missing_bucket_and_key(
    client: Minio, bucket: str, signed: Callable[..., requests.Response]
) -> None:
    assert not client.bucket_exists("no-such-bucket-here")
    assert signed("HEAD", "/no-such-bucket-here").status_code == 404
    with pytest.raises(S3Error) as refused:
        client.get_object(bucket, "absent")
    assert refused.value.code == "NoSuchKey"
    with pytest.raises(S3Error) as refused:
        client.get_object("no-such-bucket-here", "absent")
    assert refused.value.code == "NoSuchBucket"
    client.remove_object(bucket, "absent")


@pytest.mark.parametrize("name", ["ab", "User1", "a_b", "a..b", "-ab", "192.168.1.1", "x" * 64])
def test_bucket_names_outside_the_rules(
    name: str, signed: Callable[..., requests.Response], error_code: Callable[..., str]
) -> None:
    answer = signed("PUT", f"/{name}")
    assert (answer.status_code, error_code(answer)) == (400, "InvalidBucketName")


def test_bucket_with_objects_is_not_deleted(client: Minio, bucket: str) -> None:
    put(client, bucket, "something", b"x")
    with pytest.raises(S3Error) as refused:
        client.remove_bucket(bucket)
    assert (refused.value.code, refused.value.response.status) == ("BucketNotEmpty", 409)


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_put_get_and_etag(client: Minio, bucket: str, size: int) -> None:
    content = secrets.token_bytes(size)
    assert put(client, bucket, "some/key é", content) == hashlib.md5(content).hexdigest()
    assert get(client, bucket, "some/key é") == content
    assert client.stat_object(bucket, "some/key é").size == size


def test_overwriting_replaces_content_and_metadata(client: Minio, bucket: str) -> None:
    client.put_object(bucket, "key", io.BytesIO(b"old"), 3, metadata={"colour": "red"})
    client.put_object(
        bucket,
        "key",
        io.BytesIO(b"newer"),
        5,
        content_type="text/plain",
        metadata={"shape": "round"},
    )
    assert get(client, bucket, "key") == b"newer"
    stat = client.stat_object(bucket, "key")
    assert stat.metadata is not None
    assert stat.metadata["x-amz-meta-shape"] == "round"
    assert "x-amz-meta-colour" not in stat.metadata
    assert stat.content_type == "text/plain"


@pytest.mark.parametrize("key", ODD_KEYS, ids=range(len(ODD_KEYS)))
def test_odd_keys_by_every_way(
    key: str,
    client: Minio,
    boto: Any,
    bucket: str,
    form_for: Callable[..., dict[str, str]],
    post: Callable[..., requests.Response],
) -> None:
    put(client, bucket, key, b"by the SDK")
    url = client.presigned_get_object(bucket, key)
    assert requests.get(url, timeout=30).content == b"by the SDK"
    assert post(bucket, form_for(bucket, key), b"by a form").status_code == 204
    assert get(client, bucket, key) == b"by a form"
    assert [found.object_name for found in client.list_objects(bucket, recursive=True)] == [key]
    assert [found["Key"] for found in boto.list_objects(Bucket=bucket)["Contents"]] == [key]
    assert boto.head_object(Bucket=bucket, Key=key)["ContentLength"] == 9


@pytest.mark.usefixtures("embedded_only")
def test_keys_are_no_paths(client: Minio, bucket: str) -> None:
    """MinIO keeps an object below another one, too, but does not list it."""
    keys = ("x", "x/y", "x/y/z")
    for key in keys:
        put(client, bucket, key, key.encode())
    assert [get(client, bucket, key) for key in keys] == [b"x", b"x/y", b"x/y/z"]
    assert [found.object_name for found in client.list_objects(bucket, recursive=True)] == [*keys]


@pytest.mark.parametrize("key", ["x//y", "k" * 256, "a/" + "é" * 128])
def test_keys_that_could_be_no_paths_are_refused(client: Minio, bucket: str, key: str) -> None:
    """MinIO keeps objects as files, so a client that makes such keys would fail there."""
    with pytest.raises(S3Error) as refused:
        put(client, bucket, key, b"x")
    assert refused.value.code == "XMinioInvalidObjectName"


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/other", "/a/./b"])
def test_dot_segments_are_refused(
    path: str, s3_url: str, bucket: str, client: Minio, s3_keys: tuple[str, str]
) -> None:
    url = client.presigned_put_object(bucket, "placeholder")
    query = url.partition("?")[2]
    session = requests.Session()
    prepared = requests.Request("PUT", s3_url, data=b"x").prepare()
    prepared.url = f"{s3_url}/{bucket}{path}?{query}"
    with session:
        assert session.send(prepared, timeout=30).status_code in (400, 403)


def test_listing_with_prefix_delimiter_and_pages(client: Minio, bucket: str) -> None:
    keys = sorted([f"a/{n:02}" for n in range(25)] + ["a/sub/x", "a/sub/y", "b", "c/d/e", "ä"])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: put(client, bucket, key, b"x"), keys))

    def listed(**options: Any) -> list[str]:
        return [str(found.object_name) for found in client.list_objects(bucket, **options)]

    assert listed(recursive=True) == keys
    assert sorted(listed()) == sorted(["a/", "b", "c/", "ä"])
    assert sorted(listed(prefix="a/")) == sorted([*(k for k in keys if k[2:].isdigit()), "a/sub/"])
    assert listed(prefix="a/sub", recursive=True) == ["a/sub/x", "a/sub/y"]
    assert listed(prefix="zz") == []


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_paged_listing_is_complete(
    operation: str, delimiter: str, boto: Any, client: Minio, bucket: str
) -> None:
    keys = [f"d{n // 3}/f{n % 3}" if n % 2 else f"k{n:02} é&" for n in range(36)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: put(client, bucket, key, b"x"), keys))
    pages = list(
        boto.get_paginator(operation).paginate(
            Bucket=bucket, Delimiter=delimiter, PaginationConfig={"PageSize": 5}
        )
    )
    found = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    groups = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
    if delimiter:
        assert found == sorted(key for key in keys if "/" not in key)
        assert groups == sorted({key[: key.index("/") + 1] for key in keys if "/" in key})
    else:
        assert (found, groups) == (sorted(keys), [])
    assert all(len(p.get("Contents", [])) + len(p.get("CommonPrefixes", [])) <= 5 for p in pages)


def test_range_requests(client: Minio, bucket: str) -> None:
    content = secrets.token_bytes(3_000_000)
    put(client, bucket, "key", content)
    url = client.presigned_get_object(bucket, "key")

    def fetch(header: str) -> requests.Response:
        return requests.get(url, headers={"Range": header}, timeout=30)

    part = fetch("bytes=1000-1999")
    assert (part.status_code, part.content) == (206, content[1000:2000])
    assert part.headers["Content-Range"] == "bytes 1000-1999/3000000"
    assert fetch("bytes=-7").content == content[-7:]
    assert fetch("bytes=2999990-").content == content[2999990:]
    assert fetch("bytes=2999990-99999999").content == content[2999990:]
    assert fetch("bytes=3000000-").status_code == 416
    assert fetch("bytes=9-5").status_code == 416
    assert fetch("bytes=nonsense").content == content


def test_conditional_reading(boto: Any, client: Minio, bucket: str) -> None:
    etag = put(client, bucket, "key", b"content")
    url = client.presigned_get_object(bucket, "key")
    same = requests.get(url, headers={"If-None-Match": f'"{etag}"'}, timeout=30)
    assert (same.status_code, same.content) == (304, b"")
    other = requests.get(url, headers={"If-Match": '"0123"'}, timeout=30)
    assert other.status_code == 412
    assert requests.get(url, headers={"If-Match": f'"{etag}"'}, timeout=30).status_code == 200


def test_response_headers_can_be_asked_for(client: Minio, bucket: str) -> None:
    put(client, bucket, "key", b"content")
    url = client.presigned_get_object(
        bucket, "key", response_headers={"response-content-type": "text/x-special"}
    )
    assert requests.get(url, timeout=30).headers["Content-Type"] == "text/x-special"


def test_copy(client: Minio, bucket: str) -> None:
    client.put_object(bucket, "from é", io.BytesIO(b"bytes"), 5, metadata={"colour": "red"})
    client.copy_object(bucket, "to", CopySource(bucket, "from é"))
    client.remove_object(bucket, "from é")
    assert get(client, bucket, "to") == b"bytes"
    stat = client.stat_object(bucket, "to")
    assert stat.metadata is not None
    assert stat.metadata["x-amz-meta-colour"] == "red"
    with pytest.raises(S3Error) as refused:
        client.copy_object(bucket, "to", CopySource(bucket, "absent"))
    assert refused.value.code == "NoSuchKey"


def test_delete_many(client: Minio, boto: Any, bucket: str) -> None:
    keys = ["one", "two é", "three<&>"]
    for key in keys:
        put(client, bucket, key, b"x")
    assert list(client.remove_objects(bucket, [DeleteObject(key) for key in keys[:2]])) == []
    answer = boto.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k} for k in keys]})
    assert sorted(entry["Key"] for entry in answer["Deleted"]) == sorted(keys)
    assert list(client.list_objects(bucket)) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "?website"),
        ("GET", "?inventory"),
        ("PUT", "?accelerate"),
        ("GET", "/key?torrent"),
    ],
)
@pytest.mark.usefixtures("embedded_only")
def test_unknown_subresources_are_not_ignored(
    method: str,
    path: str,
    bucket: str,
    signed: Callable[..., requests.Response],
    error_code: Callable[..., str],
) -> None:
    answer = signed(method, f"/{bucket}{path}")
    assert (answer.status_code, error_code(answer)) == (501, "NotImplemented")


def test_wrong_methods_and_malformed_documents(
    bucket: str, signed: Callable[..., requests.Response], error_code: Callable[..., str]
) -> None:
    def digest(body: bytes) -> dict[str, str]:
        return {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}

    for method, path in (("PUT", "lifecycle"), ("POST", "delete")):
        assert error_code(signed(method, f"/{bucket}?{path}", b"<a>")) == "MissingContentMD5"
    cut = b"<Delete>"
    assert error_code(signed("POST", f"/{bucket}?delete", cut, digest(cut))) == "MalformedXML"
    bomb = b'<!DOCTYPE d [<!ENTITY x "y">]><Delete><Object><Key>&x;</Key></Object></Delete>'
    assert signed("POST", f"/{bucket}?delete", bomb, digest(bomb)).status_code == 400
    answer = signed("PATCH", f"/{bucket}/key")
    assert (answer.status_code, error_code(answer)) == (400, "BadRequest")


def test_parallel_work_stays_correct(client: Minio, bucket: str) -> None:
    contents = {f"key{n}": secrets.token_bytes(500_000 + n) for n in range(24)}

    def round_trip(key: str) -> bool:
        put(client, bucket, key, contents[key])
        return get(client, bucket, key) == contents[key]

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(round_trip, contents))
