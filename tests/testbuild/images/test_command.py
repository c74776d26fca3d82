"""`f7t images` and `.ci/engine` where no engine answers, and what they promise in their help."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from f7t_testbuild.cli import main
from f7t_testbuild.images.catalogue import SLURM_BASES

ROOT = Path(__file__).resolve().parents[3]
ENGINE = str(ROOT / ".ci" / "engine")

F7t = Callable[..., Result]


@pytest.fixture
def f7t(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> F7t:
    """Runs `f7t ARGUMENT...` with an empty state root and an engine's address nobody listens at."""
    monkeypatch.setenv("F7T_STATE_ROOT", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


def test_without_an_engine_it_says_so_and_how_to_get_one(f7t: F7t, tmp_path: Path) -> None:
    result = f7t("images")

    assert result.exit_code == 1
    assert "no Docker engine answers" in result.stderr
    assert ".ci/engine start" in result.stderr
    assert not (tmp_path / "state").exists()


def test_without_a_docker_command_it_says_so(
    f7t: F7t, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no command docker" in f7t("images").stderr


def test_with_json_the_failure_is_one_document(f7t: F7t) -> None:
    result = f7t("images", "--json")

    assert result.exit_code == 1
    assert "no Docker engine answers" in json.loads(result.stdout)["error"]["message"]


@pytest.mark.parametrize(
    "arguments",
    [["--slurm", "18.08"], ["--extra-ca", "/no/such/directory"], ["--frobnicate"]],
    ids=lambda arguments: str(arguments[0]),
)
def test_wrong_arguments_are_usage_errors(f7t: F7t, arguments: list[str]) -> None:
    assert f7t("images", *arguments).exit_code == 2


def test_the_help_names_every_release(f7t: F7t) -> None:
    text = f7t("images", "--help").stdout
    assert all(release in text for release in SLURM_BASES)


def engine(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ENGINE, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(shutil.which("docker") is None, reason="the script would install docker")
def test_the_script_does_not_start_an_engine_beside_the_one_that_was_named(tmp_path: Path) -> None:
    named = f"unix://{tmp_path}/nobody.sock"

    started = engine("start", DOCKER_HOST=named)

    assert started.returncode == 75
    assert started.stderr.splitlines() == [
        f"engine: no engine here: DOCKER_HOST={named} does not answer"
    ]
    assert engine("status", DOCKER_HOST=named).returncode == 1


@pytest.mark.parametrize("arguments", [[], ["restart"]])
def test_wrong_use_of_the_script_is_told(arguments: list[str]) -> None:
    done = engine(*arguments)
    assert done.returncode == 2
    assert "start|stop|status" in done.stderr
