"""U14, U15, U16, D18, D19: view, head and tail."""

from __future__ import annotations

from typing import Any

import pytest

from f7t_conformance.api import Api
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import same

LINES = [f"line-{number}\n" for number in range(1, 16)]
TEXT = "".join(LINES)
TOOLS = ("head", "tail")


@requirement("F7T-UTIL-161")
def test_view(api: Api, place: Place) -> None:
    text = "ä word\n\n  and another\n"
    answer = api.get("/utilities/view", targetPath=place.write("file", text.encode()))
    answer.expect(200, output=text)


@requirement("F7T-UTIL-162")
def test_view_of_more_than_ten_lines(api: Api, place: Place) -> None:
    answer = api.get("/utilities/view", targetPath=place.write("file", TEXT.encode()))
    answer.expect(200, output=TEXT)


@requirement("F7T-UTIL-163")
def test_view_by_the_other_name(api: Api, place: Place) -> None:
    answer = api.get("/utilities/view", sourcePath=place.write("file", b"words\n"))
    answer.expect(200, output="words\n")


def _row(number: str, tool: str, wanted: str, **options: str) -> Any:  # noqa: ANN401
    name = f"F7T-UTIL-{number}"
    return pytest.param(tool, options, wanted, marks=requirement(name), id=name)


@pytest.mark.parametrize(
    ("tool", "options", "wanted"),
    [
        _row("171", "head", "".join(LINES[:10])),
        _row("172", "tail", "".join(LINES[-10:])),
        _row("173", "head", "".join(LINES[:3]), lines="3"),
        _row("174", "tail", "".join(LINES[-3:]), lines="3"),
        _row("175", "head", TEXT[:9], bytes="9"),
        _row("176", "tail", TEXT[-9:], bytes="9"),
        _row("177", "head", "".join(LINES[:-3]), lines="3", skip_ending="True"),
        _row("178", "tail", "".join(LINES[2:]), lines="3", skip_beginning="True"),
        _row("179", "head", TEXT[:-9], bytes="9", skip_ending="True"),
        _row("180", "tail", TEXT[8:], bytes="9", skip_beginning="True"),
        _row("181", "head", "".join(LINES[:3]), lines="3", skip_ending="False"),
        _row("182", "tail", "".join(LINES[-3:]), lines="3", skip_beginning="False"),
        _row("183", "head", "line-1\n", lines="3", grep="line-1"),
        _row("184", "tail", "line-12\n", lines="4", grep="line-12"),
    ],
)
def test_excerpt(api: Api, place: Place, tool: str, options: dict[str, str], wanted: str) -> None:
    path = place.write("file", TEXT.encode())
    answer = api.get(f"/utilities/{tool}", targetPath=path, **options)
    answer.expect(200, output=wanted)


@requirement("F7T-UTIL-185")
def test_suffixes(api: Api, place: Place) -> None:
    path = place.write("file", b"a" * 1024 + b"b" * 1024)
    for text, wanted in (("1K", "a" * 1024), ("1kB", "a" * 1000)):
        api.get("/utilities/head", targetPath=path, bytes=text).expect(200, output=wanted)
    api.get("/utilities/tail", targetPath=path, bytes="1K").expect(200, output="b" * 1024)


@requirement("F7T-UTIL-186")
def test_bytes_and_lines(api: Api, place: Place) -> None:
    path = place.write("file")
    for tool in TOOLS:
        answer = api.get(f"/utilities/{tool}", targetPath=path, bytes="1", lines="1")
        answer.expect(400, error="Can not specify both 'bytes' and 'lines'")


@pytest.mark.parametrize(
    ("tool", "pattern"),
    [
        pytest.param("head", "line-4", marks=requirement("F7T-UTIL-187")),
        pytest.param("tail", "line-11", marks=requirement("F7T-UTIL-188")),
    ],
)
def test_pattern_outside_of_the_excerpt(api: Api, place: Place, tool: str, pattern: str) -> None:
    path = place.write("file", TEXT.encode())
    answer = api.get(f"/utilities/{tool}", targetPath=path, lines="3", grep=pattern)
    answer.expect(
        404,
        header="X-Not-Found",
        value="pattern not found",
        description=f"Error on {tool} operation with grep",
        error="pattern not found",
    )


@requirement("F7T-UTIL-189")
def test_patterns_are_literal(api: Api, place: Place) -> None:
    path = place.write("file", b"abc\na.c\n[c]\n")
    for tool in TOOLS:
        for pattern in ("a.c", "[c]"):
            answer = api.get(f"/utilities/{tool}", targetPath=path, grep=pattern)
            answer.expect(200, output=f"{pattern}\n")


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param("head", marks=requirement("F7T-UTIL-169")),
        pytest.param("tail", marks=requirement("F7T-UTIL-170")),
    ],
)
def test_patterns_are_data(api: Api, place: Place, tool: str) -> None:
    command = f"touch {place / 'made'}"
    patterns = (f"content && {command}", f"content'; {command}; '", f"$({command})")
    path = place.write("file", "".join(f"{one}\n" for one in patterns).encode())
    for pattern in patterns:
        answer = api.get(f"/utilities/{tool}", targetPath=path, grep=pattern)
        same("names", ["file"], place.names())
        answer.expect(200, output=f"{pattern}\n")
