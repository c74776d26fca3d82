"""Directory listings from SFTP attributes (contract U1); no text of `ls` is parsed."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

import asyncssh
from asyncssh import SFTPAttrs, SFTPClient

from f7t.ssh.quoting import safe_text

_READLINKS_AT_ONCE = 64


@dataclass(frozen=True)
class FileEntry:
    r"""One line of a listing (contract U1).

    Attributes:
        name: file name, or the path as given when a single file was listed; bytes that are no
            UTF-8 appear as `\xNN`.
        type: one of `-dlbcps`.
        permissions: nine characters such as `rwxr-sr-x`.
        link_target: what a symbolic link points to, else empty.
        user, group: names, or numbers where none is known or numbers were asked for.
        size: bytes.
        last_modified: local time of the machine, without zone.
    """

    name: str
    type: str
    permissions: str
    link_target: str
    user: str
    group: str
    size: int
    last_modified: datetime


@dataclass(frozen=True)
class RawEntry:
    """One file as the server describes it.

    Attributes:
        name: bytes as on the machine; empty for the listed path itself.
        attributes: as lstat(2) gives them.
        owner: user and group name that the server named, if it did.
        link_target: as on the machine.
    """

    name: bytes
    attributes: SFTPAttrs
    owner: tuple[str, str] | None
    link_target: bytes

    @property
    def ids(self) -> tuple[int, int]:
        """Numeric owner."""
        return self.attributes.uid or 0, self.attributes.gid or 0


async def collect(sftp: SFTPClient, raw: bytes, *, show_hidden: bool) -> list[RawEntry]:
    """What is in the directory `raw`, or `raw` itself if it is anything else.

    Sorted by the bytes of the names, as `ls` does in the C locale. Both questions are asked at
    once, so that a directory costs no more round trips than a listing alone.

    Raises:
        asyncssh.SFTPError: see there.
    """
    own, content = await asyncio.gather(sftp.lstat(raw), sftp.readdir(raw), return_exceptions=True)
    if isinstance(own, BaseException):
        raise own
    mode = own.permissions or 0
    if not stat.S_ISDIR(mode):
        target = await _target(sftp, raw) if stat.S_ISLNK(mode) else b""
        return [RawEntry(b"", own, None, target)]
    if isinstance(content, BaseException):
        raise content
    shown = []
    for entry in content:
        name = _bytes(entry.filename)
        if name not in (b".", b"..") and (show_hidden or not name.startswith(b".")):
            shown.append((name, entry.attrs, _owner(_bytes(entry.longname))))
    shown.sort(key=lambda entry: entry[0])
    links = [name for name, attrs, _ in shown if stat.S_ISLNK(attrs.permissions or 0)]
    targets = await _targets(sftp, raw.rstrip(b"/") + b"/", links)
    return [RawEntry(name, attrs, owner, targets.get(name, b"")) for name, attrs, owner in shown]


def render(entry: RawEntry, name: str, owner: tuple[str, str], zone: tzinfo) -> FileEntry:
    """The entry as the contract shows it, with times in `zone`."""
    mode = stat.filemode(entry.attributes.permissions or 0)
    modified = datetime.fromtimestamp(entry.attributes.mtime or 0, zone)
    return FileEntry(
        name=name,
        type=mode[0],
        permissions=mode[1:],
        link_target=safe_text(entry.link_target),
        user=owner[0],
        group=owner[1],
        size=entry.attributes.size or 0,
        last_modified=modified.replace(tzinfo=None),
    )


def _bytes(text: str | bytes) -> bytes:
    """The client was opened for paths as bytes; its types do not know that."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _owner(longname: bytes) -> tuple[str, str] | None:
    """User and group column of the server's `ls -l` line, if it looks like OpenSSH's.

    A group name with a blank shifts the size out of the fifth column: then nothing is known.
    """
    columns = longname.split(None, 5)
    if len(columns) < 6 or not columns[4].isdigit():
        return None
    return safe_text(columns[2]), safe_text(columns[3])


async def _target(sftp: SFTPClient, raw: bytes) -> bytes:
    try:
        return _bytes(await sftp.readlink(raw))
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied, asyncssh.SFTPBadMessage):
        return b""  # gone, or replaced by something else, since it was listed


async def _targets(sftp: SFTPClient, base: bytes, links: Sequence[bytes]) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for start in range(0, len(links), _READLINKS_AT_ONCE):
        batch = links[start : start + _READLINKS_AT_ONCE]
        targets = await asyncio.gather(*(_target(sftp, base + name) for name in batch))
        found.update(zip(batch, targets, strict=True))
    return found
