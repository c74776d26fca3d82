"""Which entries a listing has: one directory, or all below it, read over SFTP with many requests
in flight."""

from __future__ import annotations

import asyncio
import stat
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TypeVar, cast

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient, SFTPName

from f7t.errors import OutputLimitExceeded
from f7t.ssh.listing import RawEntry, named_owner
from f7t.ssh.sftp import LONGEST_PATH, detached

T = TypeVar("T")
_LINKS_AT_ONCE = 64
_DIRECTORIES_AT_ONCE = 16
_DOTS = (b".", b"..")
_GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied, asyncssh.SFTPBadMessage)
"""What is said of a link that is away, or was replaced, since it was listed."""
_CLOSED = (*_GONE, asyncssh.SFTPFailure)
"""What is said of a directory that cannot be read: permissions, a loop of links, a long path."""


@dataclass(frozen=True)
class Scope:
    """What a listing shows.

    Attributes:
        show_hidden: also names that begin with a dot.
        dots: also `.` and `..` of the listed directory itself.
        recursive: also everything below, with names relative to the listed directory: after the
            entries of a directory come those of its subdirectories, one after the other, as with
            `ls -R`. The content of a subdirectory that cannot be read is left out.
        follow_links: attributes of what a link points to, and no link targets; a link to nothing
            is shown itself. With `recursive` also below linked directories, except where that leads
            back into one that is just being listed.
        unsorted: in the order of the server.
        names_only: attributes do not matter.
        limit: bytes that `ls` would print for it.
    """

    show_hidden: bool = False
    dots: bool = False
    recursive: bool = False
    follow_links: bool = False
    unsorted: bool = False
    names_only: bool = False
    limit: int | None = None


@dataclass(frozen=True)
class _Place:
    """A directory of the tree: `name` relative to the top, `real` without links if they matter."""

    name: bytes
    parent: _Place | None = None
    real: bytes = b""

    def lies_in(self, real: bytes) -> bool:
        """Whether this or a directory above it is `real`."""
        place: _Place | None = self
        while place is not None:
            if place.real == real:
                return True
            place = place.parent
        return False


async def collect(sftp: SFTPClient, raw: bytes, scope: Scope) -> list[RawEntry]:
    """What is in the directory `raw`, or `raw` itself if it is anything else.

    Sorted by the bytes of the names, as `ls` does in the C locale. Both questions are asked at
    once, so that a directory costs no more round trips than a listing alone.

    Raises:
        OutputLimitExceeded: more than `scope.limit`.
        asyncssh.SFTPError: see there.
    """
    walk = _Walk(sftp, raw, scope)
    look = sftp.stat if scope.follow_links else sftp.lstat
    own, content = await asyncio.gather(look(raw), walk.content(b""), return_exceptions=True)
    if isinstance(own, BaseException):
        raise own
    mode = own.permissions or 0
    if not stat.S_ISDIR(mode):
        target = await _target(sftp, raw) if stat.S_ISLNK(mode) else b""
        return [RawEntry(b"", own, None, target)]
    if isinstance(content, BaseException):
        raise content
    return await walk.tree(content) if scope.recursive else content


class _Walk:
    """One listing in progress; `self._room` is what is left of its limit."""

    def __init__(self, sftp: SFTPClient, top: bytes, scope: Scope) -> None:
        self._sftp = sftp
        self._base = top.rstrip(b"/") + b"/"
        self._scope = scope
        self._room = scope.limit

    async def content(self, name: bytes) -> list[RawEntry]:
        """Entries of the directory `name` (empty for the top), named relative to the top."""
        found = await detached(self._read(name))
        if not self._scope.unsorted:
            found.sort(key=lambda entry: entry.name)
        if self._scope.names_only and not (self._scope.recursive and self._scope.follow_links):
            return found
        links = [entry for entry in found if stat.S_ISLNK(entry.attributes.permissions or 0)]
        resolve = self._followed if self._scope.follow_links else self._with_target
        resolved = {entry.name: entry for entry in await _batched(resolve, links)}
        return [resolved.get(entry.name, entry) for entry in found]

    async def tree(self, content: list[RawEntry]) -> list[RawEntry]:
        """`content` of the top and everything below it."""
        real = await self._real(b"") if self._scope.follow_links else b""
        contents = {b"": content}
        pending = deque(self._below(_Place(b"", None, real), content))
        while pending:
            batch = [pending.popleft() for _ in range(min(len(pending), _DIRECTORIES_AT_ONCE))]
            found = await asyncio.gather(*map(self._entered, batch), return_exceptions=True)
            for answer in found:
                if isinstance(answer, BaseException):
                    raise answer
                place, entries = answer
                contents[place.name] = entries
                pending.extend(self._below(place, entries))
        return list(_in_order(contents))

    async def _read(self, name: bytes) -> list[RawEntry]:
        prefix = name + b"/" if name else b""
        found = []
        reading = cast(AsyncGenerator[SFTPName, None], self._sftp.scandir(self._base + name))
        async with aclosing(reading) as entries:
            async for entry in entries:
                own, line = _bytes(entry.filename), _bytes(entry.longname or b"")
                if not self._shown(own, top=not name):
                    continue
                whole = prefix + own
                self._spend(len(whole) if self._scope.names_only else len(prefix) + len(line))
                found.append(RawEntry(whole, entry.attrs, named_owner(line), b""))
        return found

    def _shown(self, name: bytes, *, top: bool) -> bool:
        if name in _DOTS:
            return top and self._scope.dots
        return self._scope.show_hidden or not name.startswith(b".")

    def _spend(self, length: int) -> None:
        if self._room is None or self._scope.limit is None:
            return
        self._room -= length + 1
        if self._room < 0:
            raise OutputLimitExceeded(self._scope.limit)

    async def _with_target(self, entry: RawEntry) -> RawEntry:
        return replace(entry, link_target=await _target(self._sftp, self._base + entry.name))

    async def _followed(self, entry: RawEntry) -> RawEntry:
        try:
            attributes: SFTPAttrs = await self._sftp.stat(self._base + entry.name)
        except _CLOSED:
            return entry
        return replace(entry, attributes=attributes, owner=None)

    async def _real(self, name: bytes) -> bytes:
        return _bytes(await self._sftp.realpath(self._base + name))

    def _below(self, place: _Place, content: Sequence[RawEntry]) -> Iterator[_Place]:
        for entry in content:
            fits = len(self._base) + len(entry.name) < LONGEST_PATH
            if entry.is_directory and entry.name not in _DOTS and fits:
                yield _Place(entry.name, place)

    async def _entered(self, place: _Place) -> tuple[_Place, list[RawEntry]]:
        """A directory below the top with its entries, none if it is closed or leads in a circle."""
        try:
            if self._scope.follow_links:
                place = replace(place, real=await self._real(place.name))
                if place.parent and place.parent.lies_in(place.real):
                    return place, []
            return place, await self.content(place.name)
        except _CLOSED:
            return place, []


def _in_order(contents: dict[bytes, list[RawEntry]]) -> Iterator[RawEntry]:
    """Entries of each directory, then those of its subdirectories in their order."""
    ahead = [b""]
    while ahead:
        entries = contents.get(ahead.pop(), [])
        yield from entries
        ahead.extend(entry.name for entry in reversed(entries) if entry.name in contents)


def _bytes(text: str | bytes) -> bytes:
    """The client was opened for paths as bytes; its types do not know that."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


async def _target(sftp: SFTPClient, raw: bytes) -> bytes:
    try:
        return _bytes(await sftp.readlink(raw))
    except _GONE:
        return b""


async def _batched(ask: Callable[[RawEntry], Awaitable[T]], entries: Sequence[RawEntry]) -> list[T]:
    """The answers in the order of `entries`, `_LINKS_AT_ONCE` questions at a time."""
    answers: list[T] = []
    for start in range(0, len(entries), _LINKS_AT_ONCE):
        answers += await asyncio.gather(*map(ask, entries[start : start + _LINKS_AT_ONCE]))
    return answers
