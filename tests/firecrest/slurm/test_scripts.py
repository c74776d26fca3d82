"""The shell programs of submissions, run by a real shell with a scheduler made of three scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    IsADirectory,
    NotFound,
    PermissionDenied,
)
from f7t.slurm import commands
from f7t.slurm.models import FILES_NOT_AVAILABLE, JOB_INFO_RETURNED, JobFiles
from f7t.slurm.parse import (
    parse_found_submission,
    parse_job_files,
    parse_many_job_files,
    parse_submission,
)

SCRIPT = b"#!/bin/sh\necho hello\n"

SBATCH = """#!/bin/sh
[ -z "$REFUSE" ] || { echo "sbatch: error: no" >&2; exit 255; }
echo "sbatch: a warning" >&2
for last do :; done
n=$(($(cat "$STATE/count") + 1))
echo "$n" > "$STATE/count"
printf '%s\\n' "$@" > "$STATE/arguments"
env -0 > "$STATE/environment"
cat "$last" > "$STATE/script"
echo "JobId=$n JobName=x UserId=u(1) Command=$last WorkDir=$PWD StdErr=$PWD/e StdIn=/dev/null" \\
  "StdOut=$PWD/o Power=" >> "$STATE/jobs"
echo "$n;cluster"
"""
SCONTROL = """#!/bin/sh
[ -z "$DOWN" ] || { echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; }
[ -n "$4" ] || exec cat "$STATE/jobs"
grep "^JobId=$4 " "$STATE/jobs" || { echo "slurm_load_jobs error: Invalid job id" >&2; exit 1; }
"""
SACCT = """#!/bin/sh
cat "$STATE/accounting"
"""


@dataclass(frozen=True)
class Answer:
    exit_status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Scheduler:
    """Runs commands with the imitated scheduler in PATH, as the gateway would."""

    state: Path
    shell: str

    def run(self, argv: list[str], stdin: bytes = b"", **variables: str) -> Answer:
        done = subprocess.run(
            [self.shell, *argv[1:]],
            input=stdin,
            capture_output=True,
            check=False,
            env=self.given(**variables),
            cwd=self.state / "home",
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def given(self, **variables: str) -> dict[str, str]:
        """The environment of a shell."""
        return {
            "PATH": f"{self.state}/bin:/usr/bin:/bin",
            "STATE": str(self.state),
            "LC_ALL": "C",
            "SLURM_TIME_FORMAT": "standard",
            **variables,
        }

    def environment(self) -> dict[str, str]:
        """What sbatch saw, which is what a job inherits."""
        pairs = (self.state / "environment").read_text().split("\0")
        return dict(pair.split("=", 1) for pair in pairs if pair)

    def submissions(self) -> int:
        return int((self.state / "count").read_text())


@pytest.fixture(params=["dash", "bash"])
def scheduler(request: pytest.FixtureRequest, tmp_path: Path) -> Scheduler:
    (tmp_path / "bin").mkdir()
    (tmp_path / "home").mkdir()
    for name, text in (("sbatch", SBATCH), ("scontrol", SCONTROL), ("sacct", SACCT)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "count").write_text("0")
    (tmp_path / "jobs").touch()
    (tmp_path / "accounting").touch()
    shell = shutil.which(str(request.param))
    assert shell is not None
    return Scheduler(tmp_path, shell)


_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
Submit = Callable[..., Answer]


@pytest.fixture
def submit(scheduler: Scheduler) -> Submit:
    """Submit `SCRIPT` for one task; keywords are the builder's or `variables`."""

    def submit(
        script: bytes = SCRIPT, *, variables: dict[str, str] | None = None, **options: object
    ) -> Answer:
        directory = f"{scheduler.state}/home/deep er/firecrest/0123"
        argv = commands.submit_script(directory, "job.sh", size=len(SCRIPT), **options)  # type: ignore[arg-type]
        return scheduler.run(argv, script, **(variables or {}))

    return submit


def test_a_script_is_stored_and_submitted_from_its_directory(
    scheduler: Scheduler, submit: Submit
) -> None:
    directory = scheduler.state / "home/deep er/firecrest/0123"
    job = parse_submission(submit(account="a b", options=["--nohome"]))
    assert job.job_id == 1
    assert job.files == JobFiles(f"{directory}/job.sh", f"{directory}/o", f"{directory}/e")
    assert job.job_info_extra == JOB_INFO_RETURNED
    assert (directory / "job.sh").read_bytes() == SCRIPT
    assert (scheduler.state / "script").read_bytes() == SCRIPT
    assert (scheduler.state / "arguments").read_text().splitlines() == [
        "--parsable",
        "--nohome",
        "--account=a b",
        f"{directory}/job.sh",
    ]


def test_the_job_inherits_what_was_asked_for_and_nothing_of_ours(
    scheduler: Scheduler, submit: Submit
) -> None:
    odd = {"A": "b 1,c'd\"$(id)\n", "EMPTY": "", "LANG": "de_DE"}
    submit(environment=odd, variables={"OWN": "kept", "size": "kept"})
    seen = scheduler.environment()
    assert {name: seen[name] for name in odd} == odd
    assert (seen["OWN"], seen["size"]) == ("kept", "kept")
    assert not {"LC_ALL", "SLURM_TIME_FORMAT"} & set(seen)
    assert not [name for name in seen if name.startswith("f7t_")]
    assert "--export=ALL" in (scheduler.state / "arguments").read_text().splitlines()


def test_a_task_is_submitted_at_most_once(scheduler: Scheduler, submit: Submit) -> None:
    first = parse_submission(submit())
    for _ in range(2):
        with pytest.raises(AlreadyExists):
            parse_submission(submit())
    assert scheduler.submissions() == 1
    find = commands.find_submission(f"{scheduler.state}/home/deep er/firecrest/0123/")
    assert parse_found_submission(scheduler.run(find)) == first


def test_a_script_that_did_not_arrive_whole_is_not_submitted(
    scheduler: Scheduler, submit: Submit
) -> None:
    with pytest.raises(CommandFailed, match="Failed to upload file"):
        parse_submission(submit(SCRIPT[:-1]))
    assert scheduler.submissions() == 0
    # It is as if it had never begun: the task can be tried again.
    assert parse_submission(submit()).job_id == 1


def test_the_schedulers_refusal_is_kept(submit: Submit) -> None:
    with pytest.raises(CommandFailed) as refused:
        parse_submission(submit(variables={"REFUSE": "1"}))
    assert refused.value.message == "sbatch: error: no"
    assert refused.value.exit_status == 255


def test_a_job_that_cannot_be_described_is_submitted_all_the_same(submit: Submit) -> None:
    job = parse_submission(submit(variables={"DOWN": "1"}))
    assert (job.job_id, job.files) == (1, FILES_NOT_AVAILABLE)
    assert job.job_info_extra == "slurm_load_jobs error: Unable to contact slurm controller"


def test_a_directory_that_cannot_be_made_is_an_error_in_the_tools_words(
    scheduler: Scheduler,
) -> None:
    (scheduler.state / "home/file").touch()
    for path in ("home/file/firecrest/0123", "home/file"):
        argv = commands.submit_script(f"{scheduler.state}/{path}", "job.sh", size=1)
        with pytest.raises(CommandFailed, match="mkdir: cannot create directory"):
            parse_submission(scheduler.run(argv, b"x"))
    assert scheduler.submissions() == 0


@pytest.mark.parametrize("name", ["job.sh", "my job; touch x.sh", "-job.sh", "$(touch x)"])
def test_a_script_on_the_machine_runs_in_its_directory(scheduler: Scheduler, name: str) -> None:
    directory = scheduler.state / "home/some where"
    directory.mkdir()
    (directory / name).write_bytes(SCRIPT)
    for path in (f"{directory}/{name}", f"some where/{name}"):
        answer = scheduler.run(commands.submit_path(path))
        assert parse_submission(answer).files.job_file == f"{directory}/{name}"
        assert parse_submission(answer).files.job_file_out == f"{directory}/o"
    assert not list(scheduler.state.rglob("x"))
    assert (scheduler.state / "script").read_bytes() == SCRIPT


def test_a_script_that_is_not_there(scheduler: Scheduler) -> None:
    (scheduler.state / "home/dir").mkdir()
    for path, error in (("none.sh", NotFound), ("no/where.sh", NotFound), ("dir", IsADirectory)):
        with pytest.raises(error):
            parse_submission(scheduler.run(commands.submit_path(path)))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize("path", ["/root/x.sh", "/etc/shadow"])
def test_a_script_that_may_not_be_read(path: str) -> None:
    done = subprocess.run(
        [*_NOBODY, *commands.submit_path(path)],
        capture_output=True,
        check=False,
        cwd="/",
    )
    with pytest.raises(PermissionDenied):
        parse_submission(Answer(done.returncode, done.stdout, done.stderr))


def test_a_lost_submission_is_found_in_accounting(scheduler: Scheduler) -> None:
    find = commands.find_submission("/home/u/firecrest/0123")
    assert parse_found_submission(scheduler.run(find)) is None
    (scheduler.state / "accounting").write_text(
        "9\x1f/home/u/firecrest/0123\n8\x1f/gpfs/u/firecrest/0123\n7\x1f/home/u/firecrest/01234\n"
    )
    found = parse_found_submission(scheduler.run(find))
    assert found is not None
    assert (found.job_id, found.files) == (8, FILES_NOT_AVAILABLE)


def test_a_scheduler_that_does_not_answer_is_no_proof_that_there_is_no_job(
    scheduler: Scheduler,
) -> None:
    with pytest.raises(CommandFailed, match="Unable to contact"):
        parse_found_submission(scheduler.run(commands.find_submission("/x/0123"), DOWN="1"))


def _record(job_id: int, path: str, *, name: str = "x", before: str = "") -> str:
    return (
        f"JobId={job_id} {before}JobName={name} UserId=u(1) Command={path} WorkDir=/w"
        f" StdErr={path}.e StdIn=/dev/null StdOut={path}.o Power=\n"
    )


RECORDS = [
    _record(6, "/six", name="other"),
    _record(7, "/seven", name="two\nlines JobId=6 "),
    _record(11, "/array", before="ArrayJobId=10 ArrayTaskId=1 "),
    _record(10, "/array", before="ArrayJobId=10 ArrayTaskId=2-9 "),
    _record(13, "/het", before="HetJobId=12 HetJobOffset=1 "),
    _record(70, "/seventy"),
]
WANTED = ["7", "10_1", "10_[2-9]", "12+1", "999"]


def test_files_of_many_jobs_are_one_question(scheduler: Scheduler) -> None:
    (scheduler.state / "jobs").write_text("".join(RECORDS))
    answer = scheduler.run(commands.many_job_files(WANTED))
    found, doubtful = parse_many_job_files(answer, WANTED)
    assert {job: files.job_file for job, files in found.items()} == {
        "7": "/seven",
        "10_1": "/array",
        "10_[2-9]": "/array",
        "12+1": "/het",
    }
    assert doubtful == []
    assert b"/six" not in answer.stdout
    assert b"/seventy" not in answer.stdout


@pytest.mark.parametrize(
    ("forged", "doubted"),
    [
        ("JobId=7 JobName=y", ["7"]),
        ("JobId=99 ArrayJobId=10 ArrayTaskId=1 JobName=y", ["10_1", "10_[2-9]"]),
        ("JobId=99 ArrayJobId=10 ArrayTaskId=3-4 JobName=y", ["10_1", "10_[2-9]"]),
        ("JobId=99 HetJobId=12 HetJobOffset=1 JobName=y", ["12+1"]),
    ],
)
def test_what_a_name_of_another_could_have_made_up_is_not_believed(
    scheduler: Scheduler, forged: str, doubted: list[str]
) -> None:
    evil = _record(5, "/etc/shadow", name=f"x\n{forged}")
    (scheduler.state / "jobs").write_text("".join([evil, *RECORDS]))
    found, doubtful = parse_many_job_files(scheduler.run(commands.many_job_files(WANTED)), WANTED)
    assert doubtful == doubted
    assert "/etc/shadow" not in {files.job_file for files in found.values()}
    alone = parse_job_files(scheduler.run(commands.job_files(["7"])))
    assert alone["7"].job_file
