"""docs/conformance.md says what the suite says of itself, and its commands exist."""

from __future__ import annotations

import re
import shlex
from datetime import date

import click
import pytest
import yaml

from f7t_conformance import cli
from f7t_conformance.catalogue import catalogue
from f7t_conformance.configuration import Settings
from f7t_conformance.model import Need, Profile, Status
from f7t_conformance.waivers import Waiver
from f7t_testbuild.cli import main
from tests.docs.conformance_page import NEEDED, PAGE, PARTS, PROSE, exits, render, settings
from tests.docs.pages import blocks

TEXT = PAGE.read_text()


def test_the_page_is_current() -> None:
    assert render() == TEXT, "python -m tests.docs.conformance_page"


def test_every_part_stands_in_the_prose_once() -> None:
    assert sorted(re.findall(r"\{\{(\w+)\}\}", PROSE.read_text())) == sorted(PARTS)


def test_everything_that_a_result_can_say_is_explained() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    assert set(Status) <= explained
    assert set(Need) == set(NEEDED)
    assert all(f"`{one}`" in TEXT for one in Profile)


def test_every_setting_is_described() -> None:
    assert [name for name, _, words in settings() if not words.endswith(".")] == []
    names = {name.strip("`…").removesuffix("__").lower().split("__")[0] for name, *_ in settings()}
    assert names == set(Settings.model_fields)


def test_the_exit_codes_are_those_that_the_command_tells() -> None:
    told = (cli.conformance.help or "").partition("Exit status of run:")[2]
    assert set(exits()) == {int(number) for number in re.findall(r"\b\d+\b", told)}


def test_the_waiver_is_one() -> None:
    (text,) = blocks(PAGE, "yaml")
    (waiver,) = [Waiver.model_validate(row) for row in yaml.safe_load(text)]
    assert waiver.id in catalogue()
    assert isinstance(waiver.expires, date)


def _commands() -> list[list[str]]:
    lines = "\n".join(blocks(PAGE, "console")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line.removeprefix("$ ")) for line in lines]
    inline = re.findall(r"`(f7t (?:conformance|certify|env)[^`…]*)`", TEXT)
    words += [shlex.split(one) for one in inline]
    return [one[1:] for one in words if one[:1] == ["f7t"]]


@pytest.mark.parametrize("words", _commands(), ids=" ".join)
def test_every_command_exists_with_its_options(words: list[str]) -> None:
    group: click.Command | None = main
    with click.Context(main) as context:
        while isinstance(group, click.Group) and words:
            group = group.get_command(context, words[0])
            assert group is not None, words[0]
            words = words[1:]
        placeholders = [one for one in words if not one.isupper()]
        if placeholders:
            assert group is not None
            group.make_context("it", placeholders, parent=context)
