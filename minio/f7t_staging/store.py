"""The store: index and blob files together, so that no operation can use one without the other."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Concatenate, ParamSpec

from f7t_staging.blobs import BlobFiles
from f7t_staging.errors import S3Error
from f7t_staging.index import IndexReader, IndexWriter, StoredObject, connect

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object whose bytes stay readable while it is open."""

    info: StoredObject
    blobs: tuple[tuple[str, int], ...]


class Store:
    """One data folder, used by one process at a time (a lock file sees to that).

    Questions go to `index` directly: they take microseconds and never wait for a change. Changes
    go through `change`: they wait for the disk and therefore run in a thread of their own.
    """

    def __init__(self, folder: Path) -> None:
        """Open `folder`, removing what a kill left behind.

        Raises BlockingIOError if another process uses it, ValueError for an unknown format.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as stack:
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            reading = stack.enter_context(closing(connect(folder / "index.sqlite")))
            writing = stack.enter_context(closing(connect(folder / "index.sqlite")))
            self.index = IndexReader(reading)
            self._writer = IndexWriter(writing)
            self.blobs = BlobFiles(folder)
            self.strays_removed = self.blobs.clean(self.index.blob_names())
            self._writer_thread = ThreadPoolExecutor(1, thread_name_prefix="index")
            self._resources = stack.pop_all()

    def close(self) -> None:
        """Finish the change under way and give the folder free."""
        self._writer_thread.shutdown()
        self._resources.close()

    async def change(
        self,
        operation: Callable[Concatenate[IndexWriter, P], list[str] | None],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> None:
        """Run one IndexWriter method, then remove the blobs it took away.

        Raises what the method raises, and S3Error XMinioStorageFull.
        """
        loop = asyncio.get_running_loop()
        try:
            removed = await loop.run_in_executor(
                self._writer_thread, lambda: operation(self._writer, *arguments, **keywords)
            )
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise S3Error("XMinioStorageFull") from error
            raise
        if removed:
            await self.blobs.remove(removed)

    async def change_or_discard(
        self,
        blobs: Collection[str],
        operation: Callable[Concatenate[IndexWriter, P], list[str] | None],
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> None:
        """Like `change`, for one that adopts new `blobs`: if it fails they are removed."""
        try:
            await self.change(operation, *arguments, **keywords)
        except Exception:
            await self.blobs.remove(blobs)
            raise

    @contextmanager
    def open_object(self, bucket: str, key: str) -> Iterator[OpenObject]:
        """Look an object up and hold its blobs; raises S3Error NoSuchBucket or NoSuchKey."""
        # No await between the look-up and the hold: a change could remove the blobs there.
        info, blobs = self.index.object_and_blobs(bucket, key)
        with self.blobs.reading([name for name, _ in blobs]):
            yield OpenObject(info, tuple(blobs))

    def read(self, opened: OpenObject, start: int, length: int) -> AsyncGenerator[bytes]:
        """`length` bytes of an open object from `start`."""
        return self.blobs.read(opened.blobs, start, length)
