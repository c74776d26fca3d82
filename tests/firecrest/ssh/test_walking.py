"""Listings beyond one plain directory: everything below, through links, names only."""

from __future__ import annotations

import asyncio
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.errors import CommandTimeout, NotFound, OutputLimitExceeded, PermissionDenied
from f7t.ssh.connection import PoolSettings
from f7t.ssh.files import RemoteFiles
from f7t.ssh.pool import SshPool
from f7t.ssh.sftp import detached
from f7t.ssh.walking import Scope

if TYPE_CHECKING:
    from f7t.delegation import CertificateAuthority
    from tests.support.sshd import Sshd

ALL = Scope(recursive=True)


def plant(home: Path, *names: str | bytes) -> None:
    """Empty files, or directories where a name ends in a slash, with their parents."""
    for name in map(os.fsdecode, names):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_bytes(name.encode("utf-8", "surrogateescape"))


def told_by_ls(directory: Path) -> list[str]:
    """Names below, from the tool, which heads each directory with its path."""
    command = ["ls", "-AR"]
    told = subprocess.run(command, cwd=directory, capture_output=True, check=True, text=True)
    names, inside = [], ""
    for line in told.stdout.splitlines():
        if line.endswith(":"):
            inside = line[:-1].removeprefix(".").removeprefix("/")
        elif line:
            names.append(f"{inside}/{line}" if inside else line)
    return names


def stored_order(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def shown(files: RemoteFiles, path: str, scope: Scope) -> list[str]:
    """Names, which both kinds of listing must agree upon."""
    names = await files.names(path, scope)
    entries = await files.listing_of(path, scope, numeric_uid=True)
    assert [entry.name for entry in entries] == names
    return names


async def test_everything_below_comes_directory_by_directory(
    files: RemoteFiles, home: Path
) -> None:
    plant(home, "b/y", "b/x/deep/er", "a/1", "c", "b/.hidden/in", ".top/in", "empty/")
    assert await shown(files, str(home), ALL) == [
        *("a", "b", "c", "empty"),
        "a/1",
        *("b/x", "b/y"),
        "b/x/deep",
        "b/x/deep/er",
    ]
    hidden = await shown(files, ".", replace(ALL, show_hidden=True))
    assert {".top", ".top/in", "b/.hidden", "b/.hidden/in"} <= set(hidden)
    assert sorted(hidden) == sorted(told_by_ls(home))


async def test_the_tree_may_be_deeper_than_a_path_can_be_long(
    files: RemoteFiles, home: Path
) -> None:
    def step(name: str) -> None:
        Path(name).mkdir()
        os.chdir(name)

    before = Path.cwd()
    os.chdir(home)
    try:
        for _ in range(30):
            step("d" * 200)
    finally:
        os.chdir(before)
    names = await shown(files, str(home), ALL)
    assert 18 < len(names) < 22
    assert names == ["/".join(["d" * 200] * (depth + 1)) for depth in range(len(names))]


async def test_many_directories(files: RemoteFiles, home: Path) -> None:
    expected = [f"{first:02}" for first in range(40)]
    for first in range(40):
        plant(home, *(f"{first:02}/{second}" for second in "abcde"))
        expected += [f"{first:02}/{second}" for second in "abcde"]
    assert await shown(files, str(home), ALL) == expected


async def test_odd_names_below(files: RemoteFiles, home: Path) -> None:
    plant(home, b"a b/'\"\n", b"\xff/\xfe\\x", b"-R/--", b"$(id)/;", b"x/" + b"\xc3\xa9" * 127)
    assert await shown(files, str(home), ALL) == [
        *("$(id)", "-R", "a b", "x", "\\xff"),
        "$(id)/;",
        "-R/--",
        "a b/'\"\n",
        "x/" + "é" * 127,
        "\\xff/\\xfe\\x",
    ]


async def test_a_closed_directory_below_is_shown_without_its_content(
    files: RemoteFiles, home: Path
) -> None:
    plant(home, "closed/x", "open/x")
    (home / "closed").chmod(0o700)
    assert await shown(files, str(home), ALL) == ["closed", "open", "open/x"]
    with pytest.raises(PermissionDenied):
        await files.names(f"{home}/closed", ALL)


async def test_links_are_not_entered_unless_followed(files: RemoteFiles, home: Path) -> None:
    plant(home, "real/file", "top/x")
    (home / "top/link").symlink_to("../real")
    (home / "top/nowhere").symlink_to("absent")
    entries = await files.listing_of(f"{home}/top", ALL)
    assert [(entry.name, entry.type, entry.link_target) for entry in entries] == [
        ("link", "l", "../real"),
        ("nowhere", "l", "absent"),
        ("x", "-", ""),
    ]
    followed = await files.listing_of(f"{home}/top", replace(ALL, follow_links=True))
    assert [(entry.name, entry.type, entry.link_target) for entry in followed] == [
        ("link", "d", ""),
        ("nowhere", "l", ""),
        ("x", "-", ""),
        ("link/file", "-", ""),
    ]
    assert await files.names(f"{home}/top", replace(ALL, follow_links=True)) == [
        entry.name for entry in followed
    ]


async def test_a_followed_link_shows_its_targets_owner_and_size(
    files: RemoteFiles, home: Path
) -> None:
    plant(home, "four", "dir/inside")
    os.chown(home / "four", 2002, 4242)
    (home / "link").symlink_to("four")
    (home / "way").symlink_to("dir")
    entries = await files.listing_of(str(home), Scope(follow_links=True))
    found = {entry.name: entry for entry in entries}
    link = found["link"]
    assert (link.type, link.user, link.group, link.size) == ("-", "test2", "4242", 4)
    assert found["way"].type == "d"
    # What the path itself names is followed too.
    (single,) = await files.listing_of(f"{home}/link", Scope(follow_links=True))
    assert (single.name, single.type, single.link_target) == (f"{home}/link", "-", "")
    assert await files.names(f"{home}/way", Scope(follow_links=True)) == ["inside"]
    (home / "loop").symlink_to("loop")
    (home / "nowhere").symlink_to("absent")
    with pytest.raises(NotFound):
        await files.names(f"{home}/nowhere", Scope(follow_links=True))


async def test_circles_of_links_end(files: RemoteFiles, home: Path) -> None:
    plant(home, "a/b/x")
    (home / "a/b/up").symlink_to("..")
    (home / "a/b/self").symlink_to(".")
    (home / "a/b/home").symlink_to(home)
    (home / "loop").symlink_to("loop")
    scope = replace(ALL, follow_links=True)
    assert await shown(files, str(home), scope) == [
        *("a", "loop"),
        "a/b",
        *("a/b/home", "a/b/self", "a/b/up", "a/b/x"),
    ]
    # From further down the circle is longer, but it is one.
    below = await shown(files, f"{home}/a/b", scope)
    assert {"home/a/b", "up/b", "home/loop"} <= set(below)
    assert not [name for name in below if name.startswith(("home/a/b/", "up/b/", "self/"))]


async def test_without_order_nothing_is_lost(files: RemoteFiles, home: Path) -> None:
    names = [f"{number * 7919 % 1000:03}" for number in range(300)]
    plant(home, *names, "sub/x", ".hidden")
    server_order = stored_order(home)
    found = await shown(files, str(home), Scope(unsorted=True))
    assert found == [name for name in server_order if not name.startswith(".")]
    assert found != sorted(found)
    everything = Scope(unsorted=True, show_hidden=True, dots=True)
    assert set(await files.names(str(home), everything)) == {*server_order, ".", ".."}
    below = await files.names(str(home), replace(everything, recursive=True))
    assert set(below) == {*server_order, ".", "..", "sub/x"}


@pytest.mark.parametrize("kind", ["file", "pipe", "link"])
async def test_names_of_anything_else_are_the_path(
    kind: str, files: RemoteFiles, home: Path
) -> None:
    plant(home, "file", "dir/x")
    os.mkfifo(home / "pipe")
    (home / "link").symlink_to("dir")
    for scope in (Scope(), ALL, Scope(unsorted=True, dots=True)):
        assert await shown(files, f"{home}/{kind}", scope) == [f"{home}/{kind}"]


async def test_a_listing_has_a_limit(files: RemoteFiles, home: Path) -> None:
    plant(home, *(f"{top}/{name:04}" for top in "ab" for name in range(300)))
    names = 2 * 2 + 2 * 300 * len("a/0000\n")
    assert len(await files.names(str(home), replace(ALL, limit=names))) == 602
    with pytest.raises(OutputLimitExceeded) as raised:
        await files.names(str(home), replace(ALL, limit=names - 1))
    assert raised.value.message == f"Command output exceeded buffer limit ({names - 1})"
    with pytest.raises(OutputLimitExceeded):
        await files.listing_of(f"{home}/a", Scope(limit=300 * 20))
    assert len(await files.listing_of(f"{home}/a", Scope(limit=300 * 100))) == 300


async def test_a_server_that_hangs_in_a_listing_does_not_hold_the_caller(
    authority: CertificateAuthority, sshd: Sshd, home: Path
) -> None:
    plant(home, *(f"{name:04}" for name in range(2000)))
    settings = PoolSettings(file_time_limit=0.5)
    pool = SshPool(authority, known_hosts=sshd.known_hosts, settings=settings)
    try:
        async with pool.session("test1", sshd) as session:
            sshd.inside("pkill", "-STOP", "-u", "test1", "sshd")
            with pytest.raises(CommandTimeout):
                await session.files.names(str(home), ALL)
            assert len(await session.files.names(str(home), ALL)) == 2000
    finally:
        sshd.inside("pkill", "-CONT", "-u", "test1", "sshd")
        await pool.close()


async def test_who_gives_up_does_not_wait_for_the_tidying_up() -> None:
    """A server that hangs does not answer a request to close a directory either."""
    begun, over = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await over.wait()

    waiting = asyncio.create_task(detached(work()))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not over.is_set()
    over.set()
