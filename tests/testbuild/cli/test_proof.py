"""The parts of the proof that need no testbuild: the job script, and what a failure says."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from f7t_testbuild import model
from f7t_testbuild.proof import JOB_SCRIPT, ProofFailure, Stopwatch, _json, prove
from tests.support.live import until


@pytest.fixture
def job_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "home" / "firecrest" / "0123"
    directory.mkdir(parents=True)
    (directory / "f7t-proof.sh").write_text(JOB_SCRIPT)
    return directory


def _sleeps(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process runs `sleep` as a child at this moment."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        with suppress(OSError):
            if Path(f"/proc/{child}/comm").read_text() == "sleep\n":
                return True
    return False


def _job(directory: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sh", str(directory / "f7t-proof.sh")],
        cwd=directory,
        env={**os.environ, "SLURM_SUBMIT_DIR": str(directory)},
    )


def test_the_job_waits_for_the_file_then_removes_all_traces(job_directory: Path) -> None:
    (job_directory / "f7t-proof.bin").write_bytes(b"x")

    with _job(job_directory) as job:
        until(lambda: _sleeps(job) or None, what="the job waiting")
        (job_directory / "f7t-proof.done").touch()
        assert job.wait(timeout=30) == 0

    assert not job_directory.parent.exists()


def test_the_job_leaves_other_submissions_alone(job_directory: Path) -> None:
    other = job_directory.parent / "4567"
    other.mkdir()
    (job_directory / "f7t-proof.done").touch()

    with _job(job_directory) as job:
        assert job.wait(timeout=30) == 0

    assert not job_directory.exists()
    assert other.exists()


def test_a_gateway_that_does_not_answer_is_told_by_step() -> None:
    # Port 1 of loopback: nothing may listen there without root, and nothing does.
    with pytest.raises(ProofFailure) as failure:
        prove(model.Testbuild(port_base=1), lambda: "token")

    assert failure.value.step == "system available"
    assert failure.value.part == "gateway"
    assert "ConnectError" in failure.value.message


def test_a_refusal_shows_what_was_asked_and_answered() -> None:
    request = httpx.Request("POST", "http://127.0.0.1:8000/compute/jobs")
    answer = httpx.Response(
        400, request=request, text='{"error":"no"}', headers={"X-Permission-Denied": "not you"}
    )

    with pytest.raises(ProofFailure) as failure:
        _json(answer, 201, "submit")

    assert failure.value.message == (
        'POST /compute/jobs answered 400 instead of 201: {"error":"no"}; '
        "x-permission-denied: not you"
    )


def _fail_in(stopwatch: Stopwatch) -> None:
    with stopwatch.step("job"), stopwatch.step("upload"):
        raise KeyError("x")


def test_the_step_that_failed_is_remembered() -> None:
    stopwatch = Stopwatch()
    with stopwatch.step("token"):
        pass

    with pytest.raises(KeyError):
        _fail_in(stopwatch)

    assert [step.name for step in stopwatch.steps] == ["token"]
    assert stopwatch.running[-1] == "upload"
