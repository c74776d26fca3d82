"""Batch scripts of the gateway's own: read by a real shell, with srun as the only imitation."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from f7t.slurm.batch import BatchJob, batch_script, is_time_limit

ODD = ["a b", "$HOME", "$(touch x)", "*", "-dash", "it's", '"', "日本", "a\\b", "#", "\x7f"]


@dataclass(frozen=True)
class Ended:
    exit_status: int
    stdout: str
    stderr: str


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the script of a job whose command is these words."""
    (tmp_path / "bin").mkdir()
    srun = tmp_path / "bin" / "srun"
    srun.write_text('#!/bin/sh\n[ "$1" = --ntasks=1 ] && shift && exec "$@"\n')
    srun.chmod(0o755)

    def run(*argv: str) -> Ended:
        script = batch_script(BatchJob("name", "1"), argv, title="cp")
        path = f"{tmp_path}/bin:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script.decode()],
            env={"PATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


def directives(job: BatchJob) -> list[str]:
    lines = batch_script(job, ["true"], title="x").decode().splitlines()
    assert lines[0] == "#! /bin/bash -l"
    return [line for line in lines if line.startswith("#SBATCH")]


def test_directives() -> None:
    assert directives(BatchJob("cp-job", "02:00:00")) == [
        "#SBATCH --job-name='cp-job'",
        "#SBATCH --time='02:00:00'",
        "#SBATCH --error='job-%j.err'",
        "#SBATCH --output='job-%j.out'",
        "#SBATCH --ntasks='1'",
    ]
    full = BatchJob("a # b", "1-0", partition="xfer", constraint="a&b", after="7", account="p 1")
    assert directives(full)[0] == "#SBATCH --job-name='a # b'"
    assert directives(full)[5:] == [
        "#SBATCH --partition='xfer'",
        "#SBATCH --constraint='a&b'",
        "#SBATCH --dependency='afterok:7'",
        "#SBATCH --account='p 1'",
    ]


@pytest.mark.parametrize("text", ["a\n#SBATCH --wrap=x", "a' --uid=0", "a\\", "a\0b", "a\rb"])
@pytest.mark.parametrize("field", ["name", "time", "partition", "constraint", "after", "account"])
def test_no_text_adds_a_directive(field: str, text: str) -> None:
    values = {"name": "n", "time": "1", field: text}
    with pytest.raises(ValueError, match="directive"):
        batch_script(BatchJob(**values), ["true"], title="x")


@pytest.mark.parametrize("word", ODD)
def test_words_are_literal(run: Run, tmp_path: Path, word: str) -> None:
    ended = run("printf", "%s|", word, "a\nb")
    assert ended == Ended(0, f"Started cp\n{word}|a\nb|Finished cp\n", "")
    assert not (tmp_path / "x").exists()


def test_warnings_of_a_success_are_no_errors(run: Run) -> None:
    assert run("sh", "-c", "echo out; echo careful >&2") == Ended(
        0, "Started cp\nout\ncareful\nFinished cp\n", ""
    )


@pytest.mark.parametrize("status", [1, 2, 143])
def test_a_failure_is_the_jobs(run: Run, status: int) -> None:
    assert run("sh", "-c", f"echo out; echo no >&2; exit {status}") == Ended(
        status, "Started cp\nout\nFinished cp\n", "no\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((good, True) for good in ("5", "90:30", "1:2:3", "02:00:00", "1-0", "1-2:3", "1-2:3:4")),
        *(
            (bad, False)
            for bad in ("", " 5", "5 ", "a", "-1", "1-", "-1:2", "1:2:3:4", "1-2:3:4:5")
        ),
        *((bad, False) for bad in ("5m", "1.5", "1::2", ":1", "1:", "5\n", "٥", "UNLIMITED", "+5")),
    ],
)
def test_time_limits(text: str, expected: bool) -> None:
    assert is_time_limit(text) is expected
