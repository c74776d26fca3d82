"""Index, blob files and lifecycle of the store, without a server around them."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from f7t_staging import lifecycle
from f7t_staging.blobs import BlobFiles
from f7t_staging.body import Upload
from f7t_staging.digests import Expectation
from f7t_staging.errors import S3Error
from f7t_staging.index import IndexReader, IndexWriter, PendingUpload, connect
from f7t_staging.listing import list_page
from f7t_staging.store import Store


async def pieces_of(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


def rules(inner: str) -> bytes:
    return f"<LifecycleConfiguration><Rule>{inner}</Rule></LifecycleConfiguration>".encode()


# Every example is a new index on the disk: few of them, and no clock.
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sets(st.text(alphabet="ab/é\U0010ffff", min_size=1, max_size=6), max_size=30),
    st.sampled_from(["", "a", "a/", "é", "b/a"]),
    st.sampled_from(["", "/", "a", "/a"]),
    st.integers(1, 4),
)
def test_pages_together_are_the_naive_listing(
    tmp_path_factory: pytest.TempPathFactory,
    keys: set[str],
    prefix: str,
    delimiter: str,
    limit: int,
) -> None:
    with closing(connect(tmp_path_factory.mktemp("index") / "index.sqlite")) as connection:
        writer, reader = IndexWriter(connection), IndexReader(connection)
        writer.create_bucket("bucket")
        for key in keys:
            writer.put_object("bucket", key, "", [], {})
        found: list[str] = []
        after, truncated = "", True
        while truncated:
            page = list_page(reader, "bucket", prefix, delimiter, after, limit)
            assert len(page.objects) + len(page.prefixes) <= limit
            found += sorted([o.key for o in page.objects] + list(page.prefixes))
            after, truncated = page.last, page.truncated
    assert found == naive_listing(keys, prefix, delimiter)


def naive_listing(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    entries = set()
    for key in keys:
        if key.startswith(prefix):
            head, separator, _ = key[len(prefix) :].partition(delimiter or "\0")
            entries.add(prefix + head + separator)
    return sorted(entries)


async def test_sweep(tmp_path: Path) -> None:
    rule = "<Status>Enabled</Status><Prefix>tmp/</Prefix><Expiration><Days>3</Days></Expiration>"
    now = datetime.now(UTC)
    store = Store(tmp_path)
    with closing(store), closing(connect(tmp_path / "index.sqlite")) as connection:
        writer = IndexWriter(connection)
        writer.create_bucket("bucket")
        writer.set_lifecycle("bucket", rules(rule))
        for key in ("tmp/a", "tmp/b", "kept"):
            writer.put_object("bucket", key, "", [], {})
        writer.create_upload(PendingUpload("id", "bucket", "k", now.timestamp(), {}))
        assert await lifecycle.sweep(store, now) == 0
        assert await lifecycle.sweep(store, now + timedelta(days=2)) == 1
        assert await lifecycle.sweep(store, now + timedelta(days=5)) == 2
        assert [found.key for found in store.index.objects("bucket", "", None)] == ["kept"]


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_blob_is_synced_before_and_after_its_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = BlobFiles(tmp_path)
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    blob = await blobs.store(Upload(pieces_of(b"content", 3), 7, Expectation()))
    assert synced == [f"tmp/{blob.name}", "blobs"]
    assert (blob.size, blob.etag) == (7, hashlib.md5(b"content").hexdigest())


@pytest.mark.parametrize(
    ("announced", "limits", "code"),
    [
        (6, None, "IncompleteBody"),
        (8, None, "IncompleteBody"),
        (7, (8, 9), "EntityTooSmall"),
        (7, (1, 6), "EntityTooLarge"),
        (1 << 60, None, "XMinioStorageFull"),
    ],
)
async def test_refused_blobs_leave_nothing(
    announced: int, limits: tuple[int, int] | None, code: str, tmp_path: Path
) -> None:
    blobs = BlobFiles(tmp_path)
    upload = Upload(pieces_of(b"content", 3), announced, Expectation(), limits)
    with pytest.raises(S3Error, match=code):
        await blobs.store(upload)
    assert files_in(tmp_path) == []


async def test_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _buffers: object) -> int:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, "writev", full)
    with pytest.raises(S3Error, match="XMinioStorageFull"):
        await BlobFiles(tmp_path).store(Upload(pieces_of(b"content", 3), 7, Expectation()))


async def test_checksum_kinds_without_implementation_are_refused(tmp_path: Path) -> None:
    expectation = Expectation(checksums={"crc32c": base64.b64encode(b"1234").decode()})
    with pytest.raises(S3Error, match="NotImplemented"):
        await BlobFiles(tmp_path).store(Upload(pieces_of(b"x", 1), 1, expectation))


async def test_failed_change_discards_the_new_blob(tmp_path: Path) -> None:
    store = Store(tmp_path)
    blob = await store.blobs.store(Upload(pieces_of(b"x", 1), 1, Expectation()))
    with pytest.raises(S3Error, match="NoSuchBucket"):
        await store.change_or_discard(
            [blob.name], IndexWriter.put_object, "absent", "key", blob.etag, [blob], {}
        )
    assert files_in(tmp_path / "blobs") == []
    store.close()


def test_index_of_another_format_is_refused(tmp_path: Path) -> None:
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "index.sqlite")) as index:
        index.execute("PRAGMA user_version = 99")
    with pytest.raises(ValueError, match="format 99"):
        Store(tmp_path)
