"""File operations over a real SFTP server: contents, odd names, kinds of errors."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.errors import (
    CommandFailed,
    IsADirectory,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RemoteError,
    SizeLimitExceeded,
)
from f7t.ssh.files import RemoteFiles
from f7t.ssh.listing import FileEntry
from f7t.ssh.pool import SshPool
from tests.firecrest.ssh.things import kinds, make

if TYPE_CHECKING:
    from tests.support.sshd import Sshd

MEGABYTE = 1 << 20


async def test_an_empty_directory(files: RemoteFiles, home: Path) -> None:
    for name in ("none", "some"):
        (home / name).mkdir()
    make(home / "some" / ".hidden")
    (home / "link").symlink_to("some")
    assert await files.is_empty(str(home / "none"))
    assert not await files.is_empty(str(home / "some"))
    assert not await files.is_empty("link")
    for path, error in (("nowhere", NotFound), (make(home / "file"), RemoteError)):
        with pytest.raises(error):
            await files.is_empty(str(path))


async def test_a_listing_shows_what_ls_would_show(files: RemoteFiles, home: Path) -> None:
    noon = datetime(2026, 1, 5, 12, 30, 15, tzinfo=UTC).timestamp()
    for path in (make(home / "b.dat", b"0123456789", mode=0o664), make(home / ".hidden")):
        os.utime(path, (noon, noon))
    (home / "Dir").mkdir()
    (home / "Dir").chmod(0o3775)
    os.chown(home / "Dir", 2001, 2002)
    os.utime(home / "Dir", (noon, noon))
    (home / "a link").symlink_to("no/where at all")
    os.utime(home / "a link", (noon, noon), follow_symlinks=False)
    make(home / "suid", mode=0o4711)
    os.chown(home / "suid", 0, 4242)
    (home / "suid").chmod(0o4711)
    os.utime(home / "suid", (noon, noon))
    when = datetime(2026, 1, 5, 12, 30, 15)
    directory_size = (home / "Dir").stat().st_size
    shown = await files.listing(str(home))
    assert shown == [
        FileEntry("Dir", "d", "rwxrwsr-t", "", "test1", "test2", directory_size, when),
        FileEntry("a link", "l", "rwxrwxrwx", "no/where at all", "root", "root", 15, when),
        FileEntry("b.dat", "-", "rw-rw-r--", "", "test1", "test1", 10, when),
        FileEntry("suid", "-", "rws--x--x", "", "root", "4242", 0, when),
    ]
    assert [entry.name for entry in await files.listing(str(home), show_hidden=True)] == [
        ".hidden",
        "Dir",
        "a link",
        "b.dat",
        "suid",
    ]
    numbers = await files.listing(str(home), numeric_uid=True)
    assert [(entry.user, entry.group) for entry in numbers] == [
        ("2001", "2002"),
        ("0", "0"),
        ("2001", "2001"),
        ("0", "4242"),
    ]


async def test_an_empty_directory_lists_nothing(files: RemoteFiles, home: Path) -> None:
    assert await files.listing(".") == []
    assert await files.listing(str(home) + "/") == []


@pytest.mark.parametrize("name", ["one.txt", "with blank", "é"])
async def test_a_single_file_is_listed_under_the_path_as_given(
    name: str, pool: SshPool, sshd: Sshd, home: Path
) -> None:
    make(home / name, b"abc")
    async with pool.session("test1", sshd) as session:
        # A fresh pool has seen no listing that would tell the names of the ids.
        (entry,) = await session.files.listing(f"{home}/{name}")
        assert entry.name == f"{home}/{name}"
        assert (entry.user, entry.group, entry.size) == ("test1", "test1", 3)
        (relative,) = await session.files.listing(name)
        assert relative.name == name


async def test_ids_without_a_name_are_shown_as_numbers(files: RemoteFiles, home: Path) -> None:
    make(home / "strange")
    os.chown(home / "strange", 4343, 4242)
    (entry,) = await files.listing(f"{home}/strange")
    assert (entry.user, entry.group) == ("4343", "4242")


async def test_a_link_is_followed_only_with_a_trailing_slash(
    files: RemoteFiles, home: Path
) -> None:
    (home / "target").mkdir()
    make(home / "target" / "inside")
    (home / "link").symlink_to("target")
    (link,) = await files.listing(f"{home}/link")
    assert (link.name, link.type, link.link_target) == (f"{home}/link", "l", "target")
    assert [entry.name for entry in await files.listing(f"{home}/link/")] == ["inside"]


ODD_NAMES = [
    b"with blank",
    b" leading",
    b"quote'\"",
    b"new\nline",
    b"back\\slash",
    b"$(touch x)",
    b"*",
    b"\xff\xfe",
    b"\xc3\xa9t\xc3\xa9",
    b"tab\t\x1b[31m",
    b"-rf",
    b"x" * 255,
]


async def test_odd_names_come_through(files: RemoteFiles, home: Path) -> None:
    for name in ODD_NAMES:
        make(home / os.fsdecode(name), name)
    names = [entry.name for entry in await files.listing(str(home))]
    assert names == [name.decode("utf-8", "backslashreplace") for name in sorted(ODD_NAMES)]
    for name in ODD_NAMES:
        path = f"{home}/" + name.decode("utf-8", "surrogateescape")
        assert await files.read(path, MEGABYTE) == name
        await files.remove(path)
    assert await files.listing(str(home), show_hidden=True) == []


async def test_five_thousand_entries_with_links(files: RemoteFiles, home: Path) -> None:
    directory = home / "big"
    directory.mkdir(mode=0o755)
    for number in range(4000):
        (directory / f"{number:05}").touch()
    for number in range(1000):
        (directory / f"link{number:05}").symlink_to(f"to{number}")
    shown = await files.listing(str(directory))
    assert len(shown) == 5000
    assert [entry.link_target for entry in shown if entry.type == "l"] == [
        f"to{number}" for number in range(1000)
    ]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("", NotFound),
        ("absent", NotFound),
        ("absent/", NotFound),
        ("absent/deeper/still", NotFound),
        ("file/", NotADirectory),
        ("file/below", NotADirectory),
        ("file/below/deeper", NotADirectory),
        ("closed", PermissionDenied),
        ("closed/file", PermissionDenied),
        ("closed/absent/x", PermissionDenied),
        ("loop/", NotFound),
        ("loop/x", NotFound),
        ("a\0b", NotFound),
        ("x" * 256, CommandFailed),
        ("x/" * 2048, CommandFailed),
        ("x/" * 500_000, CommandFailed),
    ],
)
async def test_what_a_listing_cannot_show(
    path: str, error: type[RemoteError], files: RemoteFiles, home: Path
) -> None:
    kinds(home)
    with pytest.raises(error) as raised:
        await files.listing(path)
    assert raised.value.path == path
    assert raised.value.message
    # The connection is still good for others.
    assert len(await files.listing("empty/")) == 0


async def test_a_home_of_another_user_is_closed(files: RemoteFiles, sshd: Sshd) -> None:
    for path in (str(sshd.home("test2")), f"{sshd.home('test2')}/x"):
        with pytest.raises(PermissionDenied):
            await files.listing(path)


@pytest.mark.parametrize("size", [0, 1, 32768, 262144, 3 * MEGABYTE + 7])
async def test_content_is_read_whole(size: int, files: RemoteFiles, home: Path) -> None:
    content = os.urandom(size)
    make(home / "data", content)
    assert await files.size("data") == size
    assert await files.read("data", size) == content
    assert await files.read(f"{home}/data", 10 * MEGABYTE) == content
    assert await files.tail("data", 1000) == content[-1000:]
    if size:
        with pytest.raises(SizeLimitExceeded):
            await files.read("data", size - 1)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("absent", NotFound),
        ("dangling", NotFound),
        ("dir", IsADirectory),
        ("dir/", IsADirectory),
        ("file/x", NotADirectory),
        ("secret", PermissionDenied),
        ("closed/file", PermissionDenied),
        ("pipe", CommandFailed),
        ("/dev/zero", CommandFailed),
    ],
)
async def test_what_cannot_be_read(
    path: str, error: type[RemoteError], files: RemoteFiles, home: Path
) -> None:
    kinds(home)
    for operation in (files.size(path), files.read(path, MEGABYTE), files.tail(path, 10)):
        with pytest.raises(error) as raised:
            await operation
        assert raised.value.path == path
    assert await files.tails([path, "file", path], 3) == {path: b"", "file": b"ent"}


async def test_many_operations_at_once_share_one_channel(
    pool: SshPool, sshd: Sshd, home: Path
) -> None:
    for number in range(100):
        make(home / f"{number:03}", str(number).encode())
    async with pool.session("test1", sshd) as session:
        read = await asyncio.gather(
            *(session.files.read(f"{number:03}", 100) for number in range(100))
        )
    assert read == [str(number).encode() for number in range(100)]
    assert pool.stats().handshakes == 1
