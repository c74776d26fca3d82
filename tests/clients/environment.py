"""The official client in an environment of its own.

It is made once per pinned set of packages and kept in `.f7t/clients/` of the repository.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.clients.running import ROOT

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
MARKER = "f7t-complete"


class EnvironmentNotMade(Exception):
    """No installer could make it; the message has what each of them said."""


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
    raise EnvironmentNotMade("the client's environment could not be made:\n" + "\n".join(said))


def client_interpreter() -> Path:
    """Interpreter of the environment, which is made if it is not there.

    Raises:
        EnvironmentNotMade: the packages cannot be installed.
    """
    directory = _directory()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / MARKER).exists():
            _build(directory)
    return directory / "bin" / "python"
