"""Real processes: workers are replaced, end on SIGTERM, and do not outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live import until

_PROGRAM = """
import os, signal, sys
from pathlib import Path
from f7t.prefork import Prefork

def work():
    Path(sys.argv[1], str(os.getpid())).touch()
    if sys.argv[2] == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(sys.argv[1], f"{os.getpid()}.ready").touch()
    while True:
        signal.pause()

import f7t.prefork
f7t.prefork._PATIENCE = 0.3
f7t.prefork._SHORT_LIFE = 0.05
Prefork(work, 2, ended=lambda pid: Path(sys.argv[1], f"{pid}.ended").touch()).run()
"""


class Parent:
    """A parent with two workers that note their pids in a directory."""

    def __init__(self, directory: Path, kind: str) -> None:
        self._directory = directory
        argv = [sys.executable, "-c", _PROGRAM, str(directory), kind]
        self.process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)

    def workers(self, count: int) -> set[int]:
        def probe() -> set[int] | None:
            ready = {int(path.stem) for path in self._directory.glob("*.ready")}
            alive = {pid for pid in ready if _alive(pid)}
            return alive if len(alive) == count else None

        return until(probe, what=f"{count} workers")

    def ended(self) -> set[int]:
        """Workers whose end was told."""
        return {int(path.stem) for path in self._directory.glob("*.ended")}


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture(params=["obedient"])
def parent(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Parent]:
    made = Parent(tmp_path, request.param)
    yield made
    made.process.kill()
    made.process.wait()


def test_a_worker_that_dies_is_replaced(parent: Parent) -> None:
    first = parent.workers(2)
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    until(lambda: True if victim not in parent.workers(2) else None)
    assert len(parent.workers(2) - first) == 1
    assert parent.ended() == {victim}


@pytest.mark.parametrize("parent", ["obedient", "stubborn"], indirect=True)
def test_sigterm_ends_all(parent: Parent) -> None:
    workers = parent.workers(2)
    parent.process.send_signal(signal.SIGTERM)
    assert parent.process.wait(timeout=20) == 0
    assert not any(map(_alive, workers))


def test_workers_do_not_outlive_a_killed_parent(parent: Parent) -> None:
    workers = parent.workers(2)
    parent.process.kill()
    parent.process.wait()
    until(lambda: None if any(map(_alive, workers)) else True, what="end of the workers")
