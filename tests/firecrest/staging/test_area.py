"""Forms, links and clean-up against the object store with real curl: T33–T47, D12, D15."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shlex
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from minio import Minio

from f7t.errors import StagingUnavailable
from f7t.staging.area import StagingArea
from f7t.staging.form import UploadForm

if TYPE_CHECKING:
    from tests.firecrest.staging.conftest import MakeArea

TTL = 604800
SECRET_KEY = "a secret that no message may hold"


async def _run(argv: list[str], folder: Path) -> subprocess.CompletedProcess[bytes]:
    return await asyncio.to_thread(
        subprocess.run, argv, cwd=folder, capture_output=True, check=False
    )


async def _post(form: UploadForm, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return await _run(["sh", "-c", form.command], folder)


async def _form(
    area: StagingArea, user: str, task_id: str, source_path: str = "input_file"
) -> UploadForm:
    name = source_path.rsplit("/", 1)[-1]
    return await area.upload_form(user, task_id, name, source_path, TTL)


async def test_the_form_is_the_tutorials(
    area: StagingArea, store_url: str, user: str, task_id: str
) -> None:
    """T36, T37, storage.md §3.3."""
    message = (await _form(area, user, task_id)).as_message()
    today = datetime.now(UTC).strftime("%Y%m%d")
    fields = message["parameters"]["data"]
    assert list(fields) == [
        *("key", "x-amz-algorithm", "x-amz-credential", "x-amz-date"),
        *("policy", "x-amz-signature"),
    ]
    assert fields.items() <= message.items()
    assert message["method"] == "POST"
    assert message["url"] == f"{store_url}/{user}"
    assert message["key"] == f"{task_id}/input_file"
    assert message["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert message["x-amz-credential"] == f"storage_access_key/{today}/us-east-1/s3/aws4_request"
    assert message["parameters"] == {
        "method": "POST",
        "url": f"{store_url}/{user}",
        "data": fields,
        "files": "input_file",
        "json": {},
        "params": {},
        "headers": {},
    }
    assert not {"cert", "action", "download_url"} & message.keys()
    policy = json.loads(base64.b64decode(message["policy"]))
    expiration = datetime.strptime(policy["expiration"], "%Y-%m-%dT%H:%M:%S.000Z")
    left = expiration.replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(days=7, minutes=-1) < left <= timedelta(days=7)
    assert policy["conditions"] == [
        {"bucket": user},
        {"key": f"{task_id}/input_file"},
        {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
        {"x-amz-credential": message["x-amz-credential"]},
        {"x-amz-date": message["x-amz-date"]},
        ["content-length-range", 0, 5 * 1024**3],
    ]


async def test_the_command_looks_as_in_the_tutorial(
    area: StagingArea, store_url: str, user: str, task_id: str
) -> None:
    form = await _form(area, user, task_id, "/path/to/input_file")
    start = f"curl -i --show-error -s -f -X POST {store_url}/{user} -F 'key={task_id}/input_file' "
    assert form.command.startswith(f"{start}-F 'x-amz-algorithm=AWS4-HMAC-SHA256' ")
    assert form.command.endswith(" -F file=@/path/to/input_file")


@pytest.mark.parametrize("through", ["sh", "shlex"])
async def test_the_command_uploads_as_printed(
    area: StagingArea, store_url: str, user: str, task_id: str, folder: Path, through: str
) -> None:
    """T39."""
    (folder / "input_file").write_bytes(b"x" * 6_000_000)
    form = await _form(area, user, task_id)
    argv = ["sh", "-c", form.command] if through == "sh" else shlex.split(form.command)
    done = await _run(argv, folder)
    assert done.returncode == 0, done.stderr
    head = done.stdout.decode()
    assert head.startswith("HTTP/1.1 100 Continue")
    assert "HTTP/1.1 204 No Content" in head
    assert f"Location: {store_url}/{user}/{task_id}/input_file" in head
    assert "etag: " in head.lower()
    assert await area.size_of(user, task_id, "input_file") == 6_000_000


ODD_NAMES = [
    "a b",
    " leading and trailing ",
    "it's",
    '"quoted"',
    "back\\slash",
    "two\\\\, one at the end\\",
    '\\"',
    "semi;type=x",
    "com,ma",
    "@at",
    "<less",
    "-",
    "-F",
    "$(touch pwned)`touch pwned`$HOME",
    "ünïcödé 文件",
    "[1-3]{a,b}*?",
    "new\nline",
    "tab\t",
    "~",
    "a:~",
    "a=b&c+d%20e#f?g",
    "..hidden..",
]


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_odd_file_names_go_both_ways(
    area: StagingArea, user: str, task_id: str, folder: Path, name: str
) -> None:
    content = name.encode() + b"\0content"
    (folder / name).write_bytes(content)
    for path in (name, f"{folder}/{name}"):
        form = await _form(area, user, task_id, path)
        for argv in (["bash", "-c", form.command], shlex.split(form.command)):
            done = await _run(argv, folder)
            assert done.returncode == 0, done.stderr
            assert await area.size_of(user, task_id, name) == len(content)
            assert await area.delete_task_objects(user, task_id) == 1
    await _run(shlex.split(form.command), folder)
    link = area.download_url(user, task_id, name, TTL)
    assert link.isascii()
    assert (await _run(["curl", "-sfg", link], folder)).stdout == content
    assert os.listdir(folder) == [name]  # noqa: PTH208


@pytest.mark.parametrize("user", ["ab", "User1", "a_b", "ünal", "x" * 80])
async def test_users_whose_name_is_no_bucket_transfer_all_the_same(
    area: StagingArea, user: str, task_id: str, folder: Path
) -> None:
    (folder / "f").write_bytes(b"content")
    assert (await _post(await _form(area, user, task_id, "f"), folder)).returncode == 0
    link = area.download_url(user, task_id, "f", TTL)
    assert (await _run(["curl", "-sf", link], folder)).stdout == b"content"


@pytest.mark.parametrize("field", ["key", "policy", "x-amz-signature", "x-amz-date"])
async def test_an_altered_form_is_refused(
    area: StagingArea, user: str, task_id: str, folder: Path, field: str
) -> None:
    """T40; -f makes it an exit status for pyfirecrest."""
    (folder / "input_file").write_bytes(b"content")
    form = await _form(area, user, task_id)
    value = form.fields[field]
    done = await _run(
        ["sh", "-c", form.command.replace(value, value[:-2] + ("00", "11")[value[-2:] == "00"])],
        folder,
    )
    assert done.returncode == 22
    assert b" 403 " in done.stdout
    assert await area.size_of(user, task_id, "input_file") is None


async def test_a_file_over_the_limit_is_refused(
    make_area: MakeArea, user: str, task_id: str, folder: Path
) -> None:
    small = make_area(max_bytes=10)
    (folder / "f").write_bytes(b"x" * 11)
    assert (await _post(await _form(small, user, task_id, "f"), folder)).returncode == 22
    assert await small.size_of(user, task_id, "f") is None
    (folder / "f").write_bytes(b"x" * 10)
    assert (await _post(await _form(small, user, task_id, "f"), folder)).returncode == 0


async def test_an_empty_file_is_a_file(
    area: StagingArea, user: str, task_id: str, folder: Path
) -> None:
    (folder / "f").touch()
    assert (await _post(await _form(area, user, task_id, "f"), folder)).returncode == 0
    assert await area.size_of(user, task_id, "f") == 0


async def test_a_link_works_until_the_task_is_invalidated(
    area: StagingArea, store_url: str, user: str, task_id: str, folder: Path
) -> None:
    """T46, T47, storage.md §5."""
    other_id = "f" * 32
    (folder / "res.txt").write_bytes(b"content")
    for task in (task_id, other_id):
        assert (await _post(await _form(area, user, task, "res.txt"), folder)).returncode == 0
    link = area.download_url(user, task_id, "res.txt", TTL)
    other_link = area.download_url(user, other_id, "res.txt", TTL)
    parts = urlsplit(link)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{store_url}/{user}/{task_id}/res.txt"
    query = parse_qs(parts.query)
    assert (query["X-Amz-Expires"], query["X-Amz-SignedHeaders"]) == (["604800"], ["host"])
    async with httpx.AsyncClient() as client:
        for _ in range(2):
            answer = await client.get(link)
            assert (answer.status_code, answer.content) == (200, b"content")
        assert await area.delete_task_objects(user, task_id) == 1
        assert (await client.get(link)).status_code == 404
        assert (await client.get(other_link)).status_code == 200
    assert await area.delete_task_objects(user, task_id) == 0
    assert await area.delete_task_objects("nobody-yet", task_id) == 0


async def test_a_deleted_bucket_is_made_again_with_its_expiry_rule(
    area: StagingArea, store_url: str, user: str, task_id: str, folder: Path
) -> None:
    """An operator may empty the store at any time."""
    client = Minio(urlsplit(store_url).netloc, "storage_access_key", SECRET_KEY, secure=False)
    (folder / "f").write_bytes(b"content")
    for _ in range(2):
        form = await _form(area, user, task_id, "f")
        rule: Any = await asyncio.to_thread(client.get_bucket_lifecycle, user)
        assert rule.rules[0].expiration.days == 7
        assert (await _post(form, folder)).returncode == 0
        await area.delete_task_objects(user, task_id)
        await asyncio.to_thread(client.remove_bucket, user)
    assert await area.size_of(user, task_id, "f") is None


async def test_first_requests_of_a_user_at_the_same_time_all_get_a_form(
    make_area: MakeArea, user: str, folder: Path
) -> None:
    areas = [make_area(), make_area()]
    (folder / "f").write_bytes(b"content")
    forms = await asyncio.gather(*(_form(areas[n % 2], user, f"{n:032x}", "f") for n in range(12)))
    for form in forms:
        assert (await _post(form, folder)).returncode == 0


async def test_everything_is_signed_for_the_public_address(
    make_area: MakeArea, store_url: str, user: str, task_id: str
) -> None:
    """The gateway itself goes to the private one; signing asks nobody."""
    split = make_area("http://staging.example:9000", private_url=store_url)
    form = await _form(split, user, task_id)
    assert form.url == f"http://staging.example:9000/{user}"
    for link in (
        split.download_url(user, task_id, "f", TTL),
        split.internal_get_url(user, task_id, "f", 60),
        await split.upload_url(user, task_id, "f", 60),
    ):
        assert link.startswith(f"http://staging.example:9000/{user}/{task_id}/f?")


@pytest.mark.parametrize("ttl", [0, -1, 604801])
async def test_a_lifetime_that_s3_does_not_know_is_refused(
    area: StagingArea, user: str, task_id: str, ttl: int
) -> None:
    with pytest.raises(ValueError, match="604800"):
        area.download_url(user, task_id, "f", ttl)
    with pytest.raises(ValueError, match="604800"):
        area.internal_get_url(user, task_id, "f", ttl)
    with pytest.raises(ValueError, match="604800"):
        await area.upload_form(user, task_id, "f", "f", ttl)
    with pytest.raises(ValueError, match="604800"):
        await area.upload_url(user, task_id, "f", ttl)


async def test_a_store_that_is_down_or_refuses_has_one_error_without_secrets(
    make_area: MakeArea, user: str, task_id: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    for broken in (make_area(f"http://127.0.0.1:{port}"), make_area(secret_key="x" * 20)):
        for call in (
            _form(broken, user, task_id),
            broken.upload_url(user, task_id, "f", 60),
            broken.size_of(user, task_id, "f"),
            broken.listing(user, ""),
            broken.delete_task_objects(user, task_id),
            broken.ping(),
        ):
            with pytest.raises(StagingUnavailable) as caught:
                await call
            for secret in (SECRET_KEY, "x" * 20, "Signature="):
                assert secret not in caught.value.message
            assert caught.value.message


async def test_ping_passes_where_the_store_accepts_us(area: StagingArea) -> None:
    await area.ping()


@pytest.mark.parametrize("url", ["", "localhost:9000", "ftp://x", "http://x/path"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http"):
        StagingArea(url, "a", "s", region="us-east-1")
