"""The Makefile and the CI entry: what they run, and that they explain themselves."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

PROMISED = {"up", "down", "status", "token", "logs", "reset", "test", "check", "bench", "doctor"}


def make(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # This may itself run below make, whose flags must not leak in.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )


def listed(root: Path) -> dict[str, str]:
    lines = make(root).stdout.splitlines()
    found = (re.match(r"  ([a-z-]+) {2,}(\S.*)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def test_without_a_target_every_target_is_explained(root: Path) -> None:
    targets = listed(root)

    assert targets.keys() >= PROMISED | {"help", "env", "list"}
    assert all(targets.values())


def test_every_target_of_the_makefile_is_phony(root: Path) -> None:
    text = (root / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", text, flags=re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)

    assert phony is not None
    assert targets == set(phony[1].split())


@pytest.mark.parametrize("target", ["up", "down", "status", "token", "env", "logs", "reset"])
def test_a_target_sets_itself_up_then_passes_its_arguments(root: Path, target: str) -> None:
    commands = make(root, "--dry-run", target, "ARGS=--name x --port-base 9000").stdout.splitlines()

    assert commands == [
        "sh testbuild/bootstrap",
        f".venv/bin/f7t {target} --name x --port-base 9000",
    ]


def test_the_tests_bring_environment_and_packages(root: Path) -> None:
    commands = make(root, "--dry-run", "test").stdout.splitlines()

    assert [command.strip() for command in commands] == [
        "sh testbuild/bootstrap --dev",
        ".venv/bin/f7t packages",
        ".venv/bin/python -m pytest",
    ]


def test_check_is_format_lint_types_and_imports(root: Path) -> None:
    commands = make(root, "--dry-run", "check").stdout

    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports"):
        assert f".venv/bin/{tool}" in commands


def test_the_ci_entry_runs_the_tests_from_anywhere(root: Path, tmp_path: Path) -> None:
    """Run for real, with a `make` on the PATH that says how it was called."""
    recorder = tmp_path / "make"
    recorder.write_text('#!/bin/sh\necho "$PWD: make $*"\n')
    recorder.chmod(0o755)

    done = subprocess.run(
        [root / ".ci" / "run"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "CI": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{root}: make test\n"
