"""The official client in an environment of its own, and a way to run scripts with it.

The environment is made once per pinned set of packages and kept in `.f7t/clients/` of the
repository. A run that cannot make it fails: the client is part of the proof.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from f7t_testbuild.model import CLIENT_ID, SYSTEM
from tests.support.live import Live

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
REQUIREMENTS = HERE / "requirements.txt"
MARKER = "f7t-complete"

Script = Callable[..., Any]


def _directory() -> Path:
    """Where the environment of these requirements and this interpreter belongs."""
    text = REQUIREMENTS.read_bytes() + sys.version.encode() + str(ROOT).encode()
    return ROOT / ".f7t" / "clients" / hashlib.sha256(text).hexdigest()[:16]


def _installers(directory: Path) -> list[Sequence[str]]:
    """Commands that install the requirements, best first. Each leaves the person's settings be."""
    python = str(directory / "bin" / "python")
    wanted = ("--require-hashes", "-r", str(REQUIREMENTS))
    commands: list[Sequence[str]] = [(python, "-m", "pip", "install", "--quiet", *wanted)]
    uv = Path(sys.executable).parent / "uv"
    if uv.exists():
        commands.insert(0, (str(uv), "pip", "install", "--quiet", "--python", python, *wanted))
    return commands


def _build(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True, timeout=120)
    said = []
    for command in _installers(directory):
        tried = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if tried.returncode == 0:
            (directory / MARKER).touch()
            return
        said.append(f"{' '.join(command)}\n{tried.stdout}{tried.stderr}")
    pytest.fail("the client's environment could not be made:\n" + "\n".join(said), pytrace=False)


@pytest.fixture(scope="session")
def client_python() -> Path:
    """Interpreter of the environment that holds the official client, and nothing of ours."""
    directory = _directory()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / MARKER).exists():
            _build(directory)
    return directory / "bin" / "python"


@pytest.fixture(scope="session")
def run_script(live: Live, client_python: Path) -> Script:
    """Run `scripts/<name>.py` in a directory; what it printed, read as JSON."""

    def run(name: str, directory: Path, **variables: str) -> Any:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "FIRECREST_URL": live.url,
            "TOKEN_URL": live.testbuild.token_url,
            "CLIENT_ID": CLIENT_ID,
            "CLIENT_SECRET": live.secrets["client_secret"],
            "MACHINE": SYSTEM,
            **variables,
        }
        done = subprocess.run(
            [str(client_python), "-I", str(HERE / "scripts" / f"{name}.py")],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return run
