"""The CI templates for client projects: they are YAML, and every command of ours in them exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from f7t_conformance.cli import run as suite
from f7t_testbuild.cli import main
from tests.docs.pages import ROOT

FOLDER = ROOT / "docs" / "ci"
TEMPLATES = sorted(FOLDER.glob("*.yml"))
_HOST = re.compile(r"https?://|\b[\w-]+\.(?:io|com|org|net|ch)\b")
_PLUGIN = re.compile(r"(?<!\S)(--f7t-[a-z-]+)")


class _Loader(yaml.SafeLoader):
    """YAML with GitLab's own tag, which names lines of another job."""


def _reference(loader: yaml.SafeLoader, node: yaml.Node) -> list[str]:
    assert isinstance(node, yaml.SequenceNode)
    return [str(one) for one in loader.construct_sequence(node)]


_Loader.add_constructor("!reference", _reference)


def _document(path: Path) -> Any:
    return yaml.load(path.read_text(), _Loader)


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
    elif isinstance(node, str):
        yield from node.splitlines()


def commands(path: Path, program: str) -> list[list[str]]:
    """Arguments of every call of a program in a template's scripts."""
    found = []
    for line in _texts(_document(path)):
        words = shlex.split(line.partition(" >")[0].partition(" | ")[0], comments=True)
        if words and Path(words[0]).name == program:
            found.append(words[1:])
    return found


def test_there_is_one_for_each_service() -> None:
    assert [path.stem for path in TEMPLATES] == ["github-actions", "gitlab-ci"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_f7t_command_and_option_exists(path: Path) -> None:
    verbs = []
    for name, *arguments in commands(path, "f7t"):
        verbs.append(name)
        with click.Context(main) as parent:
            command = main.get_command(parent, name)
            assert command is not None, name
            context = command.make_context(name, list(arguments), parent=parent)
        suite.make_context("run", list(context.params.get("arguments", ())))
    assert {"up", "certify", "logs", "down"} <= set(verbs)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_every_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = commands(path, "make")
    assert called
    for option, folder, *goals in called:
        assert (option, folder) == ("-C", "testbuild")
        assert set(goals) <= targets


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_their_tests_use_options_of_the_plugin(path: Path, pytestconfig: pytest.Config) -> None:
    used = set(_PLUGIN.findall(path.read_text()))
    assert used
    for option in used:
        pytestconfig.getoption(option)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_reports_are_kept_also_of_a_failure_and_the_testbuild_is_stopped(path: Path) -> None:
    document = _document(path)
    if "jobs" in document:
        steps = document["jobs"]["firecrest"]["steps"]
        (kept,) = [one for one in steps if "upload-artifact" in one.get("uses", "")]
        (down,) = [one for one in steps if "f7t down" in one.get("run", "")]
        assert kept["with"]["path"] == "build/conformance"
        assert kept["if"] == down["if"] == "always()"
    else:
        job = document[".firecrest"]
        assert job["artifacts"]["when"] == "always"
        assert "build/conformance/junit.xml" in job["artifacts"]["reports"]["junit"]
        assert any("f7t down" in line for line in job["after_script"])
    runtimes = set(re.findall(r"(?:F7T_RUNTIME|runtime): (native|docker)", path.read_text()))
    assert runtimes == {"native", "docker"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_no_host_is_named(path: Path) -> None:
    assert _HOST.search(path.read_text()) is None
