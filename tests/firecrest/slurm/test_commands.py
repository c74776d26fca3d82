"""Argument lists: what is asked of the scheduler, and that nothing can become an option."""

from __future__ import annotations

from datetime import datetime

import pytest

from f7t.slurm import commands

MOMENT = datetime(2026, 1, 5, 10, 0)


@pytest.mark.parametrize("text", ["1", "000", "12345678901", "1+0", "3_4", "5_[1-3]"])
def test_job_ids(text: str) -> None:
    assert commands.is_job_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "a",
        "1.0",
        "1 ",
        "1\n",
        "1+",
        "+1",
        "1_",
        "_1",
        "1_[3]",
        "1_[1-]",
        "1_[1-3",
        "1_[1,3]",
        "1_2_3",
        "1,2",
        "1+2_3",
        "١",
        "--all",
    ],
)
def test_no_job_ids(text: str) -> None:
    assert not commands.is_job_id(text)


def test_queue() -> None:
    form = "\x1e%i\x1f%P\x1f%u\x1f%T\x1f%D\x1f%M\x1f%S\x1f%L\x1f%R\x1f%j"
    assert commands.queue() == ["squeue", "-h", "--sort=i", "-o", form]
    assert commands.queue(["7"], user="test1")[5:] == ["--user=test1", "--jobs=7"]
    assert commands.queue(["7", "5_[2-4]", "9+1"])[5:] == ["--jobs=7,5_2,5_3,5_4,9+1"]


def test_a_range_of_a_million_elements_is_cut() -> None:
    assert len(commands.queue(["5_[1-1000000000]"])[-1].split(",")) == 1000
    assert commands.queue(["5_[3-1]"])[-1] == "--jobs=5_[3-1]"


def test_accounting() -> None:
    head = ["sacct", "-n", "-X", "-P", "--delimiter=\x1f"]
    fields = (
        "--format=jobid,partition,user,state,nnodes,nodelist,start,end,elapsed,cputime,exitcode,"
        "jobname"
    )
    assert commands.accounting("test1") == [*head, "--user=test1", fields]
    assert commands.accounting("test1", ids="1,5_[1-2]", start=MOMENT) == [
        *head,
        "--starttime=2026-01-05T10:00:00",
        "--jobs=1,5_1,5_2",
        fields,
    ]
    assert commands.accounting("test1", start=MOMENT, end=MOMENT)[6:8] == [
        "--starttime=2026-01-05T10:00:00",
        "--endtime=2026-01-05T10:00:00",
    ]


def test_an_end_alone_reaches_back_to_the_beginning() -> None:
    """sacct would begin with today and refuse an earlier end; the epoch itself means today."""
    assert commands.accounting("test1", end=MOMENT)[6] == "--starttime=1970-01-02T00:00:00"


def test_nothing_that_is_cancelled_can_be_an_option() -> None:
    assert commands.cancel("--user=test1,3, 4 ,") == [
        "scancel",
        "-v",
        "--",
        "--user=test1",
        "3",
        "4",
    ]


def test_submissions_export_variables_through_the_environment() -> None:
    argv = commands.submit_path("job.sh", account="a", environment={"A": "b,c", "B": ""})
    assert argv[:2] == ["sh", "-c"]
    assert argv[3:] == [
        "f7t",
        "job.sh",
        "env",
        "A=b,c",
        "B=",
        "sbatch",
        "--parsable",
        "--account=a",
        "--export=ALL",
    ]
    assert commands.submit_path("job.sh")[3:] == ["f7t", "job.sh", "sbatch", "--parsable"]


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=B", "A\n", "-i", "é"])
def test_bad_names_of_variables_are_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="environment variable"):
        commands.submit_path("job.sh", environment={name: "x"})


@pytest.mark.parametrize("name", ["", ".", "..", "a/b"])
def test_bad_names_of_scripts_are_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="no file name"):
        commands.submit_script("/home/test1/x", name, size=1)


def test_elements_of_one_job_are_asked_for_together() -> None:
    questions = commands.job_files(["7", "5_1", "5_[2-9%2]", "8_3", "9_[1-2]", "6+0", "6+1"])[4:]
    assert questions == ["7 7", "5 5_1 5_[2-9%2]", "8_3 8_3", "9 9_[1-2]", "6 6+0 6+1"]


def test_jobs_that_have_just_ended_can_be_asked_for() -> None:
    assert commands.queue(["7"], ended=True)[5:] == ["--states=all", "--jobs=7"]


def test_cluster() -> None:
    assert commands.nodes() == ["scontrol", "-o", "--", "show", "nodes"]
    assert commands.nodes(["nid01", "--all"])[3:] == ["show", "nodes", "nid01,--all"]
    assert commands.partitions() == ["scontrol", "-o", "show", "partitions"]
    assert commands.reservations() == ["scontrol", "-o", "show", "reservations"]
