"""Archives on a real login node, and that nothing of a slow change is left running."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import stat
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.archives import ArchiveKind
from f7t.delegation import CertificateAuthority
from f7t.errors import (
    CommandFailed,
    CommandTimeout,
    IsADirectory,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RemoteError,
)
from f7t.ssh.changes import FileChanges
from f7t.ssh.connection import PoolSettings
from f7t.ssh.pool import SshPool
from tests.firecrest.ssh.things import (
    LONG,
    USER,
    archive_of_each_kind,
    directory,
    kinds,
    make,
    names,
    tree,
)

if TYPE_CHECKING:
    from tests.support.sshd import Sshd, Until


async def test_archives_go_both_ways(changes: FileChanges, home: Path) -> None:
    kinds(home)
    (home / "dir/link").symlink_to("inside")
    await changes.compress("dir/", f"{home}/dir/../a.tar.gz")
    status = (home / "a.tar.gz").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (USER, 0o644)
    await changes.extract("a.tar.gz", f"{home}/empty/", ArchiveKind.TAR_GZIP)
    assert tree(home / "empty/dir") == tree(home / "dir")
    make(home / "empty/dir/inside", b"something else")
    await changes.extract("a.tar.gz", "empty", ArchiveKind.GZIP)
    assert tree(home / "empty/dir") == tree(home / "dir")
    await changes.compress("dir", "b.tgz", dereference=True)
    with tarfile.open(home / "b.tgz") as archive:
        assert not archive.getmember("dir/link").issym()


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [
        ("absent", "a.tgz", NotFound),
        ("file/x", "a.tgz", NotADirectory),
        ("dir", "absent/a.tgz", NotFound),
        ("dir", "file/a.tgz", NotADirectory),
        ("dir", "empty", IsADirectory),
        ("dir", "readonly/a.tgz", PermissionDenied),
        ("dir", "closed/a.tgz", PermissionDenied),
        ("secret", "a.tgz", PermissionDenied),
        (".", "a.tgz", PermissionDenied),
        ("dir", LONG + "x", CommandFailed),
    ],
)
async def test_what_cannot_be_compressed(
    source: str, target: str, error: type[RemoteError], changes: FileChanges, home: Path
) -> None:
    kinds(home)
    before = tree(home)
    with pytest.raises(error) as raised:
        await changes.compress(source, target)
    assert type(raised.value) is error
    assert tree(home) == before


async def test_a_dangling_link_cannot_be_dereferenced(changes: FileChanges, home: Path) -> None:
    kinds(home)
    await changes.compress("dangling", "a.tgz")
    with pytest.raises(NotFound):
        await changes.compress("dangling", "a.tgz", dereference=True)


@pytest.mark.parametrize("kind", list(ArchiveKind))
@pytest.mark.parametrize(
    ("source", "target", "error"),
    [
        ("absent", "empty", NotFound),
        ("dir", "empty", IsADirectory),
        ("secret", "empty", PermissionDenied),
        ("{}", "absent", NotFound),
        ("{}", "file", NotADirectory),
        ("{}", "readonly", PermissionDenied),
        ("file", "empty", CommandFailed),
    ],
)
async def test_what_cannot_be_extracted(
    source: str,
    target: str,
    error: type[RemoteError],
    kind: ArchiveKind,
    changes: FileChanges,
    home: Path,
) -> None:
    kinds(home)
    archive_of_each_kind(home)
    archive = "a.tar" + kind.value if kind in {ArchiveKind.GZIP, ArchiveKind.BZIP2} else "a" + kind
    before = tree(home)
    with pytest.raises(error) as raised:
        await changes.extract(source.format(archive), target, kind)
    assert type(raised.value) is error
    assert raised.value.message
    assert tree(home) == before


@pytest.fixture
async def hasty(
    sshd: Sshd, authority: CertificateAuthority, home: Path
) -> AsyncIterator[FileChanges]:
    """Changes that must be over soon."""
    settings = PoolSettings(file_time_limit=0.5)
    pool = SshPool(authority, known_hosts=sshd.known_hosts, settings=settings)
    async with pool.session("test1", sshd) as session:
        yield session.changes
    await pool.close()


def endless(path: Path) -> Path:
    """A file that no tool reads to its end in time."""
    make(path)
    os.truncate(path, 1 << 42)
    return path


async def test_a_slow_archive_is_ended_and_leaves_nothing(
    hasty: FileChanges, sshd: Sshd, home: Path, until: Until
) -> None:
    endless(directory(home / "dir") / "endless")
    make(home / "a.tgz", b"older")
    with pytest.raises(CommandTimeout):
        await hasty.compress("dir", "a.tgz")
    await until(lambda: not sshd.processes("test1"))
    assert (home / "a.tgz").read_bytes() == b"older"
    assert names(home) == {"dir", "a.tgz"}


@pytest.fixture
def leased(elsewhere: Path) -> Iterator[Path]:
    """A file that others cannot open until the kernel takes it back from us, after 45 s."""
    path = make(elsewhere / "leased", b"x")
    ignored = signal.signal(signal.SIGIO, signal.SIG_IGN)
    with path.open("r+b") as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield path
    signal.signal(signal.SIGIO, ignored)


@pytest.mark.parametrize("operation", ["copy", "rename"])
async def test_a_slow_tool_is_ended(
    operation: str, hasty: FileChanges, leased: Path, sshd: Sshd, until: Until
) -> None:
    change = hasty.copy if operation == "copy" else hasty.rename
    with pytest.raises(CommandTimeout):
        await change(str(leased), "x")
    await until(lambda: not sshd.processes("test1"))
    assert names(leased.parent) == {"leased"}


async def test_a_cancelled_archive_leaves_nothing(
    changes: FileChanges, sshd: Sshd, home: Path, until: Until
) -> None:
    endless(directory(home / "dir") / "endless")
    making = asyncio.create_task(changes.compress("dir", "a.tgz"))
    await until(lambda: any(name.startswith(".f7t-") for name in names(home)))
    await until(lambda: bool(sshd.processes("test1")))
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    await until(lambda: not sshd.processes("test1"))
    assert names(home) == {"dir"}
