"""Writing over a real SFTP server: contents, directories, where nothing can be written."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    CommandTimeout,
    IsADirectory,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RemoteError,
)
from f7t.ssh.files import RemoteFiles
from tests.firecrest.ssh.things import kinds, make, tree

MEGABYTE = 1 << 20


async def chunked(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def test_a_file_is_written_as_the_user(files: RemoteFiles, home: Path) -> None:
    content = os.urandom(2 * MEGABYTE + 3)
    await files.write(str(home), "new", content)
    written = home / "new"
    assert written.read_bytes() == content
    status = written.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (2001, 0o644)
    await files.write(str(home), "new", chunked(b"shorter", b"", b" now"))
    assert written.read_bytes() == b"shorter now"
    assert written.stat().st_ino == status.st_ino
    await files.write(str(home) + "/", "empty", b"")
    assert (home / "empty").read_bytes() == b""
    await files.write(".", "- odd 'name'\n", b"x")
    assert (home / "- odd 'name'\n").read_bytes() == b"x"


async def test_an_overwritten_file_keeps_its_mode(files: RemoteFiles, home: Path) -> None:
    make(home / "script", b"old", mode=0o750)
    await files.write(str(home), "script", b"new")
    assert stat.S_IMODE((home / "script").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    ("directory", "name", "error", "path"),
    [
        ("absent", "x", NotFound, "absent"),
        ("file", "x", NotADirectory, "file"),
        ("file/below", "x", NotADirectory, "file/below"),
        ("closed", "x", PermissionDenied, "closed/x"),
        ("readonly", "x", PermissionDenied, "readonly/x"),
        (".", "secret", PermissionDenied, "./secret"),
        (".", "dir", IsADirectory, "./dir"),
        (".", "pipe", CommandFailed, "./pipe"),
        ("dir", "x" * 256, CommandFailed, "dir/" + "x" * 256),
    ],
)
async def test_where_nothing_can_be_written(
    directory: str,
    name: str,
    error: type[RemoteError],
    path: str,
    files: RemoteFiles,
    home: Path,
) -> None:
    kinds(home)
    before = tree(home)
    with pytest.raises(error) as raised:
        await files.write(directory, name, b"data")
    assert raised.value.path == path
    assert tree(home) == before


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\0"])
async def test_only_plain_names_can_be_written(name: str, files: RemoteFiles) -> None:
    with pytest.raises(ValueError, match="no file name"):
        await files.write(".", name, b"data")


async def test_a_write_that_fails_midway_leaves_no_new_file(files: RemoteFiles, home: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("the client went away")

    make(home / "old", b"before")
    for name in ("new", "old"):
        with pytest.raises(RuntimeError):
            await files.write(str(home), name, broken())
    # The clean-up is sent before anything later on the same channel.
    assert [entry.name for entry in await files.listing(str(home))] == ["old"]


async def test_directories_are_made_with_their_parents(files: RemoteFiles, home: Path) -> None:
    await files.make_directories("a/b/c")
    await files.make_directories(f"{home}/a/b/c/d/")
    assert (home / "a/b/c/d").is_dir()
    assert stat.S_IMODE((home / "a/b").stat().st_mode) == 0o755
    await files.make_directories("/")
    await files.make_directories(".")
    deep = "n/" * 300
    await files.make_directories(deep)
    assert await files.listing(deep) == []


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("file", AlreadyExists),
        ("pipe", AlreadyExists),
        ("file/below", NotADirectory),
        ("file/below/deeper", NotADirectory),
        ("readonly/x", PermissionDenied),
        ("closed/x/y", PermissionDenied),
        ("/proc/f7t/x", RemoteError),
        ("dangling/x", RemoteError),
        ("loop/x", RemoteError),
    ],
)
async def test_directories_that_cannot_be_made(
    path: str, error: type[RemoteError], files: RemoteFiles, home: Path
) -> None:
    kinds(home)
    with pytest.raises(error) as raised:
        await files.make_directories(path)
    assert not isinstance(raised.value, CommandTimeout)
    assert raised.value.path == path


async def test_a_writable_directory_is_probed_without_a_trace(
    files: RemoteFiles, home: Path
) -> None:
    kinds(home)
    before = tree(home)
    await files.writable_directory("dir")
    await files.writable_directory(str(home) + "/")
    for path, error in (
        ("absent", NotFound),
        ("file", NotADirectory),
        ("readonly", PermissionDenied),
        ("closed", PermissionDenied),
        ("/", PermissionDenied),
    ):
        with pytest.raises(error) as raised:
            await files.writable_directory(path)
        assert raised.value.path == path
    await files.size("file")
    assert tree(home) == before


async def test_removing(files: RemoteFiles, home: Path) -> None:
    kinds(home)
    await files.remove("file")
    await files.remove("dangling")
    assert not (home / "file").exists()
    with pytest.raises(NotFound):
        await files.remove("file")
    with pytest.raises(IsADirectory):
        await files.remove("dir")
