"""Records of `scontrol -o show job`: other versions, odd values; and accounting of 19.05."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from f7t.errors import CommandFailed
from f7t.slurm.details import matching, read_details
from f7t.slurm.models import JobFiles
from f7t.slurm.parse import parse_accounting, parse_job_files, parse_queue, parse_submission

DATA = Path(__file__).parent / "data" / "19.05"
HOME = "/home/test1/firecrest"


@dataclass(frozen=True)
class Answer:
    exit_status: int
    stdout: bytes
    stderr: bytes = b""


def test_files_in_the_words_of_19_05() -> None:
    files = parse_job_files(Answer(0, (DATA / "job_files.txt").read_bytes()))
    assert files["3"].job_file_out == f"{HOME}/named/slurm-3.out"
    assert files["4"].job_file_out == f"{HOME}/lines/slurm-4.out"
    assert files["5"].job_file_out == f"{HOME}/held/out put/job.sh-5.txt"
    assert files["6_1"].job_file_out == f"{HOME}/array/slurm-6_1.out"
    assert files["6_[3-4%2]"].job_file_out == f"{HOME}/array/slurm-6_4294967294.out"
    assert files["7+0"].job_file_out == f"{HOME}/het/slurm-7.out"
    assert files["7+1"].job_file_out == f"{HOME}/het/slurm-8.out"
    assert len(files) == 8


def test_accounting_of_a_job_that_has_just_ended_has_no_partition() -> None:
    jobs = parse_accounting(Answer(0, (DATA / "accounting.txt").read_bytes()))
    assert [(job.job_id, job.partition, job.name) for job in jobs][-1] == ("12", "", "allocation")
    assert len(jobs) == 3


def record(tail: str, *, head: str = "JobId=7 JobName=x") -> str:
    return f"{head} UserId=u(1) JobState=RUNNING Network=(null) {tail}\n"


@pytest.mark.parametrize(
    ("tail", "files"),
    [
        (
            "Command=/a b/c=d.sh WorkDir=/a b StdErr=/a b/e=f StdIn=/dev/null StdOut=/a b/o Power=",
            JobFiles("/a b/c=d.sh", "/a b/o", "/a b/e=f"),
        ),
        (
            "Command=(null) WorkDir=/w StdErr=/w/e StdIn=/dev/null StdOut=/w/o Power= ",
            JobFiles("command-not-found", "/w/o", "/w/e"),
        ),
        (
            "Command=/j WorkDir=/w",
            JobFiles("/j", "stdout-file-not-found", "stderr-file-not-found"),
        ),
        (
            "Command=/j WorkDir=/w Comment=two words StdErr=/e StdIn=/i StdOut=/o "
            "MailUser=u MailType=NONE",
            JobFiles("/j", "/o", "/e"),
        ),
        (
            "Command=/j WorkDir=/w StdErr=/e StdIn=/i StdOut=/o Power= NtasksPerTRES:0",
            JobFiles("/j", "/o", "/e"),
        ),
        (
            "Command=/j WorkDir=/w StdErr=/e StdIn=/i StdOut=/o TresPerNode=gres:gpu:1 FutureKey=x",
            JobFiles("/j", "/o", "/e"),
        ),
    ],
)
def test_values_with_blanks_and_unknown_keys(tail: str, files: JobFiles) -> None:
    (found,) = read_details(record(tail))
    assert found.files == files
    assert (found.job_id, found.master, found.element) == (7, "", "")


def test_a_name_cannot_stand_in_for_what_follows_it() -> None:
    name = "JobId=7 JobName=x Command=/evil WorkDir=/evil StdOut=/evil ArrayJobId=1 HetJobOffset=1"
    tail = "Command=/j WorkDir=/w StdErr=/e StdIn=/i StdOut=/o"
    (found,) = read_details(record(tail, head=name))
    assert (found.files, found.work_dir) == (JobFiles("/j", "/o", "/e"), "/w")
    assert (found.master, found.element, found.heterogeneous) == ("", "", False)


def test_text_that_is_no_record_is_ignored() -> None:
    assert read_details("") == []
    assert read_details("slurm_load_jobs error: Invalid job id specified\n") == []
    assert read_details("Job 6+1 not found\nJobId=x\n") == []
    assert matching([], "7") is None


def test_an_element_of_another_kind_is_not_mistaken() -> None:
    tail = "Command=/j WorkDir=/w StdErr=/e StdIn=/i StdOut=/o"
    plain = read_details(record(tail))
    assert matching(plain, "7") is plain[0]
    assert matching(plain, "8") is None
    assert matching(plain, "7_1") is None
    assert matching(plain, "7+0") is None
    pending = read_details(record(tail, head="JobId=7 ArrayJobId=7 ArrayTaskId=2-5 JobName=x"))
    assert matching(pending, "7_3") is pending[0]
    assert matching(pending, "7_[2-5%1]") is pending[0]


@pytest.mark.parametrize(
    ("stdout", "stderr", "message"),
    [
        (b"", b"", "Job submission failed"),
        (b"", b"bash: sh: not found\n", "bash: sh: not found"),
        (b"\x1ejob ", b"", "Job submission failed"),
        (b"\x1ejob nonsense\x1einfo x", b"", "nonsense"),
    ],
)
def test_a_submission_without_a_job_id_is_a_failure(
    stdout: bytes, stderr: bytes, message: str
) -> None:
    with pytest.raises(CommandFailed) as failed:
        parse_submission(Answer(0, stdout, stderr))
    assert failed.value.message == message


def test_a_job_id_with_cluster_and_noise_before_it() -> None:
    """A submission filter may print; `--parsable` adds the cluster in a federation."""
    job = parse_submission(Answer(0, b"\x1ejob welcome\n12;cluster\x1enoinfo no controller\n"))
    assert (job.job_id, job.job_info_extra) == (12, "no controller")


def test_a_job_name_with_a_record_separator_does_not_cut_its_description() -> None:
    description = record(
        "Command=/j WorkDir=/w StdErr=/e StdIn=/i StdOut=/o", head="JobId=7 JobName=\x1e"
    )
    job = parse_submission(Answer(0, b"\x1ejob 7\x1einfo " + description.encode()))
    assert job.files == JobFiles("/j", "/o", "/e")


def test_names_that_are_no_utf_8_are_shown_escaped() -> None:
    row = b"\x1e7\x1fp\x1fu\x1fRUNNING\x1f1\x1f0:01\x1fN/A\x1f1:00\x1fnid01\x1f\xff\n"
    (job,) = parse_queue(Answer(0, row))
    assert job.name == "\\xff"


def test_a_failure_without_words_is_a_failure() -> None:
    with pytest.raises(CommandFailed, match="Exit status 3"):
        parse_queue(Answer(3, b""))
