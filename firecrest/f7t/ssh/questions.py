"""What only tools on the machine know of a file or a user: one remote command, for one or many."""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import asyncssh
from asyncssh import SFTPClient

from f7t.errors import CommandFailed
from f7t.gathering import Gathering
from f7t.ssh.connection import Link
from f7t.ssh.facts import Runner
from f7t.ssh.messages import tool_failure
from f7t.ssh.quoting import safe_text
from f7t.ssh.sftp import SftpChannel, checked_path, opened, size_of_file

Status: TypeAlias = dict[str, int]
Statuses: TypeAlias = Mapping[bool, Gathering[Status]]
"""One user's questions for the status of files, by whether links are followed."""

_ANSWER_LIMIT = 1 << 20
_HASHED_HERE = 1 << 18
"""Bytes. Measured on loopback: to read so much takes 7 ms, a command 19; at 1 MiB they are even."""

_STAT = {
    "mode": "%f",
    "ino": "%i",
    "dev": "%d",
    "nlink": "%h",
    "uid": "%u",
    "gid": "%g",
    "size": "%s",
    "atime": "%X",
    "mtime": "%Y",
    "ctime": "%Z",
}
_SHA256 = re.compile(rb"\\?([0-9a-f]{64}) ")
_ONE = rb"(\d+)(?:\((.*?)\))?"
_ID = re.compile(
    rb"uid=%b gid=%b(?: euid=.*?)?(?: egid=.*?)? groups=(\d.*?)(?: context=[^\s()]*)?\n?"
    % (_ONE, _ONE)
)
_MEMBER = re.compile(_ONE + rb"(?=,\d+(?:[(,]|$)|$)")


@dataclass(frozen=True)
class Named:
    """A user or a group; `name` is the number where the machine knows none."""

    name: str
    id: int


@dataclass(frozen=True)
class Identity:
    """Who somebody is on the machine.

    Attributes:
        user: the user.
        group: the primary group.
        groups: all groups, the primary one among them.
    """

    user: Named
    group: Named
    groups: tuple[Named, ...]


class RemoteQuestions:
    """Answers of one machine's tools to one user.

    Every method raises what `Session.run` raises; those about a path also `NotFound`,
    `NotADirectory`, `PermissionDenied` and `CommandFailed` with `path`.
    """

    def __init__(
        self,
        connected: Callable[[], Awaitable[Link]],
        runner: Runner,
        time_limit: float,
        statuses: Statuses,
    ) -> None:
        """Used by `f7t.ssh.pool.Session`; `statuses` are those of the user's account."""
        self._sftp = SftpChannel(connected, time_limit)
        self._runner = runner
        self._time_limit = time_limit
        self._statuses = statuses

    async def kind(self, path: str) -> str:
        """What `file` says it is, `directory` or `ASCII text`; of a link, what it points to.

        The tool reports what it cannot open as if it were an answer, so that is looked at before.
        """

        async def look(sftp: SFTPClient, raw: bytes) -> int:
            mode = (await sftp.lstat(raw)).permissions or 0
            if stat.S_ISREG(mode):
                async with opened(sftp, raw, asyncssh.FXF_READ):
                    return mode
            return mode

        mode = await self._sftp.carry_out(path, look)
        if stat.S_ISDIR(mode) and not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
            return "directory"
        answer = await self._ask(["file", "-b", "--", _as_operand(path)], path)
        return safe_text(answer).removesuffix("\n")

    async def status(self, path: str, *, follow_links: bool) -> Status:
        """The ten numbers of stat(2) by their names without `st_`; times in whole seconds."""
        argv = ["stat", *(["-L"] if follow_links else []), "-c", " ".join(_STAT.values()), "--"]

        async def ask(paths: Sequence[str]) -> Sequence[Status]:
            # Of several, the failing ones are asked again alone: only then is it known which.
            alone = paths[0] if len(paths) == 1 else ""
            answer = await self._ask([*argv, *map(_as_operand, paths)], alone)
            lines = answer.splitlines()
            if len(lines) != len(paths):
                raise CommandFailed("stat gave no status", exit_status=0, path=alone)
            return [_status(line) for line in lines]

        checked_path(path)
        return await self._statuses[follow_links].answer(path, ask)

    async def sha256(self, path: str) -> str:
        """SHA-256 of a regular file as 64 hexadecimal digits.

        Raises:
            IsADirectory: it is one.
        """

        async def look(sftp: SFTPClient, raw: bytes) -> bytes | None:
            size = size_of_file(await sftp.stat(raw), path)
            async with opened(sftp, raw, asyncssh.FXF_READ) as file:
                if size > _HASHED_HERE:
                    return None
                content: bytes = await file.read(size or _HASHED_HERE + 1, 0)
                return content if len(content) <= _HASHED_HERE else None

        content = await self._sftp.carry_out(path, look)
        if content is not None:
            return hashlib.sha256(content).hexdigest()
        answer = _SHA256.match(await self._ask(["sha256sum", "--", _as_operand(path)], path))
        if answer is None:
            raise CommandFailed("sha256sum gave no checksum", exit_status=0, path=path)
        return answer[1].decode("ascii")

    async def identity(self) -> Identity:
        """User and groups of the session."""
        answer = _ID.fullmatch(await self._ask(["id"], ""))
        if answer is None:
            raise CommandFailed("id gave no user and groups", exit_status=0)
        uid, user, gid, group, groups = answer.groups()
        members = tuple(_named(*found) for found in _MEMBER.findall(groups))
        return Identity(_named(uid, user), _named(gid, group), members)

    async def _ask(self, argv: list[str], path: str) -> bytes:
        """Output of a tool that went well."""
        if path:
            checked_path(path)
        completed = await self._runner.run(
            argv, time_limit=self._time_limit, output_limit=_ANSWER_LIMIT
        )
        if completed.exit_status != 0:
            raise tool_failure(completed, path)
        return completed.stdout


def _status(line: bytes) -> Status:
    mode, *numbers = line.split()
    return dict(zip(_STAT, [int(mode, 16), *map(int, numbers)], strict=True))


def _as_operand(path: str) -> str:
    """`path` in a form that no tool takes for its standard input (`-`)."""
    return path if path.startswith("/") else f"./{path}"


def _named(number: bytes, name: bytes | None) -> Named:
    """From `7(seven)`; a name may hold blanks and brackets, or be missing."""
    return Named(safe_text(name or number), int(number))
