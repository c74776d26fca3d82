"""Blob files: the bytes of objects under random names, written once and never changed.

A blob is written into `tmp`, synced, renamed into `blobs`, and the folder is synced; only then
may the index mention it. What a kill leaves behind is either in `tmp` or unknown to the index, and
both are removed at the next start.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from f7t_staging.body import Upload
from f7t_staging.digests import RunningDigests
from f7t_staging.errors import S3Error

PIECE = 1024 * 1024
# Dirty pages are sent to the disk while the upload is still running, so that the sync at the end
# has little left to do.
_WRITEBACK_STEP = 32 * PIECE
# Few large pieces are written as they are; many small ones are cheaper put together.
_MAX_VECTOR = 16
_RESERVED_SPACE = 64 * PIECE


@dataclass(frozen=True, slots=True)
class Blob:
    """A complete blob file: its name, size in bytes and MD5 in hexadecimal."""

    name: str
    size: int
    etag: str


class BlobFiles:
    """The two folders of blob files; all methods belong to the event loop's thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "blobs"
        self._tmp = folder / "tmp"
        self._readers: Counter[str] = Counter()
        self._doomed: set[str] = set()
        for path in (self._folder, self._tmp):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_folder(folder)

    def clean(self, known: Collection[str]) -> int:
        """Remove temporary files and blobs that are not `known`; the number of files removed."""
        stray = [*self._tmp.iterdir()]
        stray += [path for path in self._folder.iterdir() if path.name not in known]
        for path in stray:
            path.unlink()
        return len(stray)

    async def store(self, upload: Upload) -> Blob:
        """Write, verify and make durable.

        Raises S3Error: IncompleteBody, EntityTooSmall, EntityTooLarge, XMinioStorageFull, or what
        the digests say. Nothing is left behind then.
        """
        if upload.announced + _RESERVED_SPACE > shutil.disk_usage(self._tmp).free:
            raise S3Error("XMinioStorageFull")
        smallest, largest = upload.limits or (upload.announced, upload.announced)
        name = secrets.token_hex(16)
        path = self._tmp / name
        digests = RunningDigests(upload.expectation)
        writer = _Writer(path, digests)
        try:
            async for piece in upload.pieces:
                if writer.size + len(piece) > largest:
                    raise S3Error("EntityTooLarge" if upload.limits else "IncompleteBody")
                await writer.write(piece)
            await writer.flush()
            if writer.size < smallest:
                raise S3Error("EntityTooSmall" if upload.limits else "IncompleteBody")
            digests.verify()
            await writer.run(self._publish, writer.descriptor, path)
            return Blob(name, writer.size, digests.etag)
        finally:
            await writer.close()
            path.unlink(missing_ok=True)

    def _publish(self, descriptor: int, path: Path) -> None:
        with _storage_full_as_s3_error():
            os.fsync(descriptor)
            path.rename(self._folder / path.name)
            _sync_folder(self._folder)

    async def link(self, names: Iterable[str]) -> list[str]:
        """New names for the same bytes, durable; the copy shares them until one is removed."""

        def link_all() -> list[str]:
            copies = []
            with _storage_full_as_s3_error():
                for name in names:
                    copies.append(secrets.token_hex(16))
                    os.link(self._folder / name, self._folder / copies[-1])
                _sync_folder(self._folder)
            return copies

        return await asyncio.to_thread(link_all)

    @contextmanager
    def reading(self, names: Collection[str]) -> Iterator[None]:
        """Keep these blobs while the block runs, even if their object is replaced or deleted."""
        self._readers.update(names)
        try:
            yield
        finally:
            self._readers.subtract(names)
            finished = [name for name in names if not self._readers[name]]
            for name in finished:
                del self._readers[name]
            for name in self._doomed.intersection(finished):
                self._doomed.discard(name)
                (self._folder / name).unlink(missing_ok=True)

    async def remove(self, names: Collection[str]) -> None:
        """Remove blobs the index no longer mentions; those being read go with their reader."""
        busy = {name for name in names if self._readers[name]}
        self._doomed |= busy

        def unlink_all() -> None:
            for name in names:
                if name not in busy:
                    (self._folder / name).unlink(missing_ok=True)

        if len(names) > len(busy):
            await asyncio.to_thread(unlink_all)

    async def read(
        self, blobs: Iterable[tuple[str, int]], start: int, length: int
    ) -> AsyncGenerator[bytes]:
        """`length` bytes from `start` of the concatenation of `blobs` (name, size in bytes).

        The caller holds the blobs with `reading`. One piece is read ahead of the consumer.
        """
        for name, size in blobs:
            if length and start < size:
                count = min(size - start, length)
                async with aclosing(self._read_file(name, start, count)) as pieces:
                    async for piece in pieces:
                        yield piece
                length -= count
            start = max(0, start - size)

    async def _read_file(self, name: str, offset: int, count: int) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC)

        def next_piece() -> asyncio.Future[bytes]:
            return loop.run_in_executor(None, os.pread, descriptor, min(PIECE, count), offset)

        ahead = next_piece()
        try:
            while count:
                piece = await asyncio.shield(ahead)
                if not piece:
                    raise OSError(errno.EIO, f"blob {name} is shorter than recorded")
                offset, count = offset + len(piece), count - len(piece)
                if count:
                    ahead = next_piece()
                yield piece
        finally:
            # A descriptor number may be reused as soon as it is closed: let the thread finish.
            await _settled(ahead)
            os.close(descriptor)


class _Writer:
    """Writes and hashes in a worker thread while the next pieces arrive."""

    def __init__(self, path: Path, digests: RunningDigests) -> None:
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self.size = 0
        self._digests = digests
        self._collected: list[bytes] = []
        self._collected_size = 0
        self._writing: asyncio.Future[None] | None = None
        self._writeback: asyncio.Future[None] | None = None
        self._next_writeback = _WRITEBACK_STEP

    async def write(self, piece: bytes) -> None:
        self.size += len(piece)
        self._collected.append(piece)
        self._collected_size += len(piece)
        if self._collected_size >= PIECE:
            await self._hand_over()

    async def _hand_over(self) -> None:
        await self._previous_write()
        pieces, self._collected, self._collected_size = self._collected, [], 0
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, self._write_out, pieces)
        if self.size >= self._next_writeback and (
            self._writeback is None or self._writeback.done()
        ):
            self._next_writeback = self.size + _WRITEBACK_STEP
            self._writeback = loop.run_in_executor(None, os.fdatasync, self.descriptor)

    async def _previous_write(self) -> None:
        if self._writing is not None:
            # Shielded, because the thread goes on even if the request is cancelled: `close` has
            # to see it end before the descriptor may be given back.
            await asyncio.shield(self._writing)

    async def run(self, function: Callable[..., None], *arguments: object) -> None:
        """Call `function` in a worker thread; `close` waits for it like for a write."""
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(None, function, *arguments)
        await self._previous_write()

    def _write_out(self, pieces: list[bytes]) -> None:
        if len(pieces) > _MAX_VECTOR:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self._digests.update(piece)
        rest = [memoryview(piece) for piece in pieces]
        with _storage_full_as_s3_error():
            while rest:
                written = os.writev(self.descriptor, rest)
                while rest and written >= len(rest[0]):
                    written -= len(rest.pop(0))
                if rest:
                    rest[0] = rest[0][written:]

    async def flush(self) -> None:
        """Wait until every byte has been handed to the file system; raises what writing raised."""
        if self._collected:
            await self._hand_over()
        await self._previous_write()
        if self._writeback is not None:
            await asyncio.shield(self._writeback)

    async def close(self) -> None:
        """Close the file once no thread uses it any more."""
        await _settled(*(task for task in (self._writing, self._writeback) if task is not None))
        os.close(self.descriptor)


async def _settled(*futures: asyncio.Future[Any]) -> None:
    """Wait for all; whether they failed has been, or need not be, told elsewhere."""
    await asyncio.gather(*futures, return_exceptions=True)


@contextmanager
def _storage_full_as_s3_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise S3Error("XMinioStorageFull") from error
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
