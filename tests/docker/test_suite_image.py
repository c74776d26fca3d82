"""The conformance suite's own image, against this testbuild."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from f7t_testbuild.images import catalogue, engine
from f7t_testbuild.model import CLIENT_ID
from tests.support.live import Live


@pytest.fixture(scope="module", autouse=True)
def _image() -> None:
    if engine.find(catalogue.CONFORMANCE.tag) is None:
        pytest.skip("the suite's image is not here: make images ARGS=--suite")


def _run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A container as a user would start it, root file system read-only."""
    command = ["docker", "run", "--rm", "--network", "host", "--read-only", "--tmpfs", "/tmp"]
    for name, value in variables.items():
        command += ["-e", f"F7T_CONFORMANCE_{name}={value}"]
    command += [*_mounts(arguments), catalogue.CONFORMANCE.tag]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, timeout=300
    )


def _mounts(arguments: tuple[str, ...]) -> list[str]:
    if "--report" not in arguments:
        return []
    folder = arguments[arguments.index("--report") + 1]
    return ["-v", f"{folder}:{folder}", "--user", "0:0"]


def test_it_says_what_it_does() -> None:
    done = _run("--help")
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout


def test_the_profile_probe_passes(live: Live, tmp_path: Path) -> None:
    done = _run(
        *("run", "--target", live.url, "--profile", "probe", "--workers", "2"),
        *("--report", str(tmp_path)),
        IDENTITY__TOKEN_URL=live.testbuild.token_url,
        IDENTITY__CLIENT_ID=CLIENT_ID,
        IDENTITY__CLIENT_SECRET=live.secrets["client_secret"],
        IDENTITY__USERNAME="test1",
        IDENTITY__PASSWORD="test11",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["complete"]
    assert results["summary"]["counts"]["pass"] > 100
    assert results["leftovers"] == []
