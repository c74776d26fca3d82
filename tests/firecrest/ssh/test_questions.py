"""What the machine's tools say of files and users."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
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
)
from f7t.gathering import Gathering
from f7t.ssh.channel import Completed
from f7t.ssh.messages import tool_failure
from f7t.ssh.pool import SshPool
from f7t.ssh.questions import Identity, Named, RemoteQuestions, Statuses

if TYPE_CHECKING:
    from tests.support.sshd import Sshd

STATUS = ("mode", "ino", "dev", "nlink", "uid", "gid", "size")


@pytest.fixture
async def questions(pool: SshPool, sshd: Sshd, home: Path) -> AsyncIterator[RemoteQuestions]:
    """Questions of test1, home empty."""
    async with pool.session("test1", sshd) as session:
        yield session.questions


def local_sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def prepare(home: Path) -> None:
    (home / "file").write_text("some text\n")
    (home / "dir").mkdir()
    (home / "link").symlink_to("file")
    (home / "dangling").symlink_to("absent")
    (home / "secret").touch(mode=0o600)
    (home / "closed").mkdir(mode=0o700)
    (home / "closed" / "x").touch()
    os.mkfifo(home / "pipe")
    for name in ("-", "-L", "a b", "new\nline", "it's", "No such file or directory"):
        (home / name).write_text(name)


async def test_kinds(questions: RemoteQuestions, home: Path) -> None:
    prepare(home)
    (home / "empty").touch()
    (home / "binary").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(57))
    (home / "umlaut").write_text("é\n")
    kinds = {
        "file": "ASCII text",
        "empty": "empty",
        "umlaut": "Unicode text, UTF-8 text",
        "dir": "directory",
        "dir/": "directory",
        "closed": "directory",
        "/tmp": "sticky, directory",
        "link": "symbolic link to file",
        "dangling": "broken symbolic link to absent",
        "pipe": "fifo (named pipe)",
        "/dev/zero": "character special (1/5)",
        "-": "very short file (no magic)",
        "-L": "ASCII text, with no line terminators",
        "a b": "ASCII text, with no line terminators",
        "new\nline": "ASCII text",
    }
    assert {path: await questions.kind(path) for path in kinds} == kinds
    assert (await questions.kind(f"{home}/binary")).startswith("ELF 64-bit")


async def test_status_is_that_of_the_system(questions: RemoteQuestions, home: Path) -> None:
    prepare(home)
    os.link(home / "file", home / "second")
    os.utime(home / "file", (1.9, -2))
    os.chown(home / "dir", 2002, 4242)
    (home / "dir").chmod(0o3751)
    for path in ("file", "dir", "link", "dangling", "pipe", "-", "-L", "new\nline", "it's"):
        own = (home / path).lstat()
        expected = {name: getattr(own, f"st_{name}") for name in STATUS}
        expected |= {
            "atime": own.st_atime_ns // 10**9,
            "mtime": own.st_mtime_ns // 10**9,
            "ctime": own.st_ctime_ns // 10**9,
        }
        found = await questions.status(path, follow_links=False)
        assert found == expected, path
        assert list(found) == [*STATUS, "atime", "mtime", "ctime"]
    assert (home / "file").stat().st_nlink == 2
    followed = await questions.status("link", follow_links=True)
    assert followed == await questions.status("file", follow_links=False)
    assert (await questions.status("/dev/zero", follow_links=False))["mode"] == 0o20666
    assert (await questions.status("secret", follow_links=False))["size"] == 0


@pytest.mark.parametrize("size", [0, 1, 1000, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3_000_000])
async def test_checksums(size: int, questions: RemoteQuestions, home: Path) -> None:
    content = os.urandom(size)
    for name in ("data", "-", "new\nline \\"):
        (home / name).write_bytes(content)
        assert await questions.sha256(name) == hashlib.sha256(content).hexdigest()


async def test_checksum_of_a_file_that_tells_no_size(questions: RemoteQuestions) -> None:
    assert await questions.sha256("/proc/version") == local_sha256("/proc/version")


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("absent", NotFound, "stat: cannot statx './absent': No such file or directory"),
        ("absent/x", NotFound, "stat: cannot statx './absent/x': No such file or directory"),
        ("file/x", NotADirectory, "stat: cannot statx './file/x': Not a directory"),
        ("closed/x", PermissionDenied, "stat: cannot statx './closed/x': Permission denied"),
        ("loop", CommandFailed, "stat: cannot statx './loop': Too many levels of symbolic links"),
        (
            "x/Permission denied",
            NotFound,
            "stat: cannot statx './x/Permission denied': No such file or directory",
        ),
        ("x" * 256, CommandFailed, "File name too long"),
        ("x/" * 100_000, CommandFailed, "File name too long"),
    ],
)
async def test_what_has_no_status(
    path: str, error: type[RemoteError], message: str, questions: RemoteQuestions, home: Path
) -> None:
    prepare(home)
    (home / "loop").symlink_to("loop")
    with pytest.raises(error) as raised:
        await questions.status(path, follow_links=True)
    assert type(raised.value) is error
    assert (raised.value.message, raised.value.path) == (message, path)


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("absent", NotFound),
        ("file/x", NotADirectory),
        ("closed/x", PermissionDenied),
        ("secret", PermissionDenied),
    ],
)
async def test_what_neither_kind_nor_checksum_can_look_at(
    path: str, error: type[RemoteError], questions: RemoteQuestions, home: Path
) -> None:
    prepare(home)
    for question in (questions.kind(path), questions.sha256(path)):
        with pytest.raises(error) as raised:
            await question
        assert raised.value.path == path


@pytest.mark.parametrize(
    ("path", "error"), [("dir", IsADirectory), ("pipe", CommandFailed), ("dangling", NotFound)]
)
async def test_what_has_no_checksum(
    path: str, error: type[RemoteError], questions: RemoteQuestions, home: Path
) -> None:
    prepare(home)
    with pytest.raises(error):
        await questions.sha256(path)


async def test_a_large_file_may_be_closed_too(questions: RemoteQuestions, home: Path) -> None:
    (home / "large").write_bytes(bytes(1 << 20))
    (home / "large").chmod(0o600)
    with pytest.raises(PermissionDenied):
        await questions.sha256("large")


async def test_many_at_once_get_each_their_own(questions: RemoteQuestions, home: Path) -> None:
    prepare(home)
    names = [str(number) for number in range(80)]
    for size, name in enumerate(names):
        (home / name).write_bytes(bytes(size))
    asked = [*names, "absent", "link", "new\nline", "closed/x", "file/x", "-L"]
    found = await asyncio.gather(
        *(questions.status(name, follow_links=False) for name in asked), return_exceptions=True
    )
    assert [one["size"] for one in found[:80] if isinstance(one, dict)] == list(range(80))
    assert (
        [
            type(one) if isinstance(one, Exception) else one["size"]  # type: ignore[index]
            for one in found[80:]
        ]
        == [NotFound, len("file"), len("new\nline"), PermissionDenied, NotADirectory, len("-L")]
    )
    paths = [getattr(one, "path", "") for one in found if isinstance(one, RemoteError)]
    assert paths == ["absent", "closed/x", "file/x"]


async def test_who_one_is(questions: RemoteQuestions) -> None:
    own = Named("test1", 2001)
    assert await questions.identity() == Identity(own, own, (own,))


@dataclass
class Machine:
    """Prints the same whatever it is asked."""

    completed: Completed

    async def run(self, argv: list[str], *, time_limit: float, output_limit: int) -> Completed:
        return self.completed


async def _nowhere() -> None:
    raise AssertionError("needs no connection")


def asked(stdout: bytes, stderr: bytes = b"", status: int = 0) -> RemoteQuestions:
    machine = Machine(Completed(status, stdout, stderr))
    statuses: Statuses = {False: Gathering(), True: Gathering()}
    return RemoteQuestions(_nowhere, machine, 1, statuses)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (b"8(eight)", [Named("eight", 8)]),
        (b"8(eight),9,10(ten)", [Named("eight", 8), Named("9", 9), Named("ten", 10)]),
        (b"8(domain users),9(a, b)", [Named("domain users", 8), Named("a, b", 9)]),
        (b"8(staff (EU)),9(x),y)", [Named("staff (EU)", 8), Named("x),y", 9)]),
        (b"8(a context=b),9(\xff)", [Named("a context=b", 8), Named("\\xff", 9)]),
    ],
)
@pytest.mark.parametrize("more", [b"", b" context=unconfined_u:unconfined_r:unconfined_t:s0"])
async def test_groups_of_any_name(groups: bytes, expected: list[Named], more: bytes) -> None:
    output = b"uid=7(AD+some one) gid=8(domain users) groups=" + groups + more + b"\n"
    found = await asked(output).identity()
    assert found.user == Named("AD+some one", 7)
    assert found.group == Named("domain users", 8)
    assert list(found.groups) == expected


async def test_a_user_without_names() -> None:
    found = await asked(b"uid=7 gid=8 euid=9(x) egid=10 groups=8,11\n").identity()
    assert (found.user, found.group) == (Named("7", 7), Named("8", 8))
    assert found.groups == (Named("8", 8), Named("11", 11))


async def test_nonsense_is_no_identity() -> None:
    for output in (b"", b"test1\n", b"uid=x gid=y groups=z\n"):
        with pytest.raises(CommandFailed):
            await asked(output).identity()


@pytest.mark.parametrize(
    ("status", "stderr", "kind"),
    [
        (1, b"chmod: changing permissions of 'x': Operation not permitted\n", PermissionDenied),
        (1, b"sha256sum: x: Is a directory\n", IsADirectory),
        (127, b"env: 'stat': No such file or directory\n", CommandFailed),
        (126, b"env: 'stat': Permission denied\n", CommandFailed),
        (1, b"stat: cannot statx ': Permission denied': Stale file handle\n", CommandFailed),
        (-9, b"", CommandFailed),
    ],
)
def test_reasons_are_the_systems_own_words(
    status: int, stderr: bytes, kind: type[RemoteError]
) -> None:
    error = tool_failure(Completed(status, b"", stderr), "x")
    assert type(error) is kind
    assert error.message == (stderr.decode().strip() or "Command ended with status -9")
    assert error.path == "x"
