"""The S3 endpoint under test: the embedded store, or another one named by the environment.

F7T_TEST_S3_URL, F7T_TEST_S3_ACCESS and F7T_TEST_S3_SECRET point the contract tests at, for
example, a real MinIO; the tests of the process itself are skipped then.
"""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3  # type: ignore[import-untyped]
import botocore.config  # type: ignore[import-untyped]
import pytest
import requests
from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from minio import Minio
from minio.datatypes import PostPolicy

from tests.support.store import Launch, running_stores

REGION = "us-east-1"


@pytest.fixture
def launch() -> Iterator[Launch]:
    """A function that starts a store of its own: launch(data, sockets=1, keys=…, options=…)."""
    with running_stores() as function:
        yield function


@pytest.fixture(scope="session")
def s3_keys() -> tuple[str, str]:
    """Access key and secret."""
    if "F7T_TEST_S3_URL" in os.environ:
        return os.environ["F7T_TEST_S3_ACCESS"], os.environ["F7T_TEST_S3_SECRET"]
    return "storage_access_key", secrets.token_urlsafe(24)


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory, s3_keys: tuple[str, str]) -> Iterator[str]:
    """The address of the endpoint under test."""
    if "F7T_TEST_S3_URL" in os.environ:
        yield os.environ["F7T_TEST_S3_URL"].rstrip("/")
        return
    with running_stores() as launch:
        _, urls = launch(tmp_path_factory.mktemp("staging") / "data", keys=s3_keys)
        yield urls[0]


@pytest.fixture(scope="session")
def client_for(s3_keys: tuple[str, str]) -> Callable[..., Minio]:
    """client_for(url, access, secret): the MinIO SDK, with the right keys if none are given."""

    def build(url: str, access: str = s3_keys[0], secret: str = s3_keys[1]) -> Minio:
        return Minio(
            urlsplit(url).netloc, access_key=access, secret_key=secret, secure=False, region=REGION
        )

    return build


@pytest.fixture(scope="session")
def client(s3_url: str, client_for: Callable[..., Minio]) -> Minio:
    """The MinIO SDK as the owner of the store."""
    return client_for(s3_url)


@pytest.fixture(scope="session")
def boto(s3_url: str, s3_keys: tuple[str, str]) -> Iterator[Any]:
    """boto3 as the owner of the store."""
    found = boto3.client(
        "s3",
        endpoint_url=s3_url,
        aws_access_key_id=s3_keys[0],
        aws_secret_access_key=s3_keys[1],
        region_name=REGION,
        config=botocore.config.Config(
            # Without this boto3 presigns with the older version 2.
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
        ),
    )
    yield found
    found.close()


@pytest.fixture
def bucket(client: Minio) -> Iterator[str]:
    """A fresh bucket, removed with its content afterwards."""
    name = f"test-{secrets.token_hex(8)}"
    client.make_bucket(name)
    yield name
    if client.bucket_exists(name):
        for found in client.list_objects(name, recursive=True):
            client.remove_object(name, str(found.object_name))
        client.remove_bucket(name)


@pytest.fixture(scope="session")
def signed(s3_url: str, s3_keys: tuple[str, str]) -> Callable[..., requests.Response]:
    """signed(method, path, data=…, headers=…): a request signed by hand, answer unjudged."""

    def send(
        method: str,
        path: str,
        data: bytes = b"",
        headers: dict[str, str] | None = None,
        extra: dict[str, str] | None = None,
    ) -> requests.Response:
        prepared = AWSRequest(method, f"{s3_url}{path}", headers=headers or {}, data=data)
        S3SigV4Auth(Credentials(*s3_keys), "s3", REGION).add_auth(prepared)
        return requests.request(
            method,
            f"{s3_url}{path}",
            data=data,
            headers=dict(prepared.headers) | (extra or {}),
            timeout=30,
        )

    return send


@pytest.fixture(scope="session")
def form_for(client: Minio) -> Callable[..., dict[str, str]]:
    """form_for(bucket, key, …): the fields of a presigned form, in the order they are posted."""

    def build(
        bucket: str,
        key: str,
        *,
        lasts: timedelta = timedelta(hours=1),
        sizes: tuple[int, int] | None = None,
        starts_with: str | None = None,
        fields: dict[str, str] | None = None,
    ) -> dict[str, str]:
        policy = PostPolicy(bucket, datetime.now(UTC) + lasts)
        if starts_with is None:
            policy.add_equals_condition("key", key)
        else:
            policy.add_starts_with_condition("key", starts_with)
        if sizes is not None:
            policy.add_content_length_range_condition(*sizes)
        for name, value in (fields or {}).items():
            policy.add_equals_condition(name, value)
        with warnings.catch_warnings():
            # The SDK still asks for the time in a way that newer Pythons discourage.
            warnings.filterwarnings("ignore", "datetime.datetime.utcnow", DeprecationWarning)
            signed_fields: dict[str, str] = client.presigned_post_policy(policy)
        return {"key": key, **(fields or {}), **signed_fields}

    return build


@pytest.fixture(scope="session")
def post(s3_url: str) -> Callable[..., requests.Response]:
    """post(bucket, fields, content, file_name=…): sends a form, answer unjudged."""

    def send(
        bucket: str,
        fields: dict[str, str],
        content: bytes,
        file_name: str = "upload.bin",
        path: str | None = None,
    ) -> requests.Response:
        return requests.post(
            f"{s3_url}{path or f'/{bucket}'}",
            data=fields,
            files={"file": (file_name, content)},
            timeout=30,
            allow_redirects=False,
        )

    return send


@pytest.fixture(scope="session")
def curl_form() -> Callable[[str, dict[str, str], Path], list[str]]:
    """The curl command that posts a file with a form, as the gateway prints it."""

    def build(url: str, fields: dict[str, str], file: Path) -> list[str]:
        command = ["curl", "-i", "-f", "-s", "--show-error", "-X", "POST", url]
        for name, value in fields.items():
            command += ["--form-string", f"{name}={value}"]
        return [*command, "-F", f'file=@"{file}"']

    return build


@pytest.fixture
def error_code() -> Callable[[requests.Response], str]:
    """The code in an error answer."""

    def read(answer: requests.Response) -> str:
        assert answer.headers["Content-Type"] == "application/xml"
        head, _, rest = answer.text.partition("<Code>")
        assert head.endswith("<Error>")
        return rest.partition("</Code>")[0]

    return read


@pytest.fixture(scope="session")
def embedded_only() -> None:
    """For tests of what only the embedded store promises."""
    if "F7T_TEST_S3_URL" in os.environ:
        pytest.skip("another endpoint is under test")
