"""File operations as a user of the machine, over a warm SFTP channel; no shell is involved.

Paths are text as the client named them and reach the server as bytes. A relative path begins in
the user's home directory, where the SFTP server starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import posixpath
import secrets
import stat
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Sequence,
)
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import cast

import asyncssh
from asyncssh import SFTPClient, SFTPName

from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    IsADirectory,
    NotADirectory,
    NotFound,
    PermissionDenied,
    SizeLimitExceeded,
)
from f7t.ssh.connection import Link
from f7t.ssh.facts import MachineFacts, Runner
from f7t.ssh.listing import FileEntry, RawEntry, render
from f7t.ssh.quoting import safe_text
from f7t.ssh.sftp import (
    SftpChannel,
    checked_path,
    in_background,
    open_file,
    opened,
    size_of_file,
)
from f7t.ssh.walking import Scope, collect

_SMALL_FILE = 1 << 20
_CREATE = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT
_UNREADABLE = (NotFound, NotADirectory, PermissionDenied, IsADirectory, CommandFailed)


class RemoteFiles:
    """Files of one machine as one user sees them.

    Every method raises, besides what it names: `NotFound`, `NotADirectory` (a component of the
    path is a file), `PermissionDenied`, `CommandFailed` (anything else the server says),
    `CommandTimeout` (the operation's time limit passed) — each with the `path` as given — and the
    `RemoteError`s of a connection that does not come about.
    """

    def __init__(
        self,
        connected: Callable[[], Awaitable[Link]],
        runner: Runner,
        facts: MachineFacts,
        time_limit: float,
    ) -> None:
        """Used by `f7t.ssh.pool.Session`."""
        self._sftp = SftpChannel(connected, time_limit)
        self._runner = runner
        self._facts = facts

    async def listing(
        self, path: str, *, show_hidden: bool = False, numeric_uid: bool = False
    ) -> list[FileEntry]:
        """What is in a directory; see `listing_of`."""
        return await self.listing_of(path, Scope(show_hidden=show_hidden), numeric_uid=numeric_uid)

    async def listing_of(
        self, path: str, scope: Scope, *, numeric_uid: bool = False
    ) -> list[FileEntry]:
        """What is in a directory, sorted by name as `ls` does in the C locale (contract U1).

        Anything but a directory gives one entry, whose name is `path`; so does a symbolic link to
        a directory unless `path` ends in a slash or links are followed.

        Args:
            path: what to list.
            scope: which entries.
            numeric_uid: numbers instead of user and group names.

        Raises:
            OutputLimitExceeded: it would be longer than `scope.limit`.
        """
        entries = await self._sftp.carry_out(path, lambda sftp, raw: collect(sftp, raw, scope))
        if not entries:
            return []
        zone = await self._facts.zone(self._runner, self._small_file)
        owners = {} if numeric_uid else await self._owners(entries)
        return [
            render(
                entry,
                safe_text(entry.name) if entry.name else path,
                _numbers(entry) if numeric_uid else entry.owner or owners[entry.ids],
                zone,
            )
            for entry in entries
        ]

    async def names(self, path: str, scope: Scope) -> list[str]:
        """Only the names of what `listing_of` would show; raises as it does."""
        only = replace(scope, names_only=True)
        entries = await self._sftp.carry_out(path, lambda sftp, raw: collect(sftp, raw, only))
        return [safe_text(entry.name) if entry.name else path for entry in entries]

    async def is_empty(self, path: str) -> bool:
        """Whether a directory holds nothing; at most its first names are read.

        Raises:
            CommandFailed: it is no directory.
        """

        async def look(sftp: SFTPClient, raw: bytes) -> bool:
            found = cast("AsyncGenerator[SFTPName, None]", sftp.scandir(raw))
            async with contextlib.aclosing(found) as names:
                async for entry in names:
                    if entry.filename not in (".", "..", b".", b".."):
                        return False
            return True

        return await self._sftp.carry_out(path, look)

    async def absolute(self, path: str) -> str:
        """`path` from the root: a relative one begins in the user's home directory."""
        if path.startswith("/"):
            return path
        home = await self._sftp.carry_out(".", lambda sftp, raw: sftp.realpath(raw))
        return posixpath.join(safe_text(home), path)

    async def local_time(self) -> datetime:
        """Now, as a clock on the machine shows it (clocks are equal, zones may not be)."""
        zone = await self._facts.zone(self._runner, self._small_file)
        return datetime.now(zone).replace(tzinfo=None)

    async def size(self, path: str) -> int:
        """Size in bytes of a regular file, which is opened for reading to see that it may be.

        Raises:
            IsADirectory: it is one.
        """

        async def look(sftp: SFTPClient, raw: bytes) -> int:
            size = size_of_file(await sftp.stat(raw), path)
            async with opened(sftp, raw, asyncssh.FXF_READ):
                return size

        return await self._sftp.carry_out(path, look)

    async def read(self, path: str, limit: int) -> bytes:
        """The whole content of a regular file of at most `limit` bytes.

        Raises:
            SizeLimitExceeded: it is larger; nothing was read.
            IsADirectory: it is a directory.
        """

        async def content(sftp: SFTPClient, raw: bytes) -> bytes:
            size = size_of_file(await sftp.stat(raw), path)
            if size > limit:
                raise SizeLimitExceeded("File exceeds size limit", path=path)
            async with opened(sftp, raw, asyncssh.FXF_READ) as file:
                return cast(bytes, await file.read(size)) if size else b""

        return await self._sftp.carry_out(path, content)

    async def tail(self, path: str, count: int) -> bytes:
        """The last `count` bytes of a regular file, all of it if it is shorter.

        Raises:
            IsADirectory: it is a directory.
        """

        async def end(sftp: SFTPClient, raw: bytes) -> bytes:
            size = size_of_file(await sftp.stat(raw), path)
            wanted = min(size, count)
            async with opened(sftp, raw, asyncssh.FXF_READ) as file:
                return cast(bytes, await file.read(wanted, size - wanted)) if wanted else b""

        return await self._sftp.carry_out(path, end)

    async def tails(self, paths: Sequence[str], count: int) -> dict[str, bytes]:
        """The last `count` bytes of each file, empty where it cannot be read; asked all at once."""

        async def end(path: str) -> bytes:
            try:
                return await self.tail(path, count)
            except _UNREADABLE:
                return b""

        distinct = list(dict.fromkeys(paths))
        found = await asyncio.gather(*map(end, distinct))
        return dict(zip(distinct, found, strict=True))

    async def write(self, directory: str, name: str, chunks: AsyncIterable[bytes] | bytes) -> None:
        """Write `name` in an existing `directory`, replacing the content of a file of that name.

        A new file's mode follows the user's umask; an existing one keeps mode and owner. If it
        fails, a file that was not there before is removed. The time limit holds for each chunk, not
        for the time between chunks.

        Raises:
            NotFound, NotADirectory, PermissionDenied: also about the directory; then with its path.
            IsADirectory: `name` is a directory there.
            ValueError: `name` is no plain file name.
        """
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise ValueError(f"{name!r} is no file name")
        await self._directory(directory)
        path = posixpath.join(directory, name)
        existed = await self._is_there(path)
        raw = checked_path(path)
        async with self._sftp.held() as link:
            flags = _CREATE | asyncssh.FXF_TRUNC
            file = await self._sftp.once(link, path, lambda: open_file(link.sftp, raw, flags))
            try:
                async for chunk in _chunks(chunks):
                    await self._sftp.once(link, path, partial(file.write, chunk))
                await self._sftp.once(link, path, file.close)
            except BaseException:
                in_background(file.close())
                if not existed:
                    in_background(link.sftp.remove(raw))
                raise

    async def make_directories(self, path: str) -> None:
        """Make a directory and its missing parents; fine if it is there (`mkdir -p`).

        Raises:
            AlreadyExists: something else has that name.
        """
        await self._sftp.carry_out(path, lambda sftp, raw: _make(sftp, raw, path))

    async def writable_directory(self, path: str) -> None:
        """Return if the user may make files in `path`: a hidden file is made there and removed.

        Raises:
            NotFound, NotADirectory, PermissionDenied: with `path`, if not (storage.md §3).
        """

        async def probe(sftp: SFTPClient, raw: bytes) -> None:
            await _must_be_directory(sftp, raw, path)
            name = raw.rstrip(b"/") + b"/.f7t-probe-" + secrets.token_hex(8).encode("ascii")
            async with opened(sftp, name, _CREATE | asyncssh.FXF_EXCL):
                in_background(sftp.remove(name))

        await self._sftp.carry_out(path, probe)

    async def remove(self, path: str) -> None:
        """Remove a file or a symbolic link.

        Raises:
            IsADirectory: it is a directory.
        """

        async def unlink(sftp: SFTPClient, raw: bytes) -> None:
            if stat.S_ISDIR((await sftp.lstat(raw)).permissions or 0):
                raise IsADirectory("Is a directory", path=path)
            await sftp.remove(raw)

        await self._sftp.carry_out(path, unlink)

    async def _small_file(self, path: str) -> bytes:
        return await self.read(path, _SMALL_FILE)

    async def _owners(self, entries: list[RawEntry]) -> dict[tuple[int, int], tuple[str, str]]:
        """Names behind the ids of those entries of which the server told none."""
        unknown = set()
        for entry in entries:
            if entry.owner:
                (uid, gid), (user, group) = entry.ids, entry.owner
                self._facts.learn(uid, user, gid, group)
            else:
                unknown.add(entry.ids)
        return await self._facts.names(self._runner, unknown)

    async def _directory(self, path: str) -> None:
        await self._sftp.carry_out(path, lambda sftp, raw: _must_be_directory(sftp, raw, path))

    async def _is_there(self, path: str) -> bool:
        """Whether something is at `path`; opening a pipe for writing would hang the server."""

        async def look(sftp: SFTPClient, raw: bytes) -> bool:
            try:
                size_of_file(await sftp.stat(raw), path)
            except asyncssh.SFTPNoSuchFile:
                return False
            return True

        return await self._sftp.carry_out(path, look)


def _numbers(entry: RawEntry) -> tuple[str, str]:
    uid, gid = entry.ids
    return str(uid), str(gid)


async def _must_be_directory(sftp: SFTPClient, raw: bytes, path: str) -> None:
    if not stat.S_ISDIR((await sftp.stat(raw)).permissions or 0):
        raise NotADirectory("Not a directory", path=path)


async def _make(sftp: SFTPClient, raw: bytes, path: str) -> None:
    missing, made = [raw], b""
    while missing:
        try:
            await sftp.mkdir(missing[-1])
        except asyncssh.SFTPNoSuchFile:
            parent = posixpath.dirname(missing[-1].rstrip(b"/"))
            if not parent.strip(b"/") or parent == made:
                raise
            missing.append(parent)
            continue
        except (asyncssh.SFTPFailure, asyncssh.SFTPPermissionDenied):
            # "Failure" is what the server says of an existing name; some file systems deny first.
            mode = await _mode(sftp, missing[-1])
            if mode is None:
                raise
            if not stat.S_ISDIR(mode):
                if len(missing) > 1:
                    raise NotADirectory("Not a directory", path=path) from None
                raise AlreadyExists("File exists", path=path) from None
        made = missing.pop()


async def _mode(sftp: SFTPClient, raw: bytes) -> int | None:
    """Mode of what is there, None if nothing is."""
    try:
        return (await sftp.stat(raw)).permissions or 0
    except asyncssh.SFTPNoSuchFile:
        return None


async def _chunks(chunks: AsyncIterable[bytes] | bytes) -> AsyncIterator[bytes]:
    if isinstance(chunks, bytes):
        if chunks:
            yield chunks
        return
    async for chunk in chunks:
        yield chunk
