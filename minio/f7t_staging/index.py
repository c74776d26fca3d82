"""The index: buckets, objects, multipart uploads and their blobs in one SQLite file (WAL).

Keys are rows, never paths, so no key can leave the store or clash with another one. A blob row
belongs either to an object (`number` = position) or to an upload (`number` = part number).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from f7t_staging.blobs import Blob
from f7t_staging.errors import S3Error

_VERSION = 1
_SCHEMA = f"""
CREATE TABLE bucket (name TEXT PRIMARY KEY, created REAL NOT NULL, lifecycle BLOB);
CREATE TABLE object (
  id INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, key TEXT NOT NULL,
  size INTEGER NOT NULL, etag TEXT NOT NULL, modified REAL NOT NULL, metadata TEXT NOT NULL,
  UNIQUE (bucket, key));
CREATE TABLE upload (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, started REAL NOT NULL,
  metadata TEXT NOT NULL);
CREATE INDEX upload_key ON upload (bucket, key);
CREATE TABLE blob (
  name TEXT PRIMARY KEY, size INTEGER NOT NULL, etag TEXT NOT NULL, modified REAL NOT NULL,
  object INTEGER, upload TEXT, number INTEGER NOT NULL);
CREATE INDEX blob_object ON blob (object, number) WHERE object IS NOT NULL;
CREATE UNIQUE INDEX blob_upload ON blob (upload, number) WHERE upload IS NOT NULL;
PRAGMA user_version = {_VERSION};
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket; `created` in seconds since the epoch, `lifecycle` as the XML it was given."""

    name: str
    created: float
    lifecycle: bytes | None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object; `metadata` maps the response headers it was stored with to their values."""

    id: int
    key: str
    size: int
    etag: str
    modified: float
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """A multipart upload that is neither completed nor aborted."""

    id: str
    bucket: str
    key: str
    started: float
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pending upload: blob name, bytes, MD5, and seconds since the epoch."""

    number: int
    name: str
    size: int
    etag: str
    modified: float


class IndexReader:
    """Questions to the index. Each sees every change that was committed before it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def bucket(self, name: str) -> Bucket:
        """Raises S3Error NoSuchBucket."""
        row = self._db.execute("SELECT * FROM bucket WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise S3Error("NoSuchBucket")
        return Bucket(*row)

    def buckets(self) -> list[Bucket]:
        return [Bucket(*row) for row in self._db.execute("SELECT * FROM bucket ORDER BY name")]

    def object(self, bucket: str, key: str) -> StoredObject:
        """Raises S3Error NoSuchBucket or NoSuchKey."""
        row = self._db.execute(
            "SELECT id, key, size, etag, modified, metadata FROM object"
            " WHERE bucket = ? AND key = ?",
            (bucket, key),
        ).fetchone()
        if row is None:
            self.bucket(bucket)
            raise S3Error("NoSuchKey")
        return _stored_object(*row)

    def objects(self, bucket: str, first: str, before: str | None) -> Iterator[StoredObject]:
        """Objects with first <= key < before in the order of UTF-8 bytes."""
        # To SQLite every text is less than every blob.
        end = b"" if before is None else before
        cursor = self._db.execute(
            "SELECT id, key, size, etag, modified, metadata FROM object"
            " WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key",
            (bucket, first, end),
        )
        with closing(cursor):
            for row in cursor:
                yield _stored_object(*row)

    def object_and_blobs(self, bucket: str, key: str) -> tuple[StoredObject, list[tuple[str, int]]]:
        """An object and name and size of its blobs in their order, all of one moment.

        Raises S3Error NoSuchBucket or NoSuchKey.
        """
        self._db.execute("BEGIN")
        try:
            found = self.object(bucket, key)
            rows = self._db.execute(
                "SELECT name, size FROM blob WHERE object = ? ORDER BY number", (found.id,)
            )
            return found, list(rows)
        finally:
            self._db.execute("COMMIT")

    def upload(self, bucket: str, key: str, upload_id: str) -> PendingUpload:
        """Raises S3Error NoSuchUpload."""
        row = self._db.execute(
            "SELECT * FROM upload WHERE id = ? AND bucket = ? AND key = ?",
            (upload_id, bucket, key),
        ).fetchone()
        if row is None:
            raise S3Error("NoSuchUpload")
        return _pending_upload(*row)

    def uploads(self, bucket: str) -> list[PendingUpload]:
        """The pending uploads of a bucket by key, then by id."""
        rows = self._db.execute("SELECT * FROM upload WHERE bucket = ? ORDER BY key, id", (bucket,))
        return [_pending_upload(*row) for row in rows]

    def parts(self, upload_id: str) -> list[Part]:
        rows = self._db.execute(
            "SELECT number, name, size, etag, modified FROM blob WHERE upload = ? ORDER BY number",
            (upload_id,),
        )
        return [Part(*row) for row in rows]

    def blob_names(self) -> set[str]:
        """The names of all blobs the index knows."""
        return {name for (name,) in self._db.execute("SELECT name FROM blob")}


class IndexWriter:
    """Changes to the index, each one transaction, durable when the method returns.

    Methods that take blobs away return their names: their files may be removed then.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def create_bucket(self, name: str) -> None:
        """Raises S3Error BucketAlreadyOwnedByYou."""
        with self._transaction():
            try:
                self._db.execute("INSERT INTO bucket VALUES (?, ?, NULL)", (name, time.time()))
            except sqlite3.IntegrityError as error:
                raise S3Error("BucketAlreadyOwnedByYou") from error

    def delete_bucket(self, name: str) -> list[str]:
        """Pending uploads go with the bucket. Raises S3Error NoSuchBucket or BucketNotEmpty."""
        with self._transaction():
            self._require_bucket(name)
            if self._db.execute("SELECT 1 FROM object WHERE bucket = ?", (name,)).fetchone():
                raise S3Error("BucketNotEmpty")
            ids = self._db.execute("SELECT id FROM upload WHERE bucket = ?", (name,)).fetchall()
            removed = [blob for (upload,) in ids for blob in self._drop_upload(upload)]
            self._db.execute("DELETE FROM bucket WHERE name = ?", (name,))
        return removed

    def set_lifecycle(self, bucket: str, document: bytes | None) -> None:
        """Raises S3Error NoSuchBucket."""
        with self._transaction():
            self._require_bucket(bucket)
            self._db.execute("UPDATE bucket SET lifecycle = ? WHERE name = ?", (document, bucket))

    def put_object(
        self,
        bucket: str,
        key: str,
        etag: str,
        blobs: Sequence[Blob],
        metadata: Mapping[str, str],
    ) -> list[str]:
        """Store or replace an object. Raises S3Error NoSuchBucket."""
        with self._transaction():
            removed = self._replace_object(bucket, key, etag, sum(b.size for b in blobs), metadata)
            object_id = self._object_id(bucket, key)
            now = time.time()
            self._db.executemany(
                "INSERT INTO blob VALUES (?, ?, ?, ?, ?, NULL, ?)",
                [(b.name, b.size, b.etag, now, object_id, n) for n, b in enumerate(blobs)],
            )
        return removed

    def delete_objects(self, bucket: str, keys: Sequence[str]) -> list[str]:
        """Delete objects; absent ones are no error. Raises S3Error NoSuchBucket."""
        with self._transaction():
            self._require_bucket(bucket)
            return [blob for key in keys for blob in self._drop_object(bucket, key)]

    def delete_expired(self, bucket: str, object_ids: Sequence[int]) -> list[str]:
        """Delete these objects by id, so that one replaced meanwhile stays."""
        with self._transaction():
            return [
                blob
                for object_id in object_ids
                for (key,) in self._db.execute(
                    "SELECT key FROM object WHERE id = ?", (object_id,)
                ).fetchall()
                for blob in self._drop_object(bucket, key)
            ]

    def create_upload(self, upload: PendingUpload) -> None:
        """Raises S3Error NoSuchBucket."""
        with self._transaction():
            self._require_bucket(upload.bucket)
            self._db.execute(
                "INSERT INTO upload VALUES (?, ?, ?, ?, ?)",
                (upload.id, upload.bucket, upload.key, upload.started, _dump(upload.metadata)),
            )

    def put_part(self, upload_id: str, number: int, blob: Blob) -> list[str]:
        """Store or replace a part. Raises S3Error NoSuchUpload if the upload ended meanwhile."""
        with self._transaction():
            if not self._db.execute("SELECT 1 FROM upload WHERE id = ?", (upload_id,)).fetchone():
                raise S3Error("NoSuchUpload")
            removed = self._names("upload = ? AND number = ?", upload_id, number)
            self._db.execute(
                "DELETE FROM blob WHERE upload = ? AND number = ?", (upload_id, number)
            )
            self._db.execute(
                "INSERT INTO blob VALUES (?, ?, ?, ?, NULL, ?, ?)",
                (blob.name, blob.size, blob.etag, time.time(), upload_id, number),
            )
        return removed

    def complete_upload(self, upload: PendingUpload, etag: str, parts: Sequence[Part]) -> list[str]:
        """Make an object of these parts and drop the upload with all others.

        Raises S3Error NoSuchUpload, or InvalidPart if one was replaced since it was checked.
        """
        with self._transaction():
            if not self._db.execute("SELECT 1 FROM upload WHERE id = ?", (upload.id,)).fetchone():
                raise S3Error("NoSuchUpload")
            size = sum(part.size for part in parts)
            removed = self._replace_object(upload.bucket, upload.key, etag, size, upload.metadata)
            object_id = self._object_id(upload.bucket, upload.key)
            for part in parts:
                changed = self._db.execute(
                    "UPDATE blob SET object = ?, upload = NULL WHERE name = ? AND upload = ?",
                    (object_id, part.name, upload.id),
                )
                if changed.rowcount != 1:
                    raise S3Error("InvalidPart")
            removed += self._drop_upload(upload.id)
        return removed

    def abort_upload(self, upload_id: str) -> list[str]:
        with self._transaction():
            return self._drop_upload(upload_id)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # A full disk makes SQLite roll back by itself.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _require_bucket(self, name: str) -> None:
        if not self._db.execute("SELECT 1 FROM bucket WHERE name = ?", (name,)).fetchone():
            raise S3Error("NoSuchBucket")

    def _names(self, condition: str, *values: str | int) -> list[str]:
        rows = self._db.execute(f"SELECT name FROM blob WHERE {condition}", values)
        return [name for (name,) in rows]

    def _object_id(self, bucket: str, key: str) -> int | None:
        row = self._db.execute(
            "SELECT id FROM object WHERE bucket = ? AND key = ?", (bucket, key)
        ).fetchone()
        return row[0] if row else None

    def _replace_object(
        self, bucket: str, key: str, etag: str, size: int, metadata: Mapping[str, str]
    ) -> list[str]:
        self._require_bucket(bucket)
        removed = self._drop_object(bucket, key)
        self._db.execute(
            "INSERT INTO object (bucket, key, size, etag, modified, metadata)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (bucket, key, size, etag, time.time(), _dump(metadata)),
        )
        return removed

    def _drop_object(self, bucket: str, key: str) -> list[str]:
        object_id = self._object_id(bucket, key)
        if object_id is None:
            return []
        removed = self._names("object = ?", object_id)
        self._db.execute("DELETE FROM blob WHERE object = ?", (object_id,))
        self._db.execute("DELETE FROM object WHERE id = ?", (object_id,))
        return removed

    def _drop_upload(self, upload_id: str) -> list[str]:
        removed = self._names("upload = ?", upload_id)
        self._db.execute("DELETE FROM blob WHERE upload = ?", (upload_id,))
        self._db.execute("DELETE FROM upload WHERE id = ?", (upload_id,))
        return removed


def connect(path: Path) -> sqlite3.Connection:
    """Open the index, creating it if need be; raises ValueError for one of another version."""
    # One connection is used by one thread at a time, though not by the one that opens it.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
    elif version != _VERSION:
        connection.close()
        raise ValueError(f"{path} has format {version}, this program reads format {_VERSION}")
    return connection


def _stored_object(
    object_id: int, key: str, size: int, etag: str, modified: float, metadata: str
) -> StoredObject:
    return StoredObject(object_id, key, size, etag, modified, json.loads(metadata))


def _pending_upload(
    upload_id: str, bucket: str, key: str, started: float, metadata: str
) -> PendingUpload:
    return PendingUpload(upload_id, bucket, key, started, json.loads(metadata))


def _dump(metadata: Mapping[str, str]) -> str:
    return json.dumps(metadata, separators=(",", ":"))
