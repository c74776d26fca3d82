"""Submissions through programs that stay: a real shell for `scripts.SUBMIT_FUNCTION`, recorded
answers of scontrol for what it is told line by line.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from f7t.errors import AlreadyExists, CommandFailed
from f7t.slurm import commands, scripts
from f7t.slurm.models import FILES_NOT_AVAILABLE, JOB_INFO_RETURNED, JobFiles
from f7t.slurm.parse import begun_job, parse_begun, parse_described, parse_description
from f7t.ssh.channel import Completed
from f7t.ssh.programs import RemoteShell
from f7t.ssh.quoting import BEGIN, path_bytes, shell_command
from f7t.work.compute.programs import SCONTROL, SHELL
from tests.firecrest.slurm.conftest import DATA, Answer
from tests.firecrest.slurm.record_told import NONCES
from tests.firecrest.slurm.test_scripts import SBATCH, SCRIPT, Scheduler

NONCE = b"0123"
VERSIONS = sorted(path.parent.name for path in DATA.glob("*/told.json"))


def told(scheduler: Scheduler, *requests: bytes, **variables: str) -> list[Completed]:
    """Answers of one shell that is told everything at once."""
    text = b"".join(SHELL.asked(one, NONCE) for one in requests)
    done = subprocess.run(
        [scheduler.shell],
        input=SHELL.opening + text,
        capture_output=True,
        check=True,
        env=scheduler.given(**variables),
        cwd=scheduler.state / "home",
    )
    answers = []
    out, err = done.stdout, done.stderr
    for _ in requests:
        answer = SHELL.answer(NONCE, out, err)
        assert answer is not None
        answers.append(answer)
        frame = b"\x1e" + NONCE
        out = out[len(answer.stdout) :].partition(frame)[2].partition(b"\x1e")[2]
        err = err[len(answer.stderr) :].partition(frame + b"\x1e")[2]
    assert (out, err) == (b"", b"")
    return answers


@pytest.fixture(params=["dash", "bash"])
def scheduler(request: pytest.FixtureRequest, tmp_path: Path) -> Scheduler:
    (tmp_path / "bin").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "bin" / "sbatch").write_text(SBATCH)
    (tmp_path / "bin" / "sbatch").chmod(0o755)
    (tmp_path / "count").write_text("0")
    return Scheduler(tmp_path, str(request.param))


def submission(scheduler: Scheduler, task: str, script: bytes = SCRIPT, **options: object) -> bytes:
    directory = f"{scheduler.state}/home/deep er/firecrest/{task}"
    text = script.decode("utf-8", "surrogateescape")
    argv = commands.submit_text(directory, "job.sh", text, **options)  # type: ignore[arg-type]
    return path_bytes(shell_command(argv))


def test_each_submission_has_its_directory_and_its_script(scheduler: Scheduler) -> None:
    requests = [submission(scheduler, f"{n}", SCRIPT + b"# %d\n" % n) for n in range(3)]
    answers = told(scheduler, *requests)
    assert [parse_begun(one) for one in answers] == [1, 2, 3]
    for n in range(3):
        directory = scheduler.state / f"home/deep er/firecrest/{n}"
        assert [path.name for path in directory.iterdir()] == ["job.sh"]
        assert (directory / "job.sh").read_bytes() == SCRIPT + b"# %d\n" % n
        assert oct((directory / "job.sh").stat().st_mode & 0o777) == "0o644"


def test_every_byte_but_nul_arrives(scheduler: Scheduler) -> None:
    script = b"#!/bin/sh\n" + bytes(range(1, 256)) * 40 + b"'\\''$(id)`id`\\\n\\n%s"
    assert parse_begun(told(scheduler, submission(scheduler, "0", script))[0]) == 1
    assert (scheduler.state / "script").read_bytes() == script


def test_the_job_inherits_what_was_asked_for_and_nothing_of_ours(scheduler: Scheduler) -> None:
    odd = {"A": "b 1,c'd\"$(id)\n", "EMPTY": "", "LANG": "de_DE"}
    request = submission(scheduler, "0", environment=odd, account="a b", options=["--nohome"])
    parse_begun(told(scheduler, request)[0])
    seen = scheduler.environment()
    assert {name: seen[name] for name in odd} == odd
    assert not {name for name in seen if name.startswith("f7t_")}
    assert not {"LC_ALL", "SLURM_TIME_FORMAT"} & seen.keys()
    arguments = (scheduler.state / "arguments").read_text().splitlines()
    assert arguments[:3] == ["--parsable", "--nohome", "--account=a b"]


def test_a_task_submits_once(scheduler: Scheduler) -> None:
    request = submission(scheduler, "0")
    answers = told(scheduler, request, request)
    assert parse_begun(answers[0]) == 1
    with pytest.raises(AlreadyExists):
        parse_begun(answers[1])
    assert scheduler.submissions() == 1


def test_a_request_that_was_cut_off_did_not_begin(scheduler: Scheduler) -> None:
    """Wherever the connection breaks: the shell waits for the rest, and ends without it."""
    whole = SHELL.asked(submission(scheduler, "0"), NONCE)
    for cut in range(len(whole.rstrip())):
        subprocess.run(
            [scheduler.shell],
            input=SHELL.opening + whole[:cut],
            capture_output=True,
            check=False,
            env=scheduler.given(),
        )
        assert not list((scheduler.state / "home").iterdir()), whole[:cut]
    assert scheduler.submissions() == 0


def test_a_refusal_is_in_the_schedulers_words(scheduler: Scheduler) -> None:
    answer = told(scheduler, submission(scheduler, "0"), REFUSE="1")[0]
    with pytest.raises(CommandFailed, match=r"^sbatch: error: no$") as refused:
        parse_begun(answer)
    assert refused.value.exit_status == 255


def test_a_machine_without_sbatch(scheduler: Scheduler) -> None:
    (scheduler.state / "bin" / "sbatch").unlink()
    with pytest.raises(CommandFailed, match="sbatch"):
        parse_begun(told(scheduler, submission(scheduler, "0"))[0])


def test_a_home_that_cannot_be_written(scheduler: Scheduler) -> None:
    (scheduler.state / "home" / "deep er").write_text("a file")
    with pytest.raises(CommandFailed, match=r"mkdir: .*deep er"):
        parse_begun(told(scheduler, submission(scheduler, "0"))[0])
    assert scheduler.submissions() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a full file system")
def test_a_script_that_does_not_fit_leaves_nothing(scheduler: Scheduler) -> None:
    home = scheduler.state / "home" / "deep er"
    home.mkdir()
    script = SCRIPT + b"x" * 15_000
    mount = f"mount -t tmpfs -o size=4k none '{home}' && exec {scheduler.shell}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mount} && ls -R '{home}'"],
        input=SHELL.opening
        + SHELL.asked(submission(scheduler, "0", script), NONCE)
        + b"find .. -name job.sh -o -name 0\n",
        capture_output=True,
        check=True,
        env=scheduler.given(),
        cwd=scheduler.state / "home",
    )
    answer = SHELL.answer(NONCE, done.stdout, done.stderr)
    assert answer is not None
    with pytest.raises(CommandFailed, match="Failed to upload file"):
        parse_begun(answer)
    assert done.stdout.endswith(b" 83\x1e"), done.stdout
    assert scheduler.submissions() == 0


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_the_script_is_a_file_of_the_directory(name: str) -> None:
    with pytest.raises(ValueError, match="no file name"):
        commands.submit_text("/home/test1/x", name, "x")


@pytest.fixture(params=VERSIONS)
def scontrol(request: pytest.FixtureRequest) -> tuple[dict[str, str], bytes]:
    """Ids of jobs, and what a real scontrol printed of them (`record_told.py`)."""
    recorded = json.loads((DATA / request.param / "told.json").read_text())
    return recorded["ids"], recorded["cases"]["told"]["stdout"].encode("utf-8", "surrogateescape")


def test_what_scontrol_is_told_line_by_line(scontrol: tuple[dict[str, str], bytes]) -> None:
    ids, printed = scontrol
    first = SCONTROL.answer(NONCES[0], printed, b"")
    assert first is not None
    for name in ("array", "het"):
        job = parse_description(int(ids[name]), first)
        assert job.job_id == int(ids[name])
        assert job.files.job_file == f"/home/test1/firecrest/{name}/job.sh"
        assert job.files.job_file_out.startswith(f"/home/test1/firecrest/{name}/slurm-")
        assert job.job_info_extra == JOB_INFO_RETURNED
    # Its name holds the beginning of a record: what follows that is not its own.
    odd = parse_description(int(ids["named"]), first)
    assert (odd.job_id, odd.job_info_extra) == (int(ids["named"]), JOB_INFO_RETURNED)
    rest = printed.partition(b"keyword: " + NONCES[0])[2]
    for answer in (first, SCONTROL.answer(NONCES[1], rest, b"")):
        assert answer is not None
        gone = parse_description(999999, answer)
        assert gone.files == FILES_NOT_AVAILABLE
        assert gone.job_info_extra == "slurm_load_jobs error: Invalid job id specified"


def test_files_of_all_jobs_that_it_was_told_to_show(
    scontrol: tuple[dict[str, str], bytes],
) -> None:
    ids, printed = scontrol
    answer = SCONTROL.answer(NONCES[0], printed, b"")
    assert answer is not None
    named, array, het = ids["named"], ids["array"], ids["het"]
    elements = [f"{array}_[1-3]", f"{het}+0", f"{het}+1"]
    files = parse_described(answer, [named, "999999", "1", *elements])
    # The name of the first one says `JobId=1`: what follows that is neither its own nor job 1's.
    assert list(files) == [named, *elements]
    assert files[named].job_file == "command-not-found"
    assert {files[one].job_file for one in elements[1:]} == {"/home/test1/firecrest/het/job.sh"}
    assert files[elements[0]].job_file_out.startswith("/home/test1/firecrest/array/slurm-")


def test_a_name_that_looks_like_the_record_of_another_job() -> None:
    """That one was asked for too, and is not answered with what the name says."""
    record = "JobId={} JobName={} Command={} WorkDir=/ StdErr=/e StdIn=/n StdOut=/o \n"
    forging = record.format(7, "a\n" + record.format(8, "b", "/forged"), "/7.sh")
    own = record.format(8, "c", "/8.sh")
    answer = Answer(0, f"scontrol: {forging}scontrol: {own}".encode(), b"")
    files = parse_described(answer, ["7", "8"])
    assert files["8"].job_file == "/8.sh"
    assert files["7"].job_file == "command-not-found"


def test_an_answer_is_incomplete_until_its_end_was_said(
    scontrol: tuple[dict[str, str], bytes],
) -> None:
    _, printed = scontrol
    end = printed.index(b"invalid keyword: " + NONCES[0]) + len(b"invalid keyword: " + NONCES[0])
    assert SCONTROL.answer(NONCES[0], printed[: end - 1], b"") is None
    assert SCONTROL.answer(NONCES[0], printed[:end], b"") is not None


def test_a_prompt_without_echo() -> None:
    """An scontrol that was built without a line editor."""
    text = b"scontrol: JobId=7 JobName=x Command=/s.sh WorkDir=/ StdErr=/e StdIn=/n StdOut=/o \n"
    answer = Answer(0, b"scontrol: " + text + b"scontrol: slurm_load_jobs error: no\n", b"")
    assert parse_description(7, answer).files == JobFiles("/s.sh", "/o", "/e")
    assert parse_description(8, answer).job_info_extra == "slurm_load_jobs error: no"


def test_scontrol_that_refuses_as_a_command() -> None:
    answer = Answer(1, b"", b"slurm_load_jobs error: Unable to contact slurm controller\n")
    job = parse_description(7, answer)
    assert (job.files, job.job_info_extra) == (
        FILES_NOT_AVAILABLE,
        "slurm_load_jobs error: Unable to contact slurm controller",
    )
    assert parse_description(7, Answer(0, b"", b"")).job_info_extra


def test_a_shell_says_first_that_it_began() -> None:
    shell = RemoteShell("x", scripts.SUBMIT_FUNCTION, {"A": "b c"})
    done = subprocess.run(["sh", "-c", shell.line], input=b"", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (BEGIN, BEGIN)


@pytest.mark.parametrize(
    ("printed", "job_id"),
    [
        (b"", None),
        (b"\x1ebegun ", None),
        (b"\x1ebegun 12", None),  # more digits may follow
        (b"\x1ebegun 12;clus", None),
        (b"\x1ebegun 12;cluster\n", 12),
        (b"\x1ebegun 123\n\x1e", 123),
        (b"\x1ebegun a word\n", None),
        (b"12\n", None),
    ],
)
def test_the_id_is_known_once_its_line_is_complete(printed: bytes, job_id: int | None) -> None:
    assert begun_job(printed) == job_id
