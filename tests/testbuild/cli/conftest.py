"""What the tests of the command line share: a state root of their own, real listeners."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from f7t_testbuild.cli import main
from f7t_testbuild.model import Testbuild
from f7t_testbuild.remembered import Choices, remember

ROOT = Path(__file__).resolve().parents[3]

_LISTENER = """
import socket, sys
with socket.create_server((sys.argv[1], 0), family=socket.AF_INET6 if ":" in sys.argv[1]
                          else socket.AF_INET, dualstack_ipv6=sys.argv[1] == "::") as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def root() -> Path:
    """The project's own directory."""
    return ROOT


@pytest.fixture
def state_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state root that every command of this test uses."""
    path = tmp_path / "state"
    monkeypatch.setenv("F7T_STATE_ROOT", str(path))
    return path


@pytest.fixture
def f7t(state_root: Path) -> Callable[..., Result]:
    """Runs `f7t ARGUMENT...` in this process, on the empty state root."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def started_once(state_root: Path) -> Testbuild:
    """The state directory of a testbuild that was started and stopped again."""
    testbuild = Testbuild("default", 18000, state_root)
    remember(testbuild, Choices(port_base=18000))
    secrets = {"client_secret": "s3cret $HOME 'x'", "robot_secret": "r", "staging_secret_key": "k"}
    testbuild.secrets_file.write_text(json.dumps(secrets))
    return testbuild


@pytest.fixture
def listener() -> Iterator[Callable[[str], tuple[int, int]]]:
    """Starts a real process that listens on a free port of an address: gives (pid, port)."""
    processes: list[subprocess.Popen[str]] = []

    def start(address: str = "127.0.0.1") -> tuple[int, int]:
        process = subprocess.Popen(
            [sys.executable, "-c", _LISTENER, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        return process.pid, int(process.stdout.readline())

    yield start
    for process in processes:
        process.communicate(timeout=10)
