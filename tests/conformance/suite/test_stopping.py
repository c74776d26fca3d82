"""A run that is stopped or out of its budget, against a running testbuild."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from f7t_testbuild.model import CLIENT_ID
from tests.support.live import PASSWORDS, Live, until

USER = "test1"
pytestmark = [pytest.mark.timeout(300), pytest.mark.long]

HANGING = """
import os
from pathlib import Path

import pytest

from f7t_conformance.binding import requirement


@pytest.mark.parametrize("number", [1, 2])
@requirement("F7T-STAT-001")
def test_hangs(number, belongings, place, api):
    place.write("file")
    task = belongings.submit(api, "sleep 300")
    Path(os.environ["MARKS"], str(task["data"]["jobid"])).touch()
    while True:
        api.get("/status/systems")
"""
QUICK = """
import pytest

from f7t_conformance.binding import requirement


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@requirement("F7T-STAT-001")
def test_submits(number, belongings, api):
    belongings.submit(api)
"""
ENDLESS = """
from f7t_conformance.binding import requirement


@requirement("F7T-STAT-001")
def test_never_ends(place, api):
    place.write("file")
    while True:
        api.get("/status/systems")
"""


@pytest.fixture
def name() -> str:
    """Of a run, so that what it makes can be told from all else."""
    return f"stopping-{secrets.token_hex(4)}"


@pytest.fixture
def start(live: Live, tmp_path: Path, name: str) -> Callable[..., subprocess.Popen[str]]:
    """Starts a run of two workers on a check of this text, in a process group of its own."""

    def starting(check: str, **variables: str) -> subprocess.Popen[str]:
        (tmp_path / "marks").mkdir()
        (tmp_path / "test_given.py").write_text(check)
        prefix = "F7T_CONFORMANCE_"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(prefix)},
            f"{prefix}IDENTITY__TOKEN_URL": live.testbuild.token_url,
            f"{prefix}IDENTITY__CLIENT_ID": CLIENT_ID,
            f"{prefix}IDENTITY__CLIENT_SECRET": live.secrets["client_secret"],
            f"{prefix}IDENTITY__USERNAME": USER,
            f"{prefix}IDENTITY__PASSWORD": PASSWORDS[USER],
            f"{prefix}RUN": name,
            f"{prefix}BUDGET__REQUESTS_PER_SECOND": "20",
            "MARKS": str(tmp_path / "marks"),
            **{prefix + name: value for name, value in variables.items()},
        }
        command = [sys.executable, "-m", "f7t_conformance", "run", "--target", live.url]
        command += ["--workers", "2", "--only", "F7T-STAT-001", "--report", str(tmp_path / "out")]
        return subprocess.Popen(
            [*command, "--", str(tmp_path / "test_given.py"), "-k", "test_given"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return starting


def _results(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "out" / "results.json").read_text())
    return read


def _assert_nothing_is_left(live: Live, name: str) -> None:
    """Neither an active job of the run nor its directory."""
    homes = live.get("/utilities/ls", user=USER, params={"targetPath": f"/home/{USER}"}).json()
    assert [one["name"] for one in homes["output"] if name in one["name"]] == []
    jobs = live.settled(live.get("/compute/jobs", user=USER), user=USER)["data"]
    assert [one for one in jobs.values() if name in one["name"]] == []


@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "controller-only"])
def test_an_interrupted_run_removes_everything_and_says_what_it_found(
    live: Live,
    start: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
    name: str,
    whole_group: bool,
) -> None:
    run = start(HANGING)
    marks = tmp_path / "marks"

    def begun() -> list[str] | None:
        if run.poll() is not None:
            raise AssertionError(run.communicate()[0])
        found = [one.name for one in marks.iterdir()]
        return found if len(found) == 2 else None

    jobs = until(begun, seconds=200, what="two jobs submitted")
    directories = _submission_directories(live, jobs)
    assert len(directories) == 2
    (os.killpg if whole_group else os.kill)(run.pid, signal.SIGINT)
    said, _ = run.communicate(timeout=200)
    assert run.returncode == 130, said
    results = _results(tmp_path)
    assert (results["complete"], results["stopped"]) == (False, "interrupted")
    assert results["leftovers"] == []
    assert not results["summary"]["certified"]
    _assert_nothing_is_left(live, name)
    gone = [
        live.get("/utilities/ls", user=USER, params={"targetPath": one}).status_code
        for one in directories
    ]
    assert gone == [400, 400]


def _submission_directories(live: Live, jobs: list[str]) -> list[str]:
    tasks = live.get("/tasks", user=USER).json()["tasks"].values()
    return [
        str(Path(one["data"]["job_file"]).parent)
        for one in tasks
        if isinstance(one["data"], dict) and str(one["data"].get("jobid")) in jobs
    ]


def test_the_jobs_of_the_budget_are_those_of_all_workers(
    live: Live, start: Callable[..., subprocess.Popen[str]], tmp_path: Path, name: str
) -> None:
    run = start(QUICK, BUDGET__JOBS="1")
    said, _ = run.communicate(timeout=200)
    assert run.returncode == 4, said
    results = _results(tmp_path)
    assert (results["complete"], results["stopped"]) == (False, "budget")
    assert results["findings"][0]["reason"] == "the run's jobs are used up (budget.jobs)"
    assert len([one for one in live.accounted_names(user=USER).values() if name in one]) == 1


def test_a_run_out_of_time_still_removes_its_directory(
    live: Live, start: Callable[..., subprocess.Popen[str]], tmp_path: Path, name: str
) -> None:
    run = start(ENDLESS, BUDGET__SECONDS="12")
    said, _ = run.communicate(timeout=200)
    assert run.returncode == 4, said
    results = _results(tmp_path)
    assert results["stopped"] == "budget"
    assert results["leftovers"] == []
    _assert_nothing_is_left(live, name)
