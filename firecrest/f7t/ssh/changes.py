"""What changes files besides writing them: over SFTP where it can, else one tool of the machine.

Paths are as in `f7t.ssh.files`. A tool is run as one command within the time limit; the machine
ends it when the limit passes, and what it had done until then stays: parts of a copy or of an
unpacked archive, never half of a new archive.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Awaitable, Callable

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient

from f7t import archives
from f7t.archives import ArchiveKind
from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    InvalidOwner,
    IsADirectory,
    NotADirectory,
    NotFound,
    RemoteError,
    SourceNotFound,
)
from f7t.ssh.channel import Completed
from f7t.ssh.connection import Link
from f7t.ssh.facts import Runner
from f7t.ssh.files import RemoteFiles
from f7t.ssh.messages import archiver_failure, tool_failure
from f7t.ssh.quoting import safe_text
from f7t.ssh.sftp import SftpChannel, checked_path

_OUTPUT_LIMIT = 5 << 20


class FileChanges:
    """Changes of files of one machine as one user may make them.

    Every method raises, besides what it names: `NotFound`, `NotADirectory`, `PermissionDenied`,
    `CommandFailed` (anything else, in the words of the server or the tool), `CommandTimeout`, and
    the `RemoteError`s of a connection that does not come about.
    """

    def __init__(
        self,
        connected: Callable[[], Awaitable[Link]],
        runner: Runner,
        files: RemoteFiles,
        time_limit: float,
    ) -> None:
        """Used by `f7t.ssh.pool.Session`; `time_limit` in seconds."""
        self._sftp = SftpChannel(connected, time_limit)
        self._runner = runner
        self._files = files
        self._time_limit = time_limit

    async def make_directory(self, path: str) -> None:
        """Make a directory in an existing one; its mode follows the user's umask.

        Raises:
            AlreadyExists: something has that name.
        """
        raw = checked_path(path)
        await self._make(path, lambda sftp: sftp.mkdir(raw))

    async def make_new_directory(self, path: str) -> None:
        """Like `make_directory` in one request; why it fails, also if it is there, may be vague."""
        raw = checked_path(path)
        async with self._sftp.held() as link:
            await self._sftp.once(link, path, lambda: link.sftp.mkdir(raw))

    async def make_link(self, target: str, link: str) -> None:
        """Make the symbolic link `link` with the text `target`, which need not name anything.

        Raises:
            AlreadyExists: something is at `link`, a directory among others.
        """
        text, raw = checked_path(target), checked_path(link)
        await self._make(link, lambda sftp: sftp.symlink(text, raw))

    async def rename(self, source: str, target: str) -> None:
        """Move as `mv -f` does: into an existing directory, else to that name, replacing a file.

        Within a file system this is one atomic step. If both names are links to one file, nothing
        happens (rename(2)).

        Raises:
            SourceNotFound: nothing is at `source`.
            IsADirectory: a file would replace a directory.
            NotADirectory: also if a directory would replace a file.
        """
        try:
            await self._attributes(source)
        except NotFound as error:
            raise SourceNotFound(error.message, path=source) from error
        old = checked_path(source)
        name = posixpath.basename(old.rstrip(b"/"))

        async def destination(sftp: SFTPClient, raw: bytes) -> bytes:
            try:
                mode = (await sftp.stat(raw)).permissions or 0
            except asyncssh.SFTPNoSuchFile:
                return raw
            return posixpath.join(raw, name) if stat.S_ISDIR(mode) else raw

        new = await self._sftp.carry_out(target, destination)
        async with self._sftp.held() as link:
            try:
                await self._sftp.once(link, target, lambda: link.sftp.posix_rename(old, new))
            except (NotFound, NotADirectory, CommandFailed):
                # Another file system, or a reason that the server keeps to itself.
                await self._tool(["mv", "-f", "--", source, target], target)

    async def copy(self, source: str, target: str) -> None:
        """Copy with all below and all attributes; links are copied as links, files are replaced.

        Raises:
            SourceNotFound, IsADirectory, NotADirectory: as `rename`.
        """
        checked_path(source)
        checked_path(target)
        await self._tool(["cp", "-a", "-f", "--", source, target], target)

    async def remove(self, path: str) -> None:
        """Remove a file, a link, or a directory with all that is in it; never asks.

        A file needs no process on the machine. `rm` refuses `/`, `.` and `..`.
        """
        mode = (await self._attributes(path)).permissions or 0
        if stat.S_ISDIR(mode):
            await self._tool(["rm", "-r", "--interactive=never", "--", path], path)
            return
        raw = checked_path(path)
        async with self._sftp.held() as link:
            await self._sftp.once(link, path, lambda: link.sftp.remove(raw))

    async def change_mode(self, path: str, mode: str) -> str:
        """Set permissions; what `chmod -v` says of it.

        Args:
            path: a file; a link is followed.
            mode: octal or symbolic, as in chmod(1).

        Raises:
            InvalidMode: `mode` is neither.
        """
        checked_path(path)
        return await self._tool(["chmod", "-v", "--", mode, path], path)

    async def change_owner(self, path: str, *, owner: str = "", group: str = "") -> str:
        """Set owner and group, or the one of them that is not empty; what `chown -v` says of it.

        Args:
            path: a file; a link is followed.
            owner, group: names or numbers on the machine.

        Raises:
            InvalidOwner, InvalidGroup: the machine does not know it.
            ValueError: both are empty.
        """
        if not (owner or group):
            raise ValueError("neither owner nor group")
        checked_path(path)
        if ":" in owner:
            raise InvalidOwner(f"chown: invalid user: '{owner}'", path=path)
        wanted = f"{owner}:{group}" if group else owner
        return await self._tool(["chown", "-v", "--", wanted, path], path)

    async def compress(self, source: str, target: str, *, dereference: bool = False) -> None:
        """Make the archive `target` of `source`, see `f7t.archives.compress_argv`.

        `target` is complete or as it was before.

        Raises:
            IsADirectory: `target` is one.
        """
        await self._attributes(source, follow=dereference)
        await self._must_be_directory(posixpath.dirname(target.rstrip("/")) or ".")
        try:
            mode = (await self._attributes(target)).permissions or 0
        except NotFound:
            mode = 0
        if stat.S_ISDIR(mode):
            raise IsADirectory("Is a directory", path=target)
        argv = archives.compress_argv(source, target, dereference=dereference)
        await self._tool(argv, target, archiver_failure)

    async def extract(self, source: str, target: str, kind: ArchiveKind) -> None:
        """Unpack `source` into the existing directory `target`, see `f7t.archives.extract_argv`.

        Raises:
            IsADirectory: `source` is one.
        """
        await self._files.size(source)
        await self._must_be_directory(target)
        await self._tool(archives.extract_argv(source, target, kind), target, archiver_failure)

    async def _make(self, path: str, operation: Callable[[SFTPClient], Awaitable[None]]) -> None:
        """One request that makes `path`; it is not repeated, so the connection is tried first."""
        if await self._is_there(path):
            raise AlreadyExists("File exists", path=path)
        async with self._sftp.held() as link:
            try:
                await self._sftp.once(link, path, lambda: operation(link.sftp))
            except CommandFailed:
                if await self._is_there(path):
                    raise AlreadyExists("File exists", path=path) from None
                raise

    async def _is_there(self, path: str) -> bool:
        try:
            await self._attributes(path)
        except (NotFound, NotADirectory):
            return False
        return True

    async def _attributes(self, path: str, *, follow: bool = False) -> SFTPAttrs:
        return await self._sftp.carry_out(
            path, lambda sftp, raw: sftp.stat(raw) if follow else sftp.lstat(raw)
        )

    async def _must_be_directory(self, path: str) -> None:
        mode = (await self._attributes(path, follow=True)).permissions or 0
        if not stat.S_ISDIR(mode):
            raise NotADirectory("Not a directory", path=path)

    async def _tool(
        self,
        argv: list[str],
        path: str,
        failure: Callable[[Completed, str], RemoteError] = tool_failure,
    ) -> str:
        """What a command printed; `failure` says what it means that it fails."""
        done = await self._runner.run(argv, time_limit=self._time_limit, output_limit=_OUTPUT_LIMIT)
        if done.exit_status != 0:
            raise failure(done, path)
        return safe_text(done.stdout).strip("\n")
