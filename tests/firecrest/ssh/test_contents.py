"""Text and parts of files over real SFTP; head(1), tail(1) and grep(1) say what is right."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.errors import (
    CommandFailed,
    IsADirectory,
    NotADirectory,
    NotFound,
    OutputLimitExceeded,
    PatternNotFound,
    PermissionDenied,
    RemoteError,
    SizeLimitExceeded,
)
from f7t.ssh.contents import Excerpt, Part, RemoteContents, Unit
from f7t.ssh.pool import SshPool

if TYPE_CHECKING:
    from tests.support.sshd import Sshd

MEGABYTE = 1 << 20
LIMIT = 5 * MEGABYTE
TEN = Excerpt(Part.FIRST, Unit.LINES, 10)
LAST_TEN = Excerpt(Part.LAST, Unit.LINES, 10)
TOOLS = {
    Part.FIRST: ("head", ""),
    Part.ALL_BUT_LAST: ("head", "-"),
    Part.LAST: ("tail", ""),
    Part.FROM: ("tail", "+"),
}


@pytest.fixture
async def contents(pool: SshPool, sshd: Sshd, home: Path) -> AsyncIterator[RemoteContents]:
    """Contents as test1 sees them, home empty."""
    async with pool.session("test1", sshd) as session:
        yield session.contents


def told(wanted: Excerpt, path: Path) -> str:
    """What the tool prints."""
    tool, sign = TOOLS[wanted.part]
    option = "-c" if wanted.unit is Unit.BYTES else "-n"
    command = [tool, option, f"{sign}{wanted.count}", "--", str(path)]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode()


def grepped(pattern: str, text: str) -> str:
    """What grep prints; it says by its status whether that is anything."""
    command = ["grep", "-F", "-e", pattern]
    return subprocess.run(command, input=text, text=True, capture_output=True, check=False).stdout


def file_text(path: str) -> str:
    return Path(path).read_text()


def line(number: int) -> str:
    return f"{number} " + "x" * (number * 7919 % 150)


BLOCK = 1 << 16
TEXTS = {
    "nothing": "",
    "a line end": "\n",
    "line ends": "\n" * 25,
    "no line end": "x",
    "two lines": "one\ntwo\n",
    "an unfinished line": "one\ntwo\nthree",
    "a block": "x" * (BLOCK - 1) + "\n",
    "a block and more": "x" * BLOCK + "\ny",
    "long lines": ("z" * (2 * BLOCK) + "\n") * 3 + "end",
    "many lines": "\n".join(map(line, range(6000))) + "\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_parts_are_those_of_the_tools(
    text: str, contents: RemoteContents, home: Path
) -> None:
    path = home / "text"
    path.write_text(text)
    size, ends = len(text), text.count("\n")
    for unit, counts in (
        (Unit.LINES, {0, 1, 2, 3, 10, 1000, ends - 1, ends, ends + 1, 10**20}),
        (Unit.BYTES, {0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, size - 1, size, size + 1}),
    ):
        for part in Part:
            for count in counts:
                if count < 0 or (unit is Unit.LINES and count > 10**9 and size > 10**6):
                    continue
                wanted = Excerpt(part, unit, count)
                expected = told(Excerpt(part, unit, min(count, 10**18)), path)
                assert await contents.excerpt("text", wanted, "", LIMIT) == expected, wanted
    assert await contents.text("text", LIMIT) == text


PATTERNS = ["99", "1 x", ".", "x*", "\\d", "-e", " xxx", "$(id)", "'", "é"]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(
    "wanted",
    [
        TEN,
        Excerpt(Part.FIRST, Unit.LINES, 4000),
        Excerpt(Part.ALL_BUT_LAST, Unit.LINES, 1),
        Excerpt(Part.LAST, Unit.BYTES, 100_000),
        Excerpt(Part.FROM, Unit.LINES, 1),
    ],
    ids=str,
)
async def test_lines_are_picked_out_of_the_part_as_by_grep(
    pattern: str, wanted: Excerpt, contents: RemoteContents, home: Path
) -> None:
    path = home / "text"
    path.write_text(TEXTS["many lines"] + "é 'x*' $(id) \\d. -e 99 without an end")
    try:
        found = await contents.excerpt("text", wanted, pattern, LIMIT)
    except PatternNotFound:
        found = ""
    assert found == grepped(pattern, told(wanted, path))


@pytest.mark.parametrize("pattern", ["absent", "one\ntwo", "\n", "ONE"])
async def test_a_text_that_no_line_holds(
    pattern: str, contents: RemoteContents, home: Path
) -> None:
    (home / "text").write_text("one\ntwo\n")
    with pytest.raises(PatternNotFound) as raised:
        await contents.excerpt("text", TEN, pattern, LIMIT)
    assert (raised.value.message, raised.value.path) == ("pattern not found", "text")


def sparse(path: Path, begin: bytes, end: bytes) -> None:
    """A terabyte of NUL bytes between two texts: to read it all takes hours."""
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(1 << 40)
        file.seek(0, os.SEEK_END)
        file.write(end)


async def test_of_a_huge_file_only_the_part_is_read(contents: RemoteContents, home: Path) -> None:
    begin, end = b"a line\n" * 30_000, b"\nthe end\n" * 30_000
    sparse(home / "huge", begin, end)
    size = (home / "huge").stat().st_size
    for wanted, expected in (
        (TEN, begin[:70]),
        (Excerpt(Part.FIRST, Unit.LINES, 30_000), begin),
        (Excerpt(Part.FIRST, Unit.BYTES, 100_000), begin[:100_000]),
        (Excerpt(Part.ALL_BUT_LAST, Unit.BYTES, size - 100_000), begin[:100_000]),
        (LAST_TEN, end[-45:]),
        (Excerpt(Part.LAST, Unit.LINES, 59_999), end[1:]),
        (Excerpt(Part.LAST, Unit.BYTES, 200_000), end[-200_000:]),
        (Excerpt(Part.FROM, Unit.BYTES, size - 200_000 + 1), end[-200_000:]),
    ):
        found = await contents.excerpt("huge", wanted, "", LIMIT)
        assert found.encode() == expected, wanted
    assert await contents.excerpt("huge", LAST_TEN, "end", LIMIT) == "the end\n" * 5
    for wanted in (
        Excerpt(Part.FIRST, Unit.LINES, 10**6),
        Excerpt(Part.FIRST, Unit.BYTES, LIMIT + 1),
        Excerpt(Part.ALL_BUT_LAST, Unit.LINES, 1),
        Excerpt(Part.ALL_BUT_LAST, Unit.BYTES, 1),
        Excerpt(Part.LAST, Unit.LINES, 60_001),
        Excerpt(Part.LAST, Unit.BYTES, LIMIT + 1),
        Excerpt(Part.FROM, Unit.LINES, 7),
        Excerpt(Part.FROM, Unit.BYTES, 7),
    ):
        with pytest.raises(OutputLimitExceeded) as raised:
            await contents.excerpt("huge", wanted, "", LIMIT)
        assert raised.value.message == f"Command output exceeded buffer limit ({LIMIT})"
    with pytest.raises(SizeLimitExceeded):
        await contents.text("huge", LIMIT)


async def test_exactly_the_limit(contents: RemoteContents, home: Path) -> None:
    (home / "text").write_text("12345\n" * 4)
    whole = Excerpt(Part.FIRST, Unit.LINES, 4)
    assert await contents.text("text", 24) == "12345\n" * 4
    assert await contents.excerpt("text", whole, "", 24) == "12345\n" * 4
    assert await contents.excerpt("text", whole, "3", 24) == "12345\n" * 4
    with pytest.raises(SizeLimitExceeded):
        await contents.text("text", 23)
    for pattern in ("", "3"):
        with pytest.raises(OutputLimitExceeded):
            await contents.excerpt("text", whole, pattern, 23)


async def test_only_lines_that_are_picked_count(contents: RemoteContents, home: Path) -> None:
    long = "x" * 300_000
    (home / "text").write_text(f"first\n{long} needle\n{long}\n{'y' * 300_000}needle{long}\nlast")
    whole = Excerpt(Part.FIRST, Unit.LINES, 10)
    assert await contents.excerpt("text", whole, "t", 11) == "first\nlast\n"
    for pattern in ("needle", "x", "yneed", "y"):
        with pytest.raises(OutputLimitExceeded):
            await contents.excerpt("text", whole, pattern, 1000)
    (home / "end").write_text("x" * BLOCK + "needle\nneedle\n")
    with pytest.raises(OutputLimitExceeded):
        await contents.excerpt("end", whole, "needle", 1000)
    assert await contents.excerpt("end", Excerpt(Part.LAST, Unit.LINES, 1), "n", 7) == "needle\n"
    two = Excerpt(Part.FIRST, Unit.LINES, 2)
    assert len(await contents.excerpt("text", two, "needle", LIMIT)) == 300_008


@pytest.mark.parametrize("path", ["/proc/version", "/proc/self/status", "/proc/cpuinfo"])
async def test_files_that_tell_no_size(path: str, contents: RemoteContents) -> None:
    text = await contents.text(path, LIMIT)
    assert text.endswith("\n")
    first = await contents.excerpt(path, Excerpt(Part.FIRST, Unit.LINES, 1), "", LIMIT)
    assert first.count("\n") == 1
    last = await contents.excerpt(path, Excerpt(Part.LAST, Unit.BYTES, 1), "", LIMIT)
    assert last == "\n"
    with pytest.raises(SizeLimitExceeded):
        await contents.text(path, 20)
    with pytest.raises(OutputLimitExceeded):
        await contents.excerpt(path, TEN, "", 20)


async def test_a_long_file_that_tells_no_size(contents: RemoteContents) -> None:
    """/proc gives at most a page at a time; nobody but root sees the addresses in this one."""
    text = file_text("/proc/kallsyms")
    if len(text) < 4 * BLOCK:
        pytest.skip("needs a kernel that shows its symbols")
    with pytest.raises(OutputLimitExceeded):
        await contents.excerpt("/proc/kallsyms", TEN, "", 3 * BLOCK)
    with pytest.raises(SizeLimitExceeded):
        await contents.text("/proc/kallsyms", 3 * BLOCK)


@pytest.mark.parametrize("content", [b"\xff", b"caf\xe9\n", b"\xed\xa0\x80", b"\x00\x80"])
async def test_only_utf8_is_shown(content: bytes, contents: RemoteContents, home: Path) -> None:
    (home / "text").write_bytes(b"good\n" + content)
    for reading in (contents.text("text", LIMIT), contents.excerpt("text", TEN, "", LIMIT)):
        with pytest.raises(CommandFailed, match="not valid UTF-8"):
            await reading
    assert await contents.excerpt("text", TEN, "oo", LIMIT) == "good\n"
    first = Excerpt(Part.FIRST, Unit.LINES, 1)
    assert await contents.excerpt("text", first, "", LIMIT) == "good\n"


async def test_all_of_unicode_is_shown(contents: RemoteContents, home: Path) -> None:
    text = "\ufeffé日\U0001f600\r\n\0\x1b[31m"
    (home / "text").write_text(text, newline="")
    assert await contents.text("text", LIMIT) == text


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("absent", NotFound),
        ("dangling", NotFound),
        ("dir", IsADirectory),
        ("file/x", NotADirectory),
        ("secret", PermissionDenied),
        ("pipe", CommandFailed),
        ("/dev/zero", CommandFailed),
        ("/dev/null", CommandFailed),
        ("x" * 256, CommandFailed),
    ],
)
async def test_what_has_no_text(
    path: str, error: type[RemoteError], contents: RemoteContents, home: Path
) -> None:
    (home / "file").touch()
    (home / "dir").mkdir()
    (home / "dangling").symlink_to("absent")
    (home / "secret").touch(mode=0o600)
    os.mkfifo(home / "pipe")
    for reading in (
        contents.text(path, LIMIT),
        contents.excerpt(path, TEN, "", LIMIT),
        contents.excerpt(path, LAST_TEN, "x", LIMIT),
    ):
        with pytest.raises(error) as raised:
            await reading
        assert raised.value.path == path
