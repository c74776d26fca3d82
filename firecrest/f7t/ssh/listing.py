"""Directory listings from SFTP attributes (contract U1); no text of `ls` is parsed."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from datetime import datetime, tzinfo

from asyncssh import SFTPAttrs

from f7t.ssh.quoting import safe_text


@dataclass(frozen=True)
class FileEntry:
    r"""One line of a listing (contract U1).

    Attributes:
        name: relative to the listed directory, or the path as given when a single file was
            listed; bytes that are no UTF-8 appear as `\xNN`.
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
        name: bytes as on the machine, relative to the listed directory; empty for the listed path
            itself.
        attributes: as lstat(2) gives them, or stat(2) where links are followed.
        owner: user and group name that the server named, if it did.
        link_target: as on the machine.
    """

    name: bytes
    attributes: SFTPAttrs
    owner: tuple[str, str] | None
    link_target: bytes

    @property
    def is_directory(self) -> bool:
        """Whether it is one (a link to one only where links are followed)."""
        return stat.S_ISDIR(self.attributes.permissions or 0)

    @property
    def ids(self) -> tuple[int, int]:
        """Numeric owner."""
        return self.attributes.uid or 0, self.attributes.gid or 0


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


def named_owner(longname: bytes) -> tuple[str, str] | None:
    """User and group column of the server's `ls -l` line, if it looks like OpenSSH's.

    A group name with a blank shifts the size out of the fifth column: then nothing is known.
    """
    columns = longname.split(None, 5)
    if len(columns) < 6 or not columns[4].isdigit():
        return None
    return safe_text(columns[2]), safe_text(columns[3])
