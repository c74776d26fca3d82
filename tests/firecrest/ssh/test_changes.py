"""Changes of files on a real login node: what is done, and what is refused."""

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.archives import ArchiveKind
from f7t.delegation import CertificateAuthority
from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    IsADirectory,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RemoteError,
    SourceNotFound,
)
from f7t.ssh.changes import FileChanges
from f7t.ssh.pool import SshPool
from tests.firecrest.ssh.things import (
    LONG,
    USER,
    directory,
    file_system,
    kinds,
    link_text,
    make,
    names,
    tree,
)

if TYPE_CHECKING:
    from tests.support.sshd import Sshd

ODD = ["-rf", "--help", "a  b ", "$HOME", "*", "~", "#a", "é日本", "it's", 'a"b', "a\nb", LONG]


async def test_a_directory_is_made(changes: FileChanges, home: Path) -> None:
    await changes.make_directory("new")
    await changes.make_directory(f"{home}/new/deeper/")
    assert stat.S_IMODE((home / "new/deeper").stat().st_mode) == 0o755
    assert (home / "new/deeper").stat().st_uid == USER


@pytest.mark.parametrize("name", ODD)
async def test_odd_names(name: str, changes: FileChanges, home: Path) -> None:
    await changes.make_directory(name)
    await changes.make_link(name, f"{home}/link")
    assert link_text(home / "link") == name
    make(home / name / "f", b"x")
    await changes.copy(name, "copied")
    await changes.rename("copied", f"{name}/{name}")
    await changes.remove(f"{name}/{name}/f")
    await changes.rename(f"{name}/{name}", "moved")
    await changes.remove("moved")
    assert await changes.change_mode(name, "700")
    assert await changes.change_owner(name, owner="test1", group="test1")
    target = f"{name}/a.tgz"
    await changes.compress(name, target)
    await changes.extract(target, name, ArchiveKind.TAR_GZIP)
    assert (home / name / name).is_dir()
    await changes.remove("link")
    await changes.remove(name)
    assert tree(home) == {}


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("file", AlreadyExists),
        ("dir", AlreadyExists),
        ("dangling", AlreadyExists),
        (".", AlreadyExists),
        ("absent/x", NotFound),
        ("file/x", NotADirectory),
        ("readonly/x", PermissionDenied),
        ("closed/x", PermissionDenied),
        (LONG + "x", CommandFailed),
        ("x/" * 2048, CommandFailed),
        ("", NotFound),
    ],
)
async def test_what_cannot_be_made(
    path: str, error: type[RemoteError], changes: FileChanges, home: Path
) -> None:
    kinds(home)
    before = tree(home)
    for attempt in (changes.make_directory(path), changes.make_link("anything", path)):
        with pytest.raises(error) as raised:
            await attempt
        assert type(raised.value) is error
        assert raised.value.path == path
        if error is AlreadyExists:
            assert "File exists" in raised.value.message
    assert tree(home) == before


async def test_links_need_no_target(changes: FileChanges, home: Path) -> None:
    await changes.make_link("/nowhere/at all", "link")
    assert link_text(home / "link") == "/nowhere/at all"
    assert (home / "link").lstat().st_uid == USER


async def test_renaming_replaces_and_moves_into_directories(
    changes: FileChanges, home: Path
) -> None:
    kinds(home)
    make(home / "read only", b"old", mode=0o400)
    await changes.rename("file", f"{home}/read only")
    assert (home / "read only").read_bytes() == b"content"
    await changes.rename("read only", "dir")
    assert (home / "dir/read only").read_bytes() == b"content"
    await changes.rename("dir/", "empty/")
    assert (home / "empty/dir/inside").read_bytes() == b"deep"
    directory(home / "dir")
    await changes.rename("dangling", "dir/inside")
    assert link_text(home / "dir/inside") == "nowhere"
    (home / "to dir").symlink_to("dir")
    await changes.rename("empty/dir/inside", "to dir")
    assert (home / "dir/inside").read_bytes() == b"deep"
    await changes.rename("to dir", "renamed")
    assert link_text(home / "renamed") == "dir"


async def test_renaming_across_file_systems(
    changes: FileChanges, home: Path, elsewhere: Path
) -> None:
    assert file_system(elsewhere) != file_system(home)
    kinds(home)
    before = tree(home / "dir")
    await changes.rename("dir", str(elsewhere))
    assert tree(elsewhere / "dir") == before
    assert not (home / "dir").exists()
    await changes.rename(f"{elsewhere}/dir/inside", "file")
    assert (home / "file").read_bytes() == b"deep"


NO_MOVE = [
    ("absent", "x", SourceNotFound),
    ("absent", "dir", SourceNotFound),
    ("file/x", "x", NotADirectory),
    ("closed/x", "x", PermissionDenied),
    ("file", "absent/x", NotFound),
    ("dir", "absent/x", NotFound),
    ("file", "readonly", PermissionDenied),
    ("file", "readonly/x", PermissionDenied),
    ("file", "closed/x", PermissionDenied),
    ("file", "secret/x", NotADirectory),
    ("dir", "file", NotADirectory),
    ("dir", "dir", CommandFailed),
    ("dir", "dir/sub", CommandFailed),
    ("file", "full", IsADirectory),
    (LONG + "x", "x", CommandFailed),
    ("file", LONG + "x", CommandFailed),
    ("file", "/x" * 2048, CommandFailed),
]


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [*NO_MOVE, ("readonly/theirs", "x", PermissionDenied), (".", "x", CommandFailed)],
)
async def test_what_cannot_be_renamed(
    source: str, target: str, error: type[RemoteError], changes: FileChanges, home: Path
) -> None:
    kinds(home)
    directory(directory(home / "full") / "file")
    before = tree(home)
    with pytest.raises(error) as raised:
        await changes.rename(source, target)
    assert type(raised.value) is error
    assert raised.value.message
    assert tree(home) == before


async def test_a_full_directory_is_not_replaced(changes: FileChanges, home: Path) -> None:
    kinds(home)
    make(directory(directory(home / "full") / "dir") / "theirs")
    with pytest.raises(CommandFailed, match="Directory not empty"):
        await changes.rename("dir", "full")
    assert (home / "full/dir/theirs").exists()


async def test_copies_keep_attributes_and_links(changes: FileChanges, home: Path) -> None:
    kinds(home)
    (home / "dir/link").symlink_to("inside")
    (home / "dir/inside").chmod(0o751)
    os.utime(home / "dir/inside", (1_000_000_000, 1_000_000_000))
    await changes.copy("dir", "copied")
    assert tree(home / "copied") == tree(home / "dir")
    assert (home / "copied/inside").stat().st_mtime == 1_000_000_000
    await changes.copy("dir", "copied")
    assert tree(home / "copied/dir") == tree(home / "dir")
    await changes.copy("dangling", "another")
    assert link_text(home / "another") == "nowhere"


async def test_copies_replace_files(changes: FileChanges, home: Path) -> None:
    kinds(home)
    make(home / "old", b"a longer content", mode=0o400)
    await changes.copy("file", "old")
    assert (home / "old").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [
        *(case for case in NO_MOVE if case[0] != "dir" or case[1] in {"absent/x", "file"}),
        ("secret", "x", PermissionDenied),
        ("file", "file", CommandFailed),
    ],
)
async def test_what_cannot_be_copied(
    source: str, target: str, error: type[RemoteError], changes: FileChanges, home: Path
) -> None:
    kinds(home)
    directory(directory(home / "full") / "file")
    before = tree(home)
    with pytest.raises(error) as raised:
        await changes.copy(source, target)
    assert type(raised.value) is error
    assert raised.value.message
    assert tree(home) == before


async def test_removing(changes: FileChanges, home: Path) -> None:
    kinds(home)
    make(home / "read only", mode=0o400)
    make(directory(home / "dir/sub") / "file", mode=0)
    (home / "to dir").symlink_to("dir")
    await changes.remove("to dir")
    assert (home / "dir/inside").exists()
    for path in ("file", "read only", "dangling", "loop", "pipe", f"{home}/dir/", "empty"):
        await changes.remove(path)
    assert names(home) == {"secret", "closed", "readonly"}
    await changes.remove("secret")
    assert not (home / "secret").exists()


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("absent", NotFound, "No such file"),
        ("file/x", NotADirectory, "Not a directory"),
        ("file/", NotADirectory, "Not a directory"),
        ("closed/x", PermissionDenied, "Permission denied"),
        ("readonly/theirs", PermissionDenied, "Permission denied"),
        ("readonly", PermissionDenied, "Permission denied"),
        (".", CommandFailed, "refusing to remove"),
        ("..", CommandFailed, "refusing to remove"),
        ("dir/..", CommandFailed, "refusing to remove"),
        ("/", CommandFailed, "dangerous"),
        ("//", CommandFailed, "dangerous"),
        (LONG + "x", CommandFailed, "too long"),
    ],
)
async def test_what_cannot_be_removed(
    path: str, error: type[RemoteError], words: str, changes: FileChanges, home: Path
) -> None:
    kinds(home)
    before = tree(home)
    with pytest.raises(error, match=words) as raised:
        await changes.remove(path)
    assert type(raised.value) is error
    assert tree(home) == before


async def test_a_change_on_a_dead_connection_is_made_over_a_new_one(
    authority: CertificateAuthority, sshd: Sshd, home: Path
) -> None:
    pool = SshPool(authority, known_hosts=sshd.known_hosts)
    make(home / "file")
    steps: list[Callable[[FileChanges], Awaitable[None]]] = [
        lambda changes: changes.make_directory("new"),
        lambda changes: changes.make_link("file", "link"),
        lambda changes: changes.rename("file", "renamed"),
        lambda changes: changes.remove("link"),
    ]
    try:
        for change in steps:
            async with pool.session("test1", sshd) as session:
                sshd.stop()
                sshd.start()
                # Nothing was awaited in between: the pool cannot know that the connection is gone.
                await change(session.changes)
        assert names(home) == {"new", "renamed"}
    finally:
        if sshd.stopped:
            sshd.start()
        await pool.close()
