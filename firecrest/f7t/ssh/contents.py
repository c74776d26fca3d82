"""Text of files and parts of it, over SFTP: no more is read than the answer needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto

import asyncssh
from asyncssh import SFTPClient, SFTPClientFile

from f7t.errors import CommandFailed, OutputLimitExceeded, PatternNotFound, SizeLimitExceeded
from f7t.ssh.connection import Link
from f7t.ssh.sftp import SftpChannel, opened, size_of_file

_BLOCK = 1 << 16
"""Bytes of one request; the server allows 255 KiB, most parts that are asked for are small."""
_AHEAD = 16
_KEPT = 96
"""Blocks that are kept, so that what was searched for line ends is not read again."""


class Unit(Enum):
    """What is counted."""

    BYTES = auto()
    LINES = auto()


class Part(Enum):
    """Which part of a file a count means; head(1) and tail(1) have two each."""

    FIRST = auto()
    ALL_BUT_LAST = auto()
    LAST = auto()
    FROM = auto()


@dataclass(frozen=True)
class Excerpt:
    """A part of a file.

    Attributes:
        part, unit: see there. A last line without line end is a line.
        count: how many; for `FROM` the number of the first one, 0 and 1 are the beginning.
    """

    part: Part
    unit: Unit
    count: int


class RemoteContents:
    """Contents of one machine's files as one user sees them; raises as `RemoteFiles` does."""

    def __init__(self, connected: Callable[[], Awaitable[Link]], time_limit: float) -> None:
        """Used by `f7t.ssh.pool.Session`."""
        self._sftp = SftpChannel(connected, time_limit)

    async def text(self, path: str, limit: int) -> str:
        """The whole content of a regular file of at most `limit` bytes.

        Raises:
            SizeLimitExceeded: it is larger.
            IsADirectory: it is a directory.
            CommandFailed: it is not valid UTF-8, or no regular file.
        """

        async def content(sftp: SFTPClient, raw: bytes) -> bytes:
            size = size_of_file(await sftp.stat(raw), path)
            if size > limit:
                raise SizeLimitExceeded("File exceeds size limit", path=path)
            async with opened(sftp, raw, asyncssh.FXF_READ) as file:
                found: bytes = await (file.read(size, 0) if size else _unsized(file, limit))
            if len(found) > limit:
                raise SizeLimitExceeded("File exceeds size limit", path=path)
            return found

        return _decoded(await self._sftp.carry_out(path, content), path)

    async def excerpt(self, path: str, wanted: Excerpt, pattern: str, limit: int) -> str:
        """A part of a regular file, or the lines of it that hold `pattern` if that is not empty.

        Lines that are picked end in a line end, also the last one of a file that has none.

        Args:
            path: the file, of any size.
            wanted: which part; the pattern is looked for in nothing else.
            pattern: text that is taken literally.
            limit: bytes of the answer. A file that tells no size (/proc) may not be longer either.

        Raises:
            OutputLimitExceeded: the answer would be longer than `limit`.
            PatternNotFound: no line holds `pattern`.
            IsADirectory: it is a directory.
            CommandFailed: the answer is not valid UTF-8, or it is no regular file.
        """
        text = pattern.encode("utf-8", "surrogateescape")

        async def part(sftp: SFTPClient, raw: bytes) -> bytes:
            size = size_of_file(await sftp.stat(raw), path)
            async with opened(sftp, raw, asyncssh.FXF_READ) as file:
                blocks = _Blocks(file, size) if size else await _loaded(file, limit, path)
                start, stop = await _bounds(blocks, wanted, None if text else limit)
                if text:
                    return await _picked(blocks.forward(start, stop), text, limit, path)
                if stop - start > limit:
                    raise OutputLimitExceeded(limit, path=path)
                return b"".join([chunk async for _, chunk in blocks.forward(start, stop)])

        return _decoded(await self._sftp.carry_out(path, part), path)


def _decoded(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CommandFailed("The content is not valid UTF-8 text", path=path) from error


async def _unsized(file: SFTPClientFile, limit: int) -> bytes:
    """Content of a file that tells no size: up to `limit` bytes, and one more if there is more.

    One block after the other, as such a file makes its content anew for whoever jumps about in it.
    """
    content = bytearray()
    while len(content) <= limit:
        block: bytes = await file.read(_BLOCK, len(content))
        content += block
        if len(block) < _BLOCK:
            break
    return bytes(content[: limit + 1])


async def _loaded(file: SFTPClientFile, limit: int, path: str) -> _Blocks:
    content = await _unsized(file, limit)
    if len(content) > limit:
        raise OutputLimitExceeded(limit, path=path)
    return _Blocks(file, len(content), content)


class _Blocks:
    """A file in blocks, several of which are read at once; it keeps the size that it had."""

    def __init__(self, file: SFTPClientFile, size: int, content: bytes = b"") -> None:
        self.size = size
        self._file = file
        self._kept = {at: content[at : at + _BLOCK] for at in range(0, len(content), _BLOCK)}

    async def forward(self, start: int, stop: int) -> AsyncIterator[tuple[int, bytes]]:
        """Offset and content of pieces between `start` and `stop`, in their order."""
        places = range(start - start % _BLOCK, stop, _BLOCK)
        async for at, block in self._pieces(places if start < stop else range(0)):
            begin = max(start - at, 0)
            yield at + begin, block[begin : stop - at]

    async def backward(self, stop: int) -> AsyncIterator[tuple[int, bytes]]:
        """The same from `stop` down to the beginning of the file."""
        async for at, block in self._pieces(range(0, stop, _BLOCK)[::-1]):
            yield at, block[: stop - at]

    async def _pieces(self, places: range) -> AsyncIterator[tuple[int, bytes]]:
        """The blocks at these offsets; one request first, then more and more at once."""
        done, ahead = 0, 1
        while done < len(places):
            batch = places[done : done + ahead]
            for at, block in zip(
                batch, await asyncio.gather(*map(self._block, batch)), strict=True
            ):
                yield at, block
            done += ahead
            ahead = min(ahead * 2, _AHEAD)

    async def _block(self, at: int) -> bytes:
        if at in self._kept:
            return self._kept[at]
        block: bytes = await self._file.read(min(_BLOCK, self.size - at), at)
        if len(self._kept) < _KEPT:
            self._kept[at] = block
        return block


async def _bounds(blocks: _Blocks, wanted: Excerpt, limit: int | None) -> tuple[int, int]:
    """Where the part begins and ends; raises if it turns out to be longer than `limit`."""
    size, count, lines = blocks.size, wanted.count, wanted.unit is Unit.LINES
    match wanted.part:
        case Part.FIRST:
            return 0, await _after_lines(blocks, count, limit) if lines else min(count, size)
        case Part.ALL_BUT_LAST:
            return 0, await _last_lines(blocks, count, None) if lines else max(size - count, 0)
        case Part.LAST:
            start = await _last_lines(blocks, count, limit) if lines else max(size - count, 0)
            return start, size
    skipped = max(count - 1, 0)
    return await _after_lines(blocks, skipped, None) if lines else min(skipped, size), size


async def _after_lines(blocks: _Blocks, count: int, limit: int | None) -> int:
    """Where the first `count` lines end, the size if there are fewer."""
    if count == 0:
        return 0
    async for at, chunk in blocks.forward(0, blocks.size):
        ends = chunk.count(b"\n")
        if ends >= count:
            return at + len(chunk) - len(chunk.split(b"\n", count)[-1])
        count -= ends
        if limit is not None and at + len(chunk) > limit:
            raise OutputLimitExceeded(limit)
    return blocks.size


async def _last_lines(blocks: _Blocks, count: int, limit: int | None) -> int:
    """Where the last `count` lines begin, 0 if there are fewer."""
    if count == 0:
        return blocks.size
    if count >= blocks.size:
        return 0
    # The file's last byte never separates two lines.
    async for at, chunk in blocks.backward(blocks.size - 1):
        ends = chunk.count(b"\n")
        if ends >= count:
            return at + len(chunk.rsplit(b"\n", count)[0]) + 1
        count -= ends
        if limit is not None and blocks.size - at > limit:
            raise OutputLimitExceeded(limit)
    return 0


async def _picked(
    chunks: AsyncIterable[tuple[int, bytes]], pattern: bytes, limit: int, path: str
) -> bytes:
    """The lines that hold `pattern`."""
    if b"\n" in pattern:
        raise PatternNotFound("pattern not found", path=path)
    lines = _Lines(pattern, limit)
    async for _, chunk in chunks:
        lines.feed(chunk)
    found = lines.end()
    if not found:
        raise PatternNotFound("pattern not found", path=path)
    return found


class _Lines:
    """Picks lines out of a text that comes in pieces; keeps at most about twice `limit`."""

    def __init__(self, pattern: bytes, limit: int) -> None:
        self._pattern = pattern
        self._limit = limit
        self._begun = bytearray()
        self._shortened = False
        self._found = bytearray()

    def feed(self, piece: bytes) -> None:
        """Look at the next piece of the text."""
        complete = piece.rfind(b"\n") + 1
        if complete:
            self._pick(bytes(self._begun) + piece[:complete])
            self._begun.clear()
        self._begun += piece[complete:]
        if len(self._begun) > self._limit:
            self._shorten()

    def end(self) -> bytes:
        """All that was found; the text is over."""
        if self._begun:
            self._pick(bytes(self._begun) + b"\n")
        return bytes(self._found)

    def _shorten(self) -> None:
        """Of a line that is too long for an answer only that much matters: is it one?"""
        if self._pattern in self._begun:
            raise OutputLimitExceeded(self._limit)
        del self._begun[: len(self._begun) - len(self._pattern) + 1]
        self._shortened = True

    def _pick(self, lines: bytes) -> None:
        done = 0
        while (at := lines.find(self._pattern, done)) >= 0:
            begin = lines.rfind(b"\n", 0, at) + 1
            done = lines.find(b"\n", at) + 1
            self._found += lines[begin:done]
            if len(self._found) > self._limit or (self._shortened and begin == 0):
                raise OutputLimitExceeded(self._limit)
        self._shortened = False
