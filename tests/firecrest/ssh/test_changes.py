"""Changes of files on a real login node: what is done, what is refused, and in whose words."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.archives import ArchiveKind
from f7t.delegation import CertificateAuthority
from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    CommandTimeout,
    InvalidGroup,
    InvalidMode,
    InvalidOwner,
    IsADirectory,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RemoteError,
    SourceNotFound,
)
from f7t.ssh.changes import FileChanges
from f7t.ssh.channel import Completed
from f7t.ssh.connection import PoolSettings
from f7t.ssh.messages import archiver_failure, tool_failure
from f7t.ssh.pool import Session, SshPool

if TYPE_CHECKING:
    from tests.support.sshd import Sshd, Until

USER = 2001
LONG = "x" * 255
ODD = ["-rf", "--help", "a  b ", "$HOME", "*", "~", "#a", "é日本", "it's", 'a"b', "a\nb", LONG]


@pytest.fixture
async def session(pool: SshPool, sshd: Sshd, home: Path) -> AsyncIterator[Session]:
    """test1 in an empty home."""
    async with pool.session("test1", sshd) as session:
        yield session


@pytest.fixture
def changes(session: Session) -> FileChanges:
    return session.changes


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory of test1 on another file system."""
    directory = Path(tempfile.mkdtemp(dir="/dev/shm", prefix="f7t-"))
    os.chown(directory, USER, USER)
    yield directory
    shutil.rmtree(directory)


def make(path: Path, content: bytes = b"", *, owner: int = USER, mode: int = 0o644) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def directory(path: Path, *, owner: int = USER, mode: int = 0o755) -> Path:
    path.mkdir()
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def kinds(home: Path) -> None:
    """One thing of each kind that an operation may stumble over."""
    make(home / "file", b"content")
    make(directory(home / "dir") / "inside", b"deep")
    directory(home / "empty")
    make(home / "secret", owner=0, mode=0o600)
    directory(home / "closed", owner=0, mode=0o700)
    directory(home / "readonly", owner=0)
    make(home / "readonly" / "theirs", owner=0)
    (home / "dangling").symlink_to("nowhere")


def tree(home: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below: mode, and content or link target."""
    found = {}
    for path in sorted(home.rglob("*")):
        mode = path.lstat().st_mode
        content = b""
        if stat.S_ISLNK(mode):
            content = os.fsencode(path.readlink())
        elif stat.S_ISREG(mode):
            content = path.read_bytes()
        found[str(path.relative_to(home))] = (mode, content)
    return found


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def link_text(path: Path) -> str:
    return str(path.readlink())


def file_system(path: Path) -> int:
    return path.stat().st_dev


def archive_of_each_kind(home: Path) -> None:
    subprocess.run(["tar", "-cf", "a.tar", "file", "dir"], cwd=home, check=True)
    for tool in (["gzip", "-k"], ["bzip2", "-k"], ["zip", "-q", "-r", "a.zip"]):
        subprocess.run([*tool, "a.tar"], cwd=home, check=True)


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
    for path in ("file", "read only", "dangling", f"{home}/dir/", "empty"):
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


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("640", "mode of 'file' changed from 0644 (rw-r--r--) to 0640 (rw-r-----)"),
        ("0644", "mode of 'file' retained as 0644 (rw-r--r--)"),
        ("u+x,g=,o-r", "mode of 'file' changed from 0644 (rw-r--r--) to 0700 (rwx------)"),
        ("4755", "mode of 'file' changed from 0644 (rw-r--r--) to 4755 (rwsr-xr-x)"),
        ("-r", "mode of 'file' changed from 0644 (rw-r--r--) to 0200 (-w-------)"),
        ("a=rX", "mode of 'file' changed from 0644 (rw-r--r--) to 0444 (r--r--r--)"),
    ],
)
async def test_changing_modes(mode: str, said: str, changes: FileChanges, home: Path) -> None:
    kinds(home)
    assert await changes.change_mode("file", mode) == said


@pytest.mark.parametrize(
    ("path", "mode", "error"),
    [
        ("file", "999", InvalidMode),
        ("file", "u+q", InvalidMode),
        ("file", "", InvalidMode),
        ("file", "--reference=secret", InvalidMode),
        ("file", "77777", InvalidMode),
        ("file", "a b", InvalidMode),
        ("absent", "640", NotFound),
        ("absent", "999", InvalidMode),
        ("dangling", "640", NotFound),
        ("file/x", "640", NotADirectory),
        ("closed/x", "640", PermissionDenied),
        ("secret", "640", PermissionDenied),
    ],
)
async def test_modes_that_cannot_be_set(
    path: str, mode: str, error: type[RemoteError], changes: FileChanges, home: Path
) -> None:
    kinds(home)
    before = tree(home)
    with pytest.raises(error) as raised:
        await changes.change_mode(path, mode)
    assert type(raised.value) is error
    assert raised.value.message.startswith("chmod: ")
    assert tree(home) == before


async def test_changing_owners(changes: FileChanges, home: Path) -> None:
    kinds(home)
    for names in ({"owner": "test1"}, {"group": "test1"}, {"owner": "2001", "group": "2001"}):
        assert "retained as" in await changes.change_owner("file", **names)
    with pytest.raises(ValueError, match="neither"):
        await changes.change_owner("file")


@pytest.mark.parametrize(
    ("path", "owner", "group", "error"),
    [
        ("file", "test2", "", PermissionDenied),
        ("file", "", "test2", PermissionDenied),
        ("secret", "test1", "", PermissionDenied),
        ("file", "nobody-here", "", InvalidOwner),
        ("file", "nobody-here", "test1", InvalidOwner),
        ("file", "test1:test2", "", InvalidOwner),
        ("file", "test1:", "", InvalidOwner),
        ("file", "--help", "", InvalidOwner),
        ("file", "", "none-here", InvalidGroup),
        ("file", "test1", "none-here", InvalidGroup),
        ("file", "test1", "a:b", InvalidGroup),
        ("absent", "test1", "", NotFound),
        ("file/x", "test1", "", NotADirectory),
        ("closed/x", "test1", "", PermissionDenied),
    ],
)
async def test_owners_that_cannot_be_set(
    path: str,
    owner: str,
    group: str,
    error: type[RemoteError],
    changes: FileChanges,
    home: Path,
) -> None:
    kinds(home)
    with pytest.raises(error) as raised:
        await changes.change_owner(path, owner=owner, group=group)
    assert type(raised.value) is error
    assert raised.value.message.startswith("chown: ")


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


def processes() -> set[str]:
    """Command lines of test1's processes, but for sshd's own."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid == USER:
                found.add((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return {line for line in found if line and "sshd" not in line}


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
    hasty: FileChanges, home: Path, until: Until
) -> None:
    endless(directory(home / "dir") / "endless")
    make(home / "a.tgz", b"older")
    with pytest.raises(CommandTimeout):
        await hasty.compress("dir", "a.tgz")
    await until(lambda: not processes())
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
    operation: str, hasty: FileChanges, leased: Path, until: Until
) -> None:
    change = hasty.copy if operation == "copy" else hasty.rename
    with pytest.raises(CommandTimeout):
        await change(str(leased), "x")
    await until(lambda: not processes())
    assert names(leased.parent) == {"leased"}


async def test_a_cancelled_archive_leaves_nothing(
    changes: FileChanges, home: Path, until: Until
) -> None:
    endless(directory(home / "dir") / "endless")
    making = asyncio.create_task(changes.compress("dir", "a.tgz"))
    await until(lambda: any(name.startswith(".f7t-") for name in names(home)))
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    await until(lambda: not processes())
    assert names(home) == {"dir"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("cp: cannot stat 'x: Permission denied': No such file or directory", SourceNotFound),
        ("mv: cannot move 'a' to a subdirectory of itself, 'x: File exists'", CommandFailed),
        ("mv: 'cannot stat' and 'x: No such file or directory' are the same file", CommandFailed),
        ("env: 'cp': No such file or directory", CommandFailed),
        ("env: 'cp': Permission denied", CommandFailed),
        (
            "chown: changing ownership of 'invalid user: x': Operation not permitted",
            PermissionDenied,
        ),
        ("chmod: cannot access 'invalid mode: x': Not a directory", NotADirectory),
        ("chown: invalid spec: 'nobody:'", InvalidOwner),
        ("rm: cannot remove 'a': Read-only file system", CommandFailed),
        ("", CommandFailed),
    ],
)
def test_names_do_not_decide(words: str, error: type[RemoteError]) -> None:
    failure = tool_failure(Completed(1, b"", words.encode()), "path")
    assert type(failure) is error
    assert failure.message == (words or "Command ended with status 1")


def test_what_archivers_say_of_members_is_not_about_the_request() -> None:
    for words in ("tar: a: Cannot open: File exists", "tar: x: Cannot stat: No such file"):
        assert type(archiver_failure(Completed(2, b"", words.encode()), "p")) is CommandFailed
