"""One SFTP operation: which connection, how long, and what a failure means.

SFTP version 3 has few status codes (draft-ietf-secsh-filexfer-02 §7), and OpenSSH reports a path
through a file as "no such file": what a code leaves open is asked of the server afterwards, and
never guessed from texts or names.
"""

from __future__ import annotations

import asyncio
import posixpath
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient, SFTPClientFile

from f7t.errors import (
    CommandFailed,
    CommandTimeout,
    ConnectionRefused,
    IsADirectory,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RemoteError,
)
from f7t.ssh.connection import Link
from f7t.ssh.quoting import path_bytes

T = TypeVar("T")
Operation = Callable[[SFTPClient, bytes], Awaitable[T]]

LONGEST_PATH = 4095
_LONGEST_NAME = 255


class _ChannelLost(Exception):
    """The SFTP channel or its connection is gone."""


class SftpChannel:
    """Carries out file operations over whatever connection of the user is open."""

    def __init__(self, connected: Callable[[], Awaitable[Link]], time_limit: float) -> None:
        """Take connections from `connected`; give an operation `time_limit` seconds."""
        self._connected = connected
        self._time_limit = time_limit

    async def carry_out(self, path: str, operation: Operation[T]) -> T:
        """The result of `operation(sftp, path as bytes)`, which must be harmless to repeat.

        It is repeated once, on another connection, if the first one turns out to be dead.

        Raises:
            NotFound, NotADirectory, PermissionDenied, CommandFailed: with `path`.
            CommandTimeout: the time limit passed.
            RemoteError: no connection.
        """
        raw = checked_path(path)
        for _ in range(2):
            async with self.held() as link:
                with suppress(_ChannelLost):
                    return await self.step(link, path, lambda sftp: operation(sftp, raw))
        raise ConnectionRefused("Connection lost")

    async def once(self, link: Link, path: str, operation: Callable[[], Awaitable[T]]) -> T:
        """One step of an operation that must not be repeated; raises as `carry_out`."""
        try:
            return await self.step(link, path, lambda _: operation())
        except _ChannelLost as error:
            raise ConnectionRefused("Connection lost") from error

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Link]:
        """A connection that is counted as used."""
        link = await self._connected()
        with link.in_use():
            yield link

    async def step(
        self, link: Link, path: str, operation: Callable[[SFTPClient], Awaitable[T]]
    ) -> T:
        """One limited try on `link`; raises `_ChannelLost` besides what `carry_out` raises."""
        try:
            async with asyncio.timeout(self._time_limit):
                try:
                    return await operation(link.sftp)
                except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
                    raise
                except asyncssh.SFTPError as error:
                    raise await _meaning(link.sftp, path, error) from error
        except TimeoutError as error:
            # The server handles one request after the other: behind a hanging one all others wait.
            link.retire()
            raise CommandTimeout(f"No answer within {self._time_limit:g} s", path=path) from error
        except (asyncssh.Error, OSError) as error:
            link.retire()
            raise _ChannelLost(str(error)) from error


def checked_path(path: str) -> bytes:
    """`path` as bytes, if a file can have it.

    A longer request than the server takes would end the connection for everybody who shares it.

    Raises:
        NotFound: empty, or holds a NUL byte.
        CommandFailed: longer than a path or a file name can be.
    """
    raw = path_bytes(path)
    if not raw or b"\0" in raw:
        raise NotFound("No such file or directory", path=path)
    if len(raw) > LONGEST_PATH or max(map(len, raw.split(b"/"))) > _LONGEST_NAME:
        raise CommandFailed("File name too long", exit_status=1, path=path)
    return raw


def size_of_file(attributes: SFTPAttrs, path: str) -> int:
    """Size in bytes; 0 also of a file whose content is made when it is read, as in /proc.

    Raises:
        IsADirectory: it is one.
        CommandFailed: it is a pipe, a device or a socket, which may not even be opened: the server
            would hang.
    """
    mode = attributes.permissions or 0
    if stat.S_ISDIR(mode):
        raise IsADirectory("Is a directory", path=path)
    if not stat.S_ISREG(mode):
        raise CommandFailed("Not a regular file", exit_status=1, path=path)
    return attributes.size or 0


_background: set[asyncio.Task[None]] = set()


def in_background(work: Coroutine[Any, Any, Any]) -> None:
    """Tidy up on the server without waiting for it; failures do not matter."""

    async def quietly() -> None:
        with suppress(asyncssh.Error, OSError):
            await work

    task = asyncio.create_task(quietly())
    _background.add(task)
    task.add_done_callback(_background.discard)


async def detached(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; a caller that is cancelled does not wait until `work` has tidied up."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:

        async def tidy_up() -> None:
            await asyncio.gather(task, return_exceptions=True)

        task.cancel()
        in_background(tidy_up())
        raise


async def open_file(sftp: SFTPClient, raw: bytes, flags: int) -> SFTPClientFile:
    """Open a file; if the caller is cancelled meanwhile, the server's handle is closed."""
    opening = asyncio.ensure_future(sftp.open(raw, flags, encoding=None))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:

        async def undo() -> None:
            await (await opening).close()

        in_background(undo())
        raise


@asynccontextmanager
async def opened(sftp: SFTPClient, raw: bytes, flags: int) -> AsyncIterator[SFTPClientFile]:
    """An open file, closed in any case; after a failure without waiting for the server."""
    file = await open_file(sftp, raw, flags)
    try:
        yield file
    except BaseException:
        in_background(file.close())
        raise
    await file.close()


async def _meaning(sftp: SFTPClient, path: str, error: asyncssh.SFTPError) -> RemoteError:
    """The project's name for a status code, with a second look where it is ambiguous."""
    if isinstance(error, asyncssh.SFTPPermissionDenied):
        return PermissionDenied("Permission denied", path=path)
    if isinstance(error, asyncssh.SFTPNoSuchFile):
        return await _absence(sftp, path)
    return CommandFailed(error.reason, exit_status=1, path=path)


async def _absence(sftp: SFTPClient, path: str) -> RemoteError:
    """Why there is nothing: the nearest existing ancestor is a file, or the name is unknown."""
    ancestor = path_bytes(path)
    if not ancestor.endswith(b"/"):
        ancestor = posixpath.dirname(ancestor)
    while ancestor.strip(b"/"):
        ancestor = ancestor.rstrip(b"/")
        try:
            mode = (await sftp.stat(ancestor)).permissions or 0
        except asyncssh.SFTPNoSuchFile:
            ancestor = posixpath.dirname(ancestor)
        except asyncssh.SFTPPermissionDenied:
            return PermissionDenied("Permission denied", path=path)
        else:
            if not stat.S_ISDIR(mode):
                return NotADirectory("Not a directory", path=path)
            break
    return NotFound("No such file or directory", path=path)
