"""Which part of a file `head` and `tail` are asked for, in the words of coreutils (U15, U16)."""

from __future__ import annotations

import re

from f7t.errors import BadRequest, CommandFailed
from f7t.http.parameters import checked_if_given
from f7t.ssh.contents import Excerpt, Part, Unit

_DEFAULT_LINES = "10"
_NUMBER = re.compile(r"([0-9]*)(b|([kKmMGTPEZYRQ])(B|D|iB)?)?")
_LONGEST = 20
"""Digits of a number that is certainly larger than any file."""


def excerpt_of(tool: str, size: str | None, lines: str | None, *, other: bool) -> Excerpt:
    """The part that these parameters mean.

    Args:
        tool: `head` or `tail`.
        size: parameter `bytes`.
        lines: parameter `lines`; ten if neither is given. Empty is not given: the official
            asynchronous client sends what its caller left out as an empty text.
        other: `skip_ending` of head, `skip_beginning` of tail. A leading `-` of head and a leading
            `+` of tail mean the same.

    Raises:
        BadRequest: both are given.
        InvalidParameter: one holds a forbidden character.
        CommandFailed: no number, as the tool would say it.
    """
    if size and lines:
        error = "Can not specify both 'bytes' and 'lines'"
        raise BadRequest({"description": f"Error on {tool} operation", "error": error})
    in_bytes = checked_if_given("bytes", size or None)
    in_lines = checked_if_given("lines", lines or None)
    unit = Unit.LINES if in_bytes is None else Unit.BYTES
    text = in_bytes or in_lines or _DEFAULT_LINES
    usual, opposite = (Part.FIRST, Part.ALL_BUT_LAST) if tool == "head" else (Part.LAST, Part.FROM)
    meaning = "-" if tool == "head" else "+"
    number = text
    if not other and text[0] in "+-":
        other, number = text[0] == meaning, text[1:]
    # To the tools a plus is part of the digits, while a minus may precede a suffix alone.
    alone = text[0] == "+" and not number[:1].isdigit()
    count = None if alone else _count(number)
    if count is None:
        raise CommandFailed(f"{tool}: invalid number of {unit.name.lower()}: '{text}'")
    return Excerpt(opposite if other else usual, unit, count)


def _count(text: str) -> int | None:
    """A number with one of the suffixes of head(1); a suffix alone means one of it."""
    found = _NUMBER.fullmatch(text)
    if not text or found is None:
        return None
    digits, suffix, letter, unit = found.groups()
    digits = digits.lstrip("0") or ("0" if digits else "1")
    number = int(digits) if len(digits) <= _LONGEST else 10**_LONGEST
    if not suffix:
        return number
    if suffix == "b":
        return number * 512
    power = "KMGTPEZYRQ".index(letter.upper()) + 1
    base: int = 1000 if unit in ("B", "D") else 1024
    return number * int(base**power)
