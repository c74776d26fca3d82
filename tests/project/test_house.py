"""The house keeps its own rules: formatting, lint, types, and the arrows that must not exist."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_BIN = Path(sys.executable).parent


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command",
    [["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy"], ["lint-imports"]],
    ids=lambda command: command[0] + ("-format" if "format" in command else ""),
)
def test_check(command: list[str]) -> None:
    argv = [str(_BIN / command[0]), *command[1:]]
    done = subprocess.run(argv, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_no_top_level_module_is_called_like_the_official_client() -> None:
    packages = {path.parent.name for path in _ROOT.glob("*/*/__init__.py")}
    assert {"f7t", "f7t_identity", "f7t_staging", "f7t_testbuild"} <= packages
    assert all(name.startswith("f7t") for name in packages)


def test_every_module_is_small_enough_to_be_read_in_one_go() -> None:
    sizes = {
        str(path.relative_to(_ROOT)): len(path.read_text().splitlines())
        for folder in (
            "conformance",
            "firecrest",
            "keycloak",
            "loadtest",
            "minio",
            "testbuild",
            "tests",
        )
        for path in (_ROOT / folder).rglob("*.py")
    }
    assert {name: size for name, size in sizes.items() if size > 450} == {}
