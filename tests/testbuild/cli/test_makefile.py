"""The Makefile and the CI entry: what they run, and that they explain themselves."""

from __future__ import annotations

import os
import re
import shutil
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
        ".venv/bin/f7t packages --gateways 2",
        ".venv/bin/python -m pytest -n 2",
    ]


def test_the_suite_gets_its_arguments_and_not_the_native_packages(root: Path) -> None:
    commands = make(root, "--dry-run", "conformance", "ARGS=--profile probe").stdout.splitlines()

    assert [command.strip() for command in commands] == [
        "sh testbuild/bootstrap --dev",
        ".venv/bin/f7t certify --profile probe",
    ]


def test_check_is_format_lint_types_and_imports(root: Path) -> None:
    commands = make(root, "--dry-run", "check").stdout

    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports"):
        assert f".venv/bin/{tool}" in commands


FIRST_TARGETS = [
    "make test",
    "make test-long",
    "make conformance",
    "make conformance ARGS=--profile fuzz --gate --seed 1 --report build/fuzz",
    "make loadtest",
    "make down ARGS=--name conformance --purge",
]
LONG_TARGETS = [
    "make images ARGS=--slurm 20.11 --slurm 22.05 --slurm 24.11 --suite --balancer",
    "make test-docker",
    "make test-matrix ARGS=--few",
]


@pytest.mark.parametrize(
    ("engine", "targets", "code"),
    [(75, [], 0), (0, [*LONG_TARGETS, "engine stop"], 0), (1, [], 1)],
    ids=["no engine here", "an engine", "a broken engine"],
)
def test_the_ci_entry_runs_the_tests_from_anywhere_then_the_long_targets(
    root: Path, tmp_path: Path, engine: int, targets: list[str], code: int
) -> None:
    """Run for real, with a `make` and an engine that say how they were called."""
    checkout, elsewhere = tmp_path / "checkout", tmp_path / "elsewhere"
    (checkout / ".ci").mkdir(parents=True)
    elsewhere.mkdir()
    shutil.copy(root / ".ci" / "run", checkout / ".ci" / "run")
    says = {
        elsewhere / "make": 'echo "$PWD: make $*"',
        checkout / ".ci" / "engine": f'[ "$1" = start ] && exit {engine}; echo "$PWD: engine $*"',
    }
    for program, text in says.items():
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)

    done = subprocess.run(
        [checkout / ".ci" / "run"],
        cwd=elsewhere,
        env={"PATH": f"{elsewhere}:/usr/bin:/bin", "CI": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    called = [line for line in done.stdout.splitlines() if line.startswith(f"{checkout}: ")]
    assert called == [f"{checkout}: {target}" for target in [*FIRST_TARGETS, *targets]]
    assert done.returncode == code
    assert ("no Docker engine can be had" in done.stdout) is (engine == 75)
