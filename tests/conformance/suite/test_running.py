"""What belongs to a run itself: its pytest is its own, and a dead worker is told of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from f7t_conformance.catalogue import catalogue
from f7t_conformance.collector import Collector
from f7t_conformance.model import Status
from tests.conformance.suite.answering import answering, said
from tests.conformance.suite.made_up import finding

SELECTED = list(catalogue().values())[:3]
DYING = """
import os
import signal

from f7t_conformance.binding import requirement


@requirement("F7T-STAT-001")
def test_dies(api):
    os.kill(os.getpid(), signal.SIGKILL)
"""
PASSING = """
from f7t_conformance.binding import requirement


@requirement("F7T-STAT-001")
def test_passes():
    pass
"""


def _heard(*ended: str) -> Collector:
    collector = Collector(lambda done, total, one: None)
    collector.findings[SELECTED[0].id] = finding(SELECTED[0].id, Status.PASS)
    for words in ended:
        collector.pytest_testnodedown(object(), words)
    return collector


def test_what_a_dead_worker_did_not_judge_is_an_error() -> None:
    collector = _heard("Not properly terminated")
    collector.abandoned(SELECTED, narrowed=False)
    assert [one.status for one in collector.in_order()] == ["pass", "error", "error"]
    assert "Not properly terminated" in collector.in_order()[1].reason
    assert collector.broken == []


def test_without_a_dead_worker_nothing_is_added() -> None:
    collector = _heard()
    collector.abandoned(SELECTED, narrowed=False)
    assert len(collector.in_order()) == 1


def test_what_pytest_selected_by_itself_cannot_be_told() -> None:
    collector = _heard("killed")
    collector.abandoned(SELECTED, narrowed=True)
    assert len(collector.in_order()) == 1
    assert collector.broken == ["a worker process ended: killed"]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the suite with a check of this text against a server that hardly knows anything."""

    def running(check: str, *, workers: int = 1, **variables: str) -> Any:
        (tmp_path / "test_given.py").write_text(check)
        answers = {
            "/status/parameters": said({"out": {}}),
            "/status/systems": said({"out": [{"system": "one"}]}),
        }
        with answering(answers) as server:
            command = [sys.executable, "-m", "f7t_conformance", "run", "--target", server.url]
            command += ["--workers", str(workers), "--only", "F7T-STAT-001"]
            command += ["--report", str(tmp_path / "out"), "--"]
            command += [str(tmp_path / "test_given.py"), "-k", "test_given"]
            return subprocess.run(
                command,
                env={**os.environ, "F7T_CONFORMANCE_IDENTITY__TOKEN": "token", **variables},
                capture_output=True,
                text=True,
                check=False,
            )

    return running


def test_a_worker_that_is_killed_is_no_pass(
    run: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run(DYING, workers=2)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "a worker process ended" in done.stdout + done.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_options_and_plug_ins_of_the_caller_have_no_say(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, workers: int
) -> None:
    (tmp_path / "foreign.py").write_text("raise RuntimeError('loaded')\n")
    done = run(
        PASSING,
        workers=workers,
        PYTEST_ADDOPTS="--no-such-option",
        PYTEST_PLUGINS="foreign",
        PYTHONPATH=str(tmp_path),
    )
    assert done.returncode == 0, done.stdout + done.stderr
