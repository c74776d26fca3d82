"""Numbers of head and tail as the tools read them."""

from __future__ import annotations

import subprocess

import pytest

from f7t.errors import BadRequest, CommandFailed, InvalidParameter
from f7t.services.utilities.excerpts import excerpt_of
from f7t.ssh.contents import Excerpt, Part, Unit

NUMBERS = {
    "0": 0,
    "007": 7,
    "b": 512,
    "2b": 1024,
    "K": 1024,
    "3k": 3072,
    "1kB": 1000,
    "1KB": 1000,
    "1KD": 1000,
    "1KiB": 1024,
    "1m": 1 << 20,
    "1MB": 10**6,
    "1MiB": 1 << 20,
    "2GB": 2 * 10**9,
    "1T": 1 << 40,
    "1PiB": 1 << 50,
    "1E": 1 << 60,
}
HUGE = ["1Z", "1Y", "9" * 30, "9" * 5000]
"""Too large for some releases of the tools, and for any file."""
NONE = ["x", "1x", "1B", "1bB", "1g", "1t", "1kK", "1Ki", "1iB", "0x10", "1e3", "1.0", "1 ", "--1"]


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers(text: str) -> None:
    count = NUMBERS[text]
    assert excerpt_of("head", text, None, other=False) == Excerpt(Part.FIRST, Unit.BYTES, count)
    assert excerpt_of("tail", None, text, other=True) == Excerpt(Part.FROM, Unit.LINES, count)


@pytest.mark.parametrize("text", HUGE)
def test_numbers_beyond_every_file(text: str) -> None:
    assert excerpt_of("head", text, None, other=False).count > 1 << 64


@pytest.mark.parametrize("tool", ["head", "tail"])
@pytest.mark.parametrize("text", [*NUMBERS, *NONE, "+1", "-1", "+K", "-0"])
def test_the_tool_takes_what_is_taken(tool: str, text: str) -> None:
    command = [tool, "-c", text, "/dev/null"]
    told = subprocess.run(command, capture_output=True, check=False, text=True, env={"LC_ALL": "C"})
    if told.returncode == 0:
        excerpt_of(tool, text, None, other=False)
        return
    assert told.stderr.startswith(f"{tool}: invalid number of bytes: ")
    with pytest.raises(CommandFailed) as raised:
        excerpt_of(tool, text, None, other=False)
    # Of a sign and of a second suffix the tool shows only the rest.
    assert raised.value.message == f"{tool}: invalid number of bytes: '{text}'"


def test_signs() -> None:
    def part(tool: str, text: str) -> Part:
        return excerpt_of(tool, None, text, other=False).part

    assert [part("head", sign + "5") for sign in ("", "+", "-")] == [
        Part.FIRST,
        Part.FIRST,
        Part.ALL_BUT_LAST,
    ]
    assert [part("tail", sign + "5") for sign in ("", "-", "+")] == [
        Part.LAST,
        Part.LAST,
        Part.FROM,
    ]
    for tool in ("head", "tail"):
        with pytest.raises(CommandFailed):
            excerpt_of(tool, "-5", None, other=True)


def test_defaults() -> None:
    ten = {
        (tool, other, absent): excerpt_of(tool, absent, absent, other=other)
        for tool in ("head", "tail")
        for other in (False, True)
        for absent in (None, "")
    }
    assert {excerpt.count for excerpt in ten.values()} == {10}
    assert {excerpt.unit for excerpt in ten.values()} == {Unit.LINES}


def test_refusals() -> None:
    with pytest.raises(BadRequest):
        excerpt_of("head", "1", "1", other=False)
    for text in ("1;", "'1'", "1\n"):
        with pytest.raises(InvalidParameter):
            excerpt_of("head", text, None, other=False)
