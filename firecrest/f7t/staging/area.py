"""The gateway's view of the object store: buckets, presigned forms and URLs, clean-up.

The bytes of transfers never pass here (architecture rule 5).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import MinioException, S3Error
from minio.lifecycleconfig import Expiration, LifecycleConfig, Rule

from f7t.errors import StagingUnavailable
from f7t.staging.form import Signer, UploadForm, presigned_form
from f7t.staging.names import bucket_of, object_key, task_prefix

_log = logging.getLogger("f7t.staging")
T = TypeVar("T")

LARGEST_OBJECT = 5 * 1024**3
LONGEST_TTL = 604800
_ALREADY_THERE = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
_ABSENT = frozenset({"NoSuchKey", "NoSuchBucket"})


@dataclass(frozen=True)
class StoredObject:
    """A complete object: its key and its size in bytes."""

    key: str
    size: int


class StagingArea:
    """The object store. Methods that call it raise `StagingUnavailable` when it does not answer.

    Args:
        public_url: the store as clients and login nodes call it; everything is signed for it.
        private_url: as the gateway itself calls it; the same when empty.
        object_lifetime: seconds after which the store may delete what was left (bucket rule, whole
            days).
        max_bytes: largest object a form allows; S3's limit for one POST is 5 GiB.
        threads: calls to the store at the same time (the SDK blocks); more wait.
        timeout: seconds until one call counts as failed.
    """

    def __init__(
        self,
        public_url: str,
        access_key: str,
        secret_key: str,
        *,
        region: str,
        private_url: str = "",
        object_lifetime: int = LONGEST_TTL,
        max_bytes: int = LARGEST_OBJECT,
        threads: int = 4,
        timeout: float = 5.0,
    ) -> None:
        self._public_url = public_url.rstrip("/")
        self._signer = Signer(access_key, secret_key, region)
        self._days = max(1, math.ceil(object_lifetime / 86400))
        self._max_bytes = min(max_bytes, LARGEST_OBJECT)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="f7t-staging")
        self._http = urllib3.PoolManager(
            maxsize=threads,
            timeout=urllib3.Timeout(timeout),
            retries=urllib3.Retry(total=1, backoff_factor=0.1),
        )
        self._signing = self._client(self._public_url)
        self._store = self._client(private_url or self._public_url)
        self._with_rule: set[str] = set()

    async def close(self) -> None:
        """Wait for calls under way and close all connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._http.clear()

    async def ping(self) -> None:
        """Returns when the store answers and accepts our key."""
        await self._call(lambda: self._store.bucket_exists("f7t-ping"))

    async def upload_form(
        self, user: str, task_id: str, file_name: str, source_path: str, ttl: int
    ) -> UploadForm:
        """A form for one object of the user's bucket, which is made when it is missing.

        Args:
            file_name: last component of `source_path` (`names.object_name`).
            ttl: seconds that the form is valid.

        Raises:
            ValueError: `file_name` cannot be an object's name, or `ttl` is not 1…604800.
        """
        key = object_key(task_id, file_name)
        valid = _checked_ttl(ttl)
        bucket = await self._bucket(user)
        return presigned_form(
            self._public_url,
            bucket,
            key,
            source_path=source_path,
            signer=self._signer,
            now=datetime.now(UTC),
            ttl=valid,
            max_bytes=self._max_bytes,
        )

    def download_url(self, user: str, task_id: str, name: str, ttl: int) -> str:
        """Presigned GET for the client (T46); makes no call. Raises ValueError as `upload_form`."""
        return self._signing.presigned_get_object(
            bucket_of(user), object_key(task_id, name), expires=_checked_ttl(ttl)
        )

    def internal_get_url(self, user: str, task_id: str, name: str, ttl: int) -> str:
        """Presigned GET for the cluster's pull: sign it when the pull begins, for minutes only."""
        return self.download_url(user, task_id, name, ttl)

    async def upload_url(self, user: str, task_id: str, name: str, ttl: int) -> str:
        """Presigned PUT for the cluster's push; the bucket is made when it is missing.

        PUT rather than a form: curl sends the plain file with its length. Both end at 5 GiB.
        """
        key = object_key(task_id, name)
        valid = _checked_ttl(ttl)
        bucket = await self._bucket(user)
        return self._signing.presigned_put_object(bucket, key, expires=valid)

    async def size_of(self, user: str, task_id: str, name: str) -> int | None:
        """Bytes of a complete object; None when there is none."""
        bucket, key = bucket_of(user), object_key(task_id, name)

        def stat() -> int | None:
            try:
                return self._store.stat_object(bucket, key).size
            except S3Error as error:
                if error.code in _ABSENT:
                    return None
                raise

        return await self._call(stat)

    async def listing(self, bucket: str, prefix: str) -> Sequence[StoredObject]:
        """All complete objects whose key begins with `prefix`; none when the bucket is missing."""
        return await self._call(lambda: self._listed(bucket, prefix))

    async def delete_task_objects(self, user: str, task_id: str) -> int:
        """Delete every object of the task, so that its links answer 404; returns how many.

        Deleting again is no error (D15).
        """
        bucket, prefix = bucket_of(user), task_prefix(task_id)

        def delete() -> int:
            found = self._listed(bucket, prefix)
            for stored in found:
                self._store.remove_object(bucket, stored.key)
            return len(found)

        return await self._call(delete)

    async def _bucket(self, user: str) -> str:
        """The user's bucket; asked for every time, as an operator may have emptied the store."""
        bucket = bucket_of(user)
        await self._call(lambda: self._ensure(bucket))
        return bucket

    def _ensure(self, bucket: str) -> None:
        if not self._store.bucket_exists(bucket):
            self._with_rule.discard(bucket)
            try:
                self._store.make_bucket(bucket)
            except S3Error as error:
                if error.code not in _ALREADY_THERE:
                    raise
        if bucket not in self._with_rule:
            self._set_rule(bucket)
            self._with_rule.add(bucket)

    def _set_rule(self, bucket: str) -> None:
        rule = Rule(
            ENABLED,
            rule_filter=Filter(prefix=""),
            rule_id="f7t-expiry",
            expiration=Expiration(days=self._days),
        )
        try:
            self._store.set_bucket_lifecycle(bucket, LifecycleConfig([rule]))
        except S3Error as error:
            # Some stores know no lifecycle; transfers work all the same.
            _log.warning("no expiry rule for bucket %s: %s", bucket, error.code)

    def _listed(self, bucket: str, prefix: str) -> list[StoredObject]:
        try:
            return [
                StoredObject(found.object_name or "", found.size or 0)
                for found in self._store.list_objects(bucket, prefix=prefix, recursive=True)
            ]
        except S3Error as error:
            if error.code in _ABSENT:
                return []
            raise

    def _client(self, url: str) -> Minio:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path:
            raise ValueError("an object store's URL is http(s)://host:port without a path")
        # With a region the SDK signs without asking the store for it.
        return Minio(
            parts.netloc,
            access_key=self._signer.access_key,
            secret_key=self._signer.secret_key,
            secure=parts.scheme == "https",
            region=self._signer.region,
            http_client=self._http,
        )

    async def _call(self, work: Callable[[], T]) -> T:
        with _unavailable():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _checked_ttl(seconds: int) -> timedelta:
    if not 1 <= seconds <= LONGEST_TTL:
        raise ValueError(f"a presigned URL is valid for 1 to {LONGEST_TTL} seconds")
    return timedelta(seconds=seconds)


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """The SDK's many ways to fail as one; messages may quote signed URLs, only kinds are kept."""
    try:
        yield
    except S3Error as error:
        raise StagingUnavailable(f"The staging area refused: {error.code}") from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise StagingUnavailable(
            f"The staging area is not available ({type(error).__name__})"
        ) from error
