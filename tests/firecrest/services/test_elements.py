"""Array and heterogeneous jobs from submission to accounting (compute.md C3 to C6)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

import pytest

from tests.firecrest.services.jobs import ask, cancel, queued, submit
from tests.firecrest.services.places import names
from tests.support.live import SERVICE_ACCOUNT, Live, until

SLEEP = "echo out $SLURM_ARRAY_TASK_ID; echo err >&2; sleep 300"
ARRAY = f"""#!/bin/bash
#SBATCH --array=0-3
#SBATCH --time=10
#SBATCH --output=out-%A_%a.txt
#SBATCH --error=err-%A_%a.txt
{SLEEP}
"""
HETEROGENEOUS = """#!/bin/bash
#SBATCH --ntasks=1 --time=10
#SBATCH {word}
#SBATCH --ntasks=1 --time=10
sleep 300
"""


def _rows(live: Live, wanted: str, *, user: str = "test1") -> dict[str, dict[str, Any]]:
    task = ask(live, f"/compute/jobs/{wanted}", user=user)
    assert task["status"] == "200", task
    return {job["jobid"]: job for job in task["data"].values()}


def _running(live: Live, wanted: str, count: int) -> dict[str, dict[str, Any]]:
    def running() -> dict[str, dict[str, Any]] | None:
        rows = _rows(live, wanted)
        ready = [row for row in rows.values() if row["state"] == "RUNNING"]
        return rows if len(ready) == count else None

    return until(running, what=f"{count} running jobs of {wanted}")


@pytest.fixture(scope="module")
def array(live: Live) -> Iterator[str]:
    """An array of four elements, all of them running."""
    job_id = str(submit(live, ARRAY)["jobid"])
    _running(live, job_id, 4)
    yield job_id
    cancel(live, job_id)


def test_every_element_has_its_own_files(live: Live, array: str) -> None:
    def written() -> dict[str, dict[str, Any]] | None:
        rows = _rows(live, array)
        done = all(row["job_data_out"] and row["job_data_err"] for row in rows.values())
        return rows if done else None

    rows = until(written, what="output of all elements")
    assert sorted(rows) == [f"{array}_{element}" for element in range(4)]
    for element in range(4):
        row = rows[f"{array}_{element}"]
        directory = posixpath.dirname(row["job_file"])
        assert row["job_file_out"] == f"{directory}/out-{array}_{element}.txt"
        assert row["job_file_err"] == f"{directory}/err-{array}_{element}.txt"
        assert (row["job_data_out"], row["job_data_err"]) == (f"out {element}\n", "err\n")
        assert posixpath.basename(row["job_file_out"]) in names(live, directory)


@pytest.mark.parametrize(
    ("wanted", "elements"),
    [("{}_1", [1]), ("{}_[0-2]", [0, 1, 2]), ("{}_[3-3]", [3]), ("{}_0,{}_3", [0, 3])],
)
def test_elements_can_be_chosen(live: Live, array: str, wanted: str, elements: list[int]) -> None:
    wanted = wanted.replace("{}", array)
    expected = [f"{array}_{element}" for element in elements]
    assert sorted(_rows(live, wanted)) == expected
    assert sorted(queued(live, jobs=wanted)) == expected


def test_elements_that_wait_are_one_row(live: Live) -> None:
    """Whichever of them is asked for."""
    job_id = str(submit(live, ARRAY.replace("=10", "=10 --begin=now+1hour"))["jobid"])
    try:
        for wanted in (job_id, f"{job_id}_2", f"{job_id}_[1-2]"):
            [row] = _rows(live, wanted).values()
            assert (row["state"], row["job_data_out"]) == ("PENDING", "")
            assert row["job_file"].endswith("/job.sh")
    finally:
        cancel(live, job_id)


def test_one_element_is_cancelled(live: Live) -> None:
    job_id = str(submit(live, ARRAY)["jobid"])
    try:
        _running(live, job_id, 4)
        task = cancel(live, f"{job_id}_1")
        assert (task["status"], task["data"]) == ("200", f"scancel: Terminating job {job_id}_1")
        left = [f"{job_id}_{element}" for element in (0, 2, 3)]
        until(lambda: True if sorted(_rows(live, job_id)) == left else None, what="three left")
        assert cancel(live, f"{job_id}_[2-3]")["status"] == "200"
        until(lambda: True if sorted(_rows(live, job_id)) == left[:1] else None, what="one left")
    finally:
        cancel(live, job_id)
    accounted = live.accounted(f"{job_id}_1")
    assert (accounted["state"].split()[0], accounted["partition"]) == ("CANCELLED", "part01")


def test_a_heterogeneous_job(live: Live) -> None:
    word = "packjob" if live.choices.slurm == "19.05" else "hetjob"
    job_id = str(submit(live, HETEROGENEOUS.format(word=word))["jobid"])
    try:
        rows = _running(live, job_id, 2)
        assert sorted(rows) == [f"{job_id}+0", f"{job_id}+1"]
        assert len({row["job_file"] for row in rows.values()}) == 1
        for wanted, row in rows.items():
            assert posixpath.dirname(row["job_file_out"]) == posixpath.dirname(row["job_file"])
            assert row["job_info_extra"] == "Job info returned successfully"
            assert wanted in _rows(live, wanted)
    finally:
        task = cancel(live, job_id)
    assert task["status"] == "200"
    until(lambda: True if f"{job_id}+0" not in queued(live) else None, what="both cancelled")


def test_a_long_user_name_is_whole(live: Live) -> None:
    script = f"#!/bin/bash\n#SBATCH --job-name={'n' * 100}\nsleep 300\n"
    job_id = str(submit(live, script, user=SERVICE_ACCOUNT)["jobid"])
    try:
        row = _rows(live, job_id, user=SERVICE_ACCOUNT)[job_id]
        assert (row["user"], row["name"]) == (SERVICE_ACCOUNT, "n" * 100)
        assert row["job_file"].startswith(f"/home/{SERVICE_ACCOUNT}/firecrest/")
    finally:
        cancel(live, job_id, user=SERVICE_ACCOUNT)
    accounted = live.accounted(job_id, user=SERVICE_ACCOUNT)
    assert (accounted["user"], accounted["name"]) == (SERVICE_ACCOUNT, "n" * 100)
