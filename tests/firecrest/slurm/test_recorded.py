"""Parsers on what real schedulers answered (data/*/recorded.json; how: record.py)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from f7t.errors import AlreadyExists, CommandFailed, IsADirectory, NotFound
from f7t.slurm.models import JOB_INFO_RETURNED, JobFiles
from f7t.slurm.parse import (
    parse_accounting,
    parse_cancel,
    parse_found_submission,
    parse_job_files,
    parse_many_job_files,
    parse_queue,
    parse_submission,
)

if TYPE_CHECKING:
    from tests.firecrest.slurm.conftest import Recorded

FIRST_NAME = "0" * 32
HOME = "/home/test1/firecrest"
FIRST = f"{HOME}/{FIRST_NAME}"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
ODD_NAME = "a b|c\"d'e\tf StdOut=/etc/x"
NAME_WITH_LINES = "x\n1\x1fforged\n\x1e2\x1fmore"


def test_a_submission_tells_the_job_and_its_files(recorded: Recorded) -> None:
    job = parse_submission(recorded["submit"])
    assert job.job_id > 0
    out = f"{FIRST}/slurm-{job.job_id}.out"
    assert job.files == JobFiles(f"{FIRST}/job.sh", out, out)
    assert job.job_info_extra == JOB_INFO_RETURNED


def test_a_second_submission_of_a_task_is_told_apart(recorded: Recorded) -> None:
    with pytest.raises(AlreadyExists):
        parse_submission(recorded["submit again"])


def test_a_script_on_the_machine_is_submitted_from_its_directory(recorded: Recorded) -> None:
    job = parse_submission(recorded["submit path"])
    assert job.files.job_file == f"{FIRST}/job.sh"
    assert job.files.job_file_out == f"{FIRST}/slurm-{job.job_id}.out"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            "submit unknown partition",
            "sbatch: error: invalid partition specified: nosuch\n"
            "sbatch: error: Batch job submission failed: Invalid partition name specified",
        ),
        ("submit unknown option", "sbatch: unrecognized option '--nosuchoption=3'"),
        ("submit bad value", "sbatch: error: Invalid --time specification"),
        ("submit no interpreter", "sbatch: error: This does not look like a batch script."),
        ("submit empty", "sbatch: error: Batch script is empty!"),
        ("submit dos", "sbatch: error: Batch script contains DOS line breaks (\\r\\n)"),
        ("submit too much memory", "sbatch: error: Memory specification can not be satisfied"),
    ],
)
def test_a_refused_submission_keeps_the_schedulers_words(
    recorded: Recorded, case: str, message: str
) -> None:
    with pytest.raises(CommandFailed) as refused:
        parse_submission(recorded[case])
    assert refused.value.message.startswith(message)
    assert refused.value.exit_status in (1, 255)


def test_scripts_that_cannot_be_submitted(recorded: Recorded) -> None:
    with pytest.raises(NotFound):
        parse_submission(recorded["submit path missing"])
    with pytest.raises(IsADirectory):
        parse_submission(recorded["submit path directory"])


def test_the_queue_shows_every_job_once_whatever_its_name(recorded: Recorded) -> None:
    jobs = {job.job_id: job for job in parse_queue(recorded["queue"])}
    running = jobs[recorded.ids[FIRST_NAME]]
    assert (running.partition, running.user, running.state) == ("part01", "test1", "RUNNING")
    assert (running.nodes, running.name) == ("1", "job.sh")
    assert re.fullmatch(r"nid\d+", running.nodelist)
    assert re.fullmatch(r"0:\d\d", running.time_used)
    assert re.fullmatch(r"9:\d\d", running.time_left)
    assert STAMP.fullmatch(running.start_time)
    names = [job.name for job in jobs.values()]
    assert names.count(ODD_NAME) == 1
    assert names.count(NAME_WITH_LINES) == 1
    reasons = {job.nodelist for job in jobs.values() if job.state == "PENDING"}
    assert "(JobHeldUser)" in reasons
    # 24.11 refuses a job that needs more nodes than there are.
    assert ("(PartitionConfig)" in reasons) == (recorded.release < (24, 11))
    array, het = recorded.ids["array"], recorded.ids["het"]
    assert {job_id for job_id in jobs if not job_id.isdigit()} == {
        f"{array}_1",
        f"{array}_2",
        f"{array}_[3-4%2]",
        f"{het}+0",
        f"{het}+1",
    }
    assert len(parse_queue(recorded["queue"])) == len(jobs)
    assert {job.job_id for job in parse_queue(recorded["queue everybody"])} == set(jobs)


@pytest.mark.parametrize(
    "case", ["queue finished", "queue user without jobs", "queue unknown user"]
)
def test_no_jobs_is_an_empty_listing(recorded: Recorded, case: str) -> None:
    assert parse_queue(recorded[case]) == []


def test_one_job_that_is_gone_is_an_error_with_the_tutorials_text(recorded: Recorded) -> None:
    """T27; several unknown ones are just absent."""
    with pytest.raises(CommandFailed) as gone:
        parse_queue(recorded["queue gone"])
    assert gone.value.message == "slurm_load_jobs error: Invalid job id specified"
    known = parse_queue(recorded["queue known and gone"])
    assert [job.job_id for job in known] == [recorded.ids[FIRST_NAME]]
    with pytest.raises(CommandFailed, match="Invalid job id"):
        parse_queue(recorded["queue zeros"])


def test_elements_of_an_array_can_be_asked_for(recorded: Recorded) -> None:
    jobs = parse_queue(recorded["queue elements"])
    array = recorded.ids["array"]
    assert {job.job_id for job in jobs} == {f"{array}_1", f"{array}_2", f"{array}_[3-4]"}


def test_files_are_found_for_every_kind_of_job_id(recorded: Recorded) -> None:
    files = parse_job_files(recorded["job files"])
    ids = recorded.ids
    first, array, het = ids[FIRST_NAME], ids["array"], ids["het"]
    out = f"{FIRST}/slurm-{first}.out"
    assert files[first] == JobFiles(f"{FIRST}/job.sh", out, out)
    for name in ("named", "lines"):
        assert files[ids[name]].job_file == f"{HOME}/{name}/job.sh"
        assert files[ids[name]].job_file_out == f"{HOME}/{name}/slurm-{ids[name]}.out"
    assert files[ids["held"]].job_file_out == f"{HOME}/held/out put/job.sh-{ids['held']}.txt"
    for element in ("1", "2"):
        expected = f"{HOME}/array/slurm-{array}_{element}.out"
        assert files[f"{array}_{element}"].job_file_out == expected
    assert files[f"{array}_[3-4%2]"].job_file == f"{HOME}/array/job.sh"
    assert files[f"{het}+0"].job_file_out == f"{HOME}/het/slurm-{het}.out"
    assert files[f"{het}+1"].job_file_out == f"{HOME}/het/slurm-{int(het) + 1}.out"
    assert len(files) == 10
    assert "999999" not in files


def test_all_records_at_once_tell_the_same_files(recorded: Recorded) -> None:
    alone = recorded["job files"]
    records = re.sub(rb"^\x1efiles .*\n", b"", alone.stdout, flags=re.MULTILINE)
    known = parse_job_files(alone)
    found, doubtful = parse_many_job_files(replace(alone, stdout=records), [*known, "999999"])
    assert found == known
    assert doubtful == []


def test_an_interrupted_submission_is_found_by_its_directory(recorded: Recorded) -> None:
    """The job of a script that submits from there itself has a higher number."""
    assert parse_found_submission(recorded["find"]) == parse_submission(recorded["submit"])
    assert parse_found_submission(recorded["find nothing"]) is None


def test_cancelling_tells_what_was_done(recorded: Recorded) -> None:
    ids = recorded.ids
    assert parse_cancel(recorded["cancel"]) == (
        f"scancel: Terminating job {ids['named']}\nscancel: Terminating job {ids['lines']}"
    )


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("cancel another's", "User does not have permission to cancel job"),
        ("cancel unknown", "Kill job error on job id 999999: Invalid job id specified"),
        ("cancel known and unknown", "Kill job error on job id 999999: Invalid job id specified"),
        (
            "cancel finished",
            "Kill job error on job id {quick}: Job/step already completing or completed",
        ),
        ("cancel nonsense", "Invalid job id abc"),
        ("cancel option", "Invalid job id --user=test1"),
        ("cancel nothing", "No job identification provided"),
    ],
)
def test_what_was_not_cancelled_is_an_error(recorded: Recorded, case: str, message: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        parse_cancel(recorded[case])
    assert failed.value.message == message.format(quick=recorded.ids["quick"])


def test_accounting_shows_allocations(recorded: Recorded) -> None:
    jobs = {job.job_id: job for job in parse_accounting(recorded["accounting"])}
    assert len(jobs) == len(parse_accounting(recorded["accounting"]))
    ids = recorded.ids
    done = jobs[ids["quick"]]
    assert (done.partition, done.user, done.state) == ("part01", "test1", "COMPLETED")
    assert (done.nodes, done.name, done.exit_code) == ("1", "job.sh", "0:0")
    assert STAMP.fullmatch(done.start_time)
    assert STAMP.fullmatch(done.end_time)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", done.elapsed_time)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", done.cpu_time)
    assert (jobs[ids["failing"]].state, jobs[ids["failing"]].exit_code) == ("FAILED", "3:0")
    assert jobs[ids["named"]].state == "CANCELLED by 2001"
    assert jobs[ids["named"]].name == ODD_NAME.replace('"', "`")  # sacct's own doing
    assert jobs[ids["lines"]].name == NAME_WITH_LINES
    large = next(job for job in jobs.values() if job.nodes == "50")
    assert large.start_time == ("Unknown" if ids["large"] else "None")
    array, het = ids["array"], ids["het"]
    assert {f"{array}_1", f"{array}_2", f"{het}+0", f"{het}+1"} <= set(jobs)
    assert jobs.keys() == {job.job_id for job in parse_accounting(recorded["accounting period"])}


def test_accounting_of_some_jobs(recorded: Recorded) -> None:
    ids = recorded.ids
    some = parse_accounting(recorded["accounting one"])
    assert {job.job_id for job in some} == {ids[FIRST_NAME], ids["named"]}
    elements = parse_accounting(recorded["accounting elements"])
    assert {job.job_id for job in elements} == {f"{ids['array']}_1", f"{ids['array']}_2"}
    assert parse_accounting(recorded["accounting unknown"]) == []
    assert parse_accounting(recorded["accounting before"]) == []
    with pytest.raises(CommandFailed, match="Bad job/step specified: abc"):
        parse_accounting(recorded["accounting nonsense"])
