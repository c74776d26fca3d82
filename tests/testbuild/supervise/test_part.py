"""Parts as data: JSON, contradictions, bad values."""

from __future__ import annotations

import json

import pytest

from f7t_testbuild.supervise.part import BadParts, Check, CheckKind, Part, check_parts

FULL = Part(
    name="a",
    argv=("run", "--x"),
    what="a thing",
    environment={"K": "v"},
    requires=("b",),
    listeners=("web",),
    ready=Check(CheckKind.COMMAND, argv=("ask",), expect="yes"),
    clear=("/run/x",),
    stop_signal="INT",
)


def test_a_part_travels_as_json() -> None:
    assert Part.from_json(json.loads(json.dumps(FULL.to_json()))) == FULL


def test_defaults() -> None:
    part = Part.from_json({"name": "a", "argv": ["true"]})

    assert part == Part(name="a", argv=("true",))
    assert (part.ready.kind, part.restart, part.death_signal) == ("started", True, "KILL")


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"name": "a", "argv": []}, ValueError),
        ({"name": "a", "argv": ["x"], "stop_signal": "NOPE"}, KeyError),
        ({"name": "a", "argv": ["x"], "color": "red"}, TypeError),
        ({"name": "a", "argv": ["x"], "ready": {"kind": "prayer"}}, ValueError),
    ],
)
def test_bad_values(values: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        Part.from_json(values)


def _part(name: str, *requires: str) -> Part:
    return Part(name=name, argv=("true",), requires=requires)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ((_part("a"), _part("a")), "defined twice: a"),
        ((_part("a", "z"),), "a requires unknown parts: z"),
        ((_part("a", "b"), _part("b", "c"), _part("c", "a"), _part("d")), "circle: a, b, c"),
        ((_part("a", "a"),), "circle: a"),
    ],
)
def test_contradictions(parts: tuple[Part, ...], text: str) -> None:
    with pytest.raises(BadParts, match=text):
        check_parts(parts)


def test_a_diamond_is_fine() -> None:
    check_parts((_part("a"), _part("b", "a"), _part("c", "a"), _part("d", "b", "c")))
