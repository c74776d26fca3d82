"""Step 4 of the tutorial: a small simulation (T21 to T32)."""
# ruff: noqa: N802 - the rows of the walk have capital letters

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.live import Live, until
from tests.tutorial.clients import Client, Requests
from tests.tutorial.machine import Machine
from tests.tutorial.walk import (
    HOME,
    TIME_STAMP,
    USER,
    accounted,
    created,
    downloaded,
    finished,
    job_script,
    reached,
    result,
    submitted,
)

ISO = "%Y-%m-%dT%H:%M:%S"


def test_T21_a_submission_announces_a_task(client: Client, live: Live, tmp_path: Path) -> None:
    answer = client.submit(job_script(tmp_path, "true"))
    assert answer.status == 201
    created(answer, live.url)


def test_T22_the_task_ends_with_the_job_id(client: Client, live: Live, tmp_path: Path) -> None:
    answer = client.submit(job_script(tmp_path, "true"))
    task_id = created(answer, live.url)
    task = reached(client, task_id, "200")
    assert task["description"] == "Finished successfully"
    assert task["data"]["result"] == "Job submitted"
    assert type(task["data"]["jobid"]) is int
    assert task["data"]["jobid"] > 0
    assert (task["hash_id"], task["service"], task["user"]) == (task_id, "compute", USER)
    assert TIME_STAMP.fullmatch(task["last_modify"])
    assert task["task_url"] == answer.json()["task_url"]


def test_T23_a_task_is_queued_before_it_settles_and_never_goes_back(
    live: Live, slow_shell: str
) -> None:
    file = {"file": ("script.sh", "#!/bin/bash\n#SBATCH --time=10:00\ntrue\n")}
    answer = live.post("/compute/jobs", user=slow_shell, files=file)
    task_id = created_by(answer.json())
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["status"] == "100":
        # The list is never held back for a change, so it shows every state.
        tasks = live.get("/tasks", user=slow_shell, machine=None).json()["tasks"]
        seen.append(tasks[task_id])
    assert seen[0]["status"] == "100"
    assert seen[0]["description"] == "Queued"
    assert seen[0]["data"] == "Queued"
    states = [task["status"] for task in seen]
    assert states == sorted(states)
    assert states[-1] == "200"
    assert live.task(task_id, user=slow_shell)["status"] == "200"


def created_by(triple: dict[str, Any]) -> str:
    assert triple["success"] == "Task created"
    return str(triple["task_id"])


def test_T24_the_task_is_in_the_list_of_tasks(client: Client, live: Live, tmp_path: Path) -> None:
    task_id = created(client.submit(job_script(tmp_path, "true")), live.url)
    answer = client.tasks()
    assert answer.status == 200
    assert answer.json()["tasks"][task_id]["hash_id"] == task_id
    assert {task["user"] for task in answer.json()["tasks"].values()} == {USER}


@pytest.fixture
def running_job(python: Requests, live: Live, tmp_path: Path) -> Iterator[int]:
    """Id of a job that runs until the test is over, on the first node as in the tutorial."""
    until(lambda: _nothing_is_ending(live), what="no job ending on the first node")
    script = job_script(tmp_path, "sleep 300")
    job_id = int(submitted(python, script, live.url)["data"]["jobid"])

    def state() -> str | None:
        jobs = result(python, python.job(job_id), live.url)
        return "RUNNING" if jobs["0"]["state"] == "RUNNING" else None

    until(state, what=f"job {job_id} running")
    yield job_id
    answer = live.delete(f"/compute/jobs/{job_id}", user=USER)
    assert answer.status_code == 200, answer.text
    assert live.settled(answer, user=USER)["status"] == "200"


def _nothing_is_ending(live: Live) -> bool | None:
    """Slurm rather begins a job on the next node than on one where another job is just ending."""
    task = live.settled(live.get("/compute/nodes/cluster", user=USER), user=USER)
    assert task["status"] == "200", task
    return None if "COMPLETING" in task["data"][0]["State"] else True


def test_T25_an_active_job_can_be_asked_for(client: Client, live: Live, running_job: int) -> None:
    answer = client.job(running_job)
    assert answer.status == 200
    task = reached(client, created(answer, live.url), "200")
    assert task["description"] == "Finished successfully"
    assert "0" in task["data"]


def test_T26_the_active_job_is_described_in_texts(
    client: Client, live: Live, running_job: int
) -> None:
    job = result(client, client.job(running_job), live.url)["0"]
    shown = {
        "jobid": str(running_job),
        "name": "test",
        "nodelist": "cluster",
        "nodes": "1",
        "partition": "part01",
        "state": "RUNNING",
        "user": USER,
    }
    assert {key: job[key] for key in shown} == shown
    assert re.fullmatch(r"\d+:\d\d", job["start_time"]), "the time used so far"
    assert re.fullmatch(r"\d+:\d\d", job["time_left"])
    assert _seconds(job["start_time"]) + _seconds(job["time_left"]) == 600
    assert TIME_STAMP.fullmatch(job["time"]), "when it started"


def _seconds(elapsed: str) -> int:
    minutes, seconds = elapsed.split(":")
    return int(minutes) * 60 + int(seconds)


@pytest.mark.timeout(200)
def test_T27_a_forgotten_job_is_an_invalid_job_id(
    client_of: Callable[[str], Client], live: Live, early_job: int
) -> None:
    """Comes last (see conftest.py): the controller forgets a job some time after its end."""

    def settled() -> dict[str, Any] | None:
        client = client_of(live.token(USER))
        answer = client.job(early_job)
        assert answer.status == 200
        task = reached(client, created(answer, live.url), "200", "400")
        return task if task["status"] == "400" else None

    task = until(settled, seconds=150, what=f"job {early_job} forgotten")
    assert task["description"] == "Finished with errors"
    assert task["data"] == "slurm_load_jobs error: Invalid job id specified"


def test_T28_all_active_jobs_are_listed(client: Client, live: Live, running_job: int) -> None:
    answer = client.jobs()
    assert answer.status == 200
    jobs = reached(client, created(answer, live.url), "200")["data"]
    assert str(running_job) in {job["jobid"] for job in jobs.values()}
    assert {job["user"] for job in jobs.values()} == {USER}
    assert list(jobs) == [str(index) for index in range(len(jobs))]


def test_T28_without_active_jobs_the_listing_is_empty(live: Live) -> None:
    def listing() -> dict[str, Any] | None:
        answer = live.get("/compute/jobs", user="test2")
        data: dict[str, Any] = live.settled(answer, user="test2")["data"]
        return data if not data else None

    assert until(lambda: "empty" if listing() == {} else None, what="no job of test2") == "empty"


def test_T29_accounting_has_the_finished_job(client: Client, live: Live, early_job: int) -> None:
    accounted(client, early_job, live.url)
    answer = client.accounting()
    assert answer.status == 200
    task = reached(client, created(answer, live.url), "200")
    assert isinstance(task["data"], list)
    (job,) = (row for row in task["data"] if row["jobid"] == str(early_job))
    shown = {
        "name": "test",
        "nodelist": "cluster",
        "nodes": "1",
        "partition": "part01",
        "state": "COMPLETED",
        "user": USER,
    }
    assert {key: job[key] for key in shown} == shown
    assert TIME_STAMP.fullmatch(job["start_time"])
    assert TIME_STAMP.fullmatch(job["time_left"])
    assert re.fullmatch(r"\d\d:\d\d:\d\d", job["time"])


def test_T30_a_period_selects_the_jobs(client: Client, live: Live, early_job: int) -> None:
    started = datetime.strptime(accounted(client, early_job, live.url)["start_time"], ISO)

    def ids(first: timedelta, last: timedelta) -> set[str]:
        period = {
            "starttime": (started + first).strftime(ISO),
            "endtime": (started + last).strftime(ISO),
        }
        return {row["jobid"] for row in result(client, client.accounting(period), live.url)}

    assert str(early_job) in ids(timedelta(minutes=-5), timedelta(minutes=5))
    assert str(early_job) not in ids(timedelta(hours=-2), timedelta(hours=-1))
    # Dates alone would make these two the same.
    assert str(early_job) not in ids(timedelta(hours=1), timedelta(hours=2))


def test_T31_the_job_lives_in_a_directory_of_its_own(
    client: Client, live: Live, machine: Machine, tmp_path: Path
) -> None:
    script = job_script(tmp_path, "echo done", output="res.txt")
    task = submitted(client, script, live.url)
    directory = f"{HOME}/firecrest/{task['hash_id']}"
    finished(client, task["data"]["jobid"], live.url)
    entries = {entry["name"]: entry for entry in client.listing(directory).json()["output"]}
    assert entries.keys() == {"script.sh", "res.txt"}
    assert {entry["user"] for entry in entries.values()} == {USER}
    assert machine.stat(directory)["user"] == USER
    assert downloaded(client, f"{directory}/script.sh") == script.read_bytes()
    assert downloaded(client, f"{directory}/res.txt") == b"done\n"


def test_T31_without_an_output_line_the_output_is_named_after_the_job(
    client: Client, live: Live, tmp_path: Path
) -> None:
    task = submitted(client, job_script(tmp_path, "echo done"), live.url)
    job_id = task["data"]["jobid"]
    finished(client, job_id, live.url)
    directory = f"{HOME}/firecrest/{task['hash_id']}"
    assert downloaded(client, f"{directory}/slurm-{job_id}.out") == b"done\n"


def test_T32_an_absolute_output_holds_the_sha1(
    client: Client, live: Live, machine: Machine, input_file: Path, tmp_path: Path
) -> None:
    assert client.upload(input_file, HOME).status == 201
    script = job_script(tmp_path, f"sha1sum {HOME}/input_file", output=f"{HOME}/res.txt")
    task = submitted(client, script, live.url)
    finished(client, task["data"]["jobid"], live.url)
    digest = hashlib.sha1(input_file.read_bytes()).hexdigest()
    expected = f"{digest}  {HOME}/input_file\n"
    assert downloaded(client, f"{HOME}/res.txt").decode() == expected
    assert machine.stat(f"{HOME}/res.txt")["user"] == USER
