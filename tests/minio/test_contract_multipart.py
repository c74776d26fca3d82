"""Contract of the staging store: multipart uploads and lifecycle rules (probe)."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

MIB = 1024 * 1024


def sha256_of(client: Minio, bucket: str, key: str) -> str:
    digest = hashlib.sha256()
    with client.get_object(bucket, key) as answer:
        for piece in answer.stream(MIB):
            digest.update(piece)
    return digest.hexdigest()


def test_sdk_multipart(client: Minio, bucket: str) -> None:
    content = secrets.token_bytes(MIB) * 31
    written = client.put_object(
        bucket, "big", io.BytesIO(content), len(content), part_size=5 * MIB, num_parallel_uploads=3
    )
    assert str(written.etag).endswith("-7")
    assert sha256_of(client, bucket, "big") == hashlib.sha256(content).hexdigest()
    url = client.presigned_get_object(bucket, "big")
    across = requests.get(url, headers={"Range": f"bytes={5 * MIB - 3}-{5 * MIB + 2}"}, timeout=30)
    assert across.content == content[5 * MIB - 3 : 5 * MIB + 3]


def test_boto3_upload_and_download_of_a_file(boto: Any, bucket: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(secrets.token_bytes(MIB) * 20)
    boto.upload_file(str(source), bucket, "file")
    boto.download_file(bucket, "file", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_presigned_parts(boto: Any, bucket: str, client: Minio) -> None:
    """As the second version of the upstream gateway does it: presigned parts and completion."""
    upload = boto.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    contents = [secrets.token_bytes(5 * MIB), b"the last part is small"]
    etags = []
    for number, content in enumerate(contents, 1):
        url = boto.generate_presigned_url(
            "upload_part",
            Params={"Bucket": bucket, "Key": "parts", "UploadId": upload, "PartNumber": number},
        )
        etags.append(requests.put(url, data=content, timeout=30).headers["ETag"])
    listed = boto.list_parts(Bucket=bucket, Key="parts", UploadId=upload)["Parts"]
    assert [(part["PartNumber"], part["ETag"]) for part in listed] == list(enumerate(etags, 1))
    url = boto.generate_presigned_url(
        "complete_multipart_upload",
        Params={"Bucket": bucket, "Key": "parts", "UploadId": upload},
        HttpMethod="POST",
    )
    parts = "".join(
        f"<Part><PartNumber>{n}</PartNumber><ETag>{etag}</ETag></Part>"
        for n, etag in enumerate(etags, 1)
    )
    document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"
    assert requests.post(url, data=document, timeout=30).status_code == 200
    expected = hashlib.sha256(b"".join(contents)).hexdigest()
    assert sha256_of(client, bucket, "parts") == expected


def test_replaced_and_unused_parts(boto: Any, bucket: str) -> None:
    upload = boto.create_multipart_upload(Bucket=bucket, Key="key", ContentType="text/x-parts")
    target = {"Bucket": bucket, "Key": "key", "UploadId": upload["UploadId"]}
    boto.upload_part(**target, PartNumber=2, Body=b"first try")
    etag = boto.upload_part(**target, PartNumber=2, Body=b"second try")["ETag"]
    boto.upload_part(**target, PartNumber=5, Body=b"unused")
    boto.complete_multipart_upload(
        **target, MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": etag}]}
    )
    found = boto.get_object(Bucket=bucket, Key="key")
    assert (found["Body"].read(), found["ContentType"]) == (b"second try", "text/x-parts")
    assert boto.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([(2, 2), (1, 1)], "InvalidPartOrder"),
        ([(1, 1), (3, 1)], "InvalidPart"),
        ([(1, 2)], "InvalidPart"),
        ([(1, 1), (2, 2)], "EntityTooSmall"),
    ],
)
def test_completion_is_checked(
    parts: list[tuple[int, int]], code: str, boto: Any, bucket: str
) -> None:
    upload = boto.create_multipart_upload(Bucket=bucket, Key="key")["UploadId"]
    target = {"Bucket": bucket, "Key": "key", "UploadId": upload}
    etags = {
        n: boto.upload_part(**target, PartNumber=n, Body=b"part %d" % n)["ETag"] for n in (1, 2)
    }
    wanted = [{"PartNumber": number, "ETag": etags[etag]} for number, etag in parts]
    with pytest.raises(ClientError) as refused:
        boto.complete_multipart_upload(**target, MultipartUpload={"Parts": wanted})
    assert refused.value.response["Error"]["Code"] == code
    boto.abort_multipart_upload(**target)
    with pytest.raises(ClientError) as refused:
        boto.upload_part(**target, PartNumber=1, Body=b"x")
    assert refused.value.response["Error"]["Code"] == "NoSuchUpload"


@pytest.mark.usefixtures("embedded_only")
def test_uploads_are_listed_in_pages(boto: Any, bucket: str) -> None:
    keys = ["a", "b", "b", "c/d"]
    ids = [boto.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"] for key in keys]
    pages = boto.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, MaxUploads=2)
    found = [(u["Key"], u["UploadId"]) for page in pages for u in page.get("Uploads", [])]
    assert found == sorted(zip(keys, ids, strict=True))
    for key, upload in zip(keys, ids, strict=True):
        boto.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)


def test_lifecycle_of_the_sdk(client: Minio, bucket: str) -> None:
    assert client.get_bucket_lifecycle(bucket) is None
    rule = Rule(
        status=ENABLED, rule_id="ttl", rule_filter=Filter(prefix=""), expiration=Expiration(days=7)
    )
    client.set_bucket_lifecycle(bucket, LifecycleConfig([rule]))
    found = client.get_bucket_lifecycle(bucket)
    assert found is not None
    assert [(r.rule_id, r.expiration.days if r.expiration else 0) for r in found.rules] == [
        ("ttl", 7)
    ]
    client.delete_bucket_lifecycle(bucket)
    assert client.get_bucket_lifecycle(bucket) is None


def test_lifecycle_in_the_older_form(boto: Any, bucket: str) -> None:
    rule = {"ID": "f7t", "Prefix": "", "Status": "Enabled", "Expiration": {"Days": 1}}
    boto.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    found = boto.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert [(entry["ID"], entry["Expiration"]["Days"]) for entry in found] == [("f7t", 1)]


@pytest.mark.parametrize(
    "rule",
    [
        "<Status>Maybe</Status><Expiration><Days>1</Days></Expiration>",
        "<Status>Enabled</Status>",
        "<Status>Enabled</Status><Prefix></Prefix><Expiration><Days>0</Days></Expiration>",
        "<Status>Enabled</Status><Prefix></Prefix><Expiration><Days>-1</Days></Expiration>",
        "<Status>Enabled</Status><Prefix></Prefix><Expiration><Date>soon</Date></Expiration>",
    ],
)
def test_bad_lifecycle_rules(
    rule: str, bucket: str, signed: Callable[..., requests.Response]
) -> None:
    document = f"<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>"
    assert signed("PUT", f"/{bucket}?lifecycle", document.encode()).status_code == 400
