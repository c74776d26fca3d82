"""`/compute`: what the tutorial does not show (compute.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.firecrest.services.jobs import ask, cancel, queued, submit
from tests.firecrest.services.places import DONE, content, names, run
from tests.firecrest.services.wire import Part, multipart, send
from tests.support.live import Live, until

WAITING = "#!/bin/bash\n#SBATCH --begin=now+1hour\n#SBATCH --job-name={}\ntrue\n"
QUEUER = "test4"
"""Whose queue and accounting these tests look at."""


# -- submission ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/compute/jobs", "/compute/jobs/upload"])
def test_result_of_a_submission(live: Live, path: str) -> None:
    answer = live.post(path, files={"file": ("my script;.sh", b"#!/bin/bash\necho out\n")})
    assert answer.status_code == 201
    assert answer.json().keys() == {"success", "task_id", "task_url"}
    task_id = answer.json()["task_id"]
    assert answer.json()["task_url"] == f"{live.url}/tasks/{task_id}"
    data = live.settled(answer)["data"]
    directory = f"/home/test1/firecrest/{task_id}"
    assert isinstance(data["jobid"], int)
    assert data == {
        "result": "Job submitted",
        "jobid": data["jobid"],
        "job_file": f"{directory}/my_script.sh",
        "job_file_out": f"{directory}/slurm-{data['jobid']}.out",
        "job_file_err": f"{directory}/slurm-{data['jobid']}.out",
        "job_data_out": "",
        "job_data_err": "",
        "job_info_extra": "Job info returned successfully",
    }


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("../../evil.sh", "evil.sh"),
        ("a/b.sh", "b.sh"),
        ("-rf", "rf"),
        ("..", "script.sh"),
        ("日本", "script.sh"),
        ("$(id).sh", "id.sh"),
        ("'quoted'.sh", "quoted.sh"),
        ("x" * 300, "x" * 200),
    ],
)
def test_script_names_are_made_harmless(live: Live, name: str, stored: str) -> None:
    request = multipart("POST", "/compute/jobs", Part("file", b"#!/bin/sh\n", name))
    answer = send(live, request, user="test1")
    assert answer.status == 201, answer.body
    task_id = answer.json()["task_id"]
    until(lambda: live.task(task_id)["status"] != "100" or None, what="submission")
    assert names(live, f"/home/test1/firecrest/{task_id}")[0].startswith(("slurm-", stored))
    assert live.task(task_id)["data"]["job_file"] == f"/home/test1/firecrest/{task_id}/{stored}"


def test_a_script_need_not_be_utf_8(live: Live) -> None:
    """It is stored and run as it came."""
    script = b"#!/bin/sh\nprintf '\xe9\xff' | od -An -tx1 > bytes; touch f7t-done\n"
    directory = str(live.submit(script)["data"]["job_file"]).rpartition("/")[0]
    until(lambda: DONE in names(live, directory) or None, what="job")
    assert content(live, f"{directory}/script.sh") == script
    assert content(live, f"{directory}/bytes").split() == [b"e9", b"ff"]


def test_refused_by_the_scheduler(live: Live) -> None:
    """The scheduler's own words are the task's data."""
    answer = live.post("/compute/jobs", files={"file": ("job.sh", b"no batch script")})
    task = live.settled(answer)
    assert (task["status"], task["description"]) == ("400", "Finished with errors")
    assert "does not look like a batch script" in task["data"]
    answer = live.post("/compute/jobs", files={"file": ("job.sh", b"#!/bin/sh\n#SBATCH -p none\n")})
    task = live.settled(answer)
    assert task["status"] == "400"
    assert "invalid partition specified: none" in task["data"]


ENVIRONMENT = {
    "F7T_BLANK": " b  1 ",
    "F7T_COMMA": "x,y,F7T_INJECTED=1",
    "F7T_QUOTES": 'it\'s "quoted"',
    "F7T_SHELL": "$(touch executed) `touch executed` ; touch executed & $HOME",
    "F7T_LINES": "one\ntwo",
    "F7T_WIDE": "日本 é",
    "F7T_EMPTY": "",
    "F7T_EQUALS": "a=b=c",
    "F7T_BACKSLASH": "\\n\\0",
}
PRINT = "env -0 > environment; printf '%s' \"$SLURM_JOB_ACCOUNT\" > account"


def _environment(live: Live, directory: str) -> dict[str, str]:
    until(lambda: DONE in names(live, directory) or None, what=f"job in {directory}")
    text = content(live, f"{directory}/environment").decode()
    return dict(item.split("=", 1) for item in text.split("\0") if item)


def test_environment_and_account_reach_the_job(live: Live) -> None:
    values: dict[str, Any] = {**ENVIRONMENT, "F7T_NUMBER": 1}
    directory = run(live, PRINT, env=json.dumps(values), account="test")
    seen = _environment(live, directory)
    assert {name: seen.get(name) for name in values} == {**ENVIRONMENT, "F7T_NUMBER": "1"}
    assert "F7T_INJECTED" not in seen
    assert {"HOME", "PATH", "SLURM_JOB_ID"} <= seen.keys()
    assert "executed" not in names(live, directory)
    assert content(live, f"{directory}/account") == b"test"


def test_a_variable_wins_over_the_session(live: Live) -> None:
    directory = run(live, PRINT, env='{"LANG": "xx_YY", "TZ": "Europe/Zurich"}')
    seen = _environment(live, directory)
    assert (seen["LANG"], seen["TZ"]) == ("xx_YY", "Europe/Zurich")


@pytest.fixture(scope="module")
def scripts(live: Live) -> str:
    """A directory of test1 with a job script under two names, one of them with blanks."""
    script = f"printf '%s\\n' '#!/bin/bash' '{PRINT}' 'touch {DONE}' | tee job.sh 'a job=1.sh'"
    return run(live, f"mkdir work && cd work && {script} && mkdir sub && cd ..")


@pytest.mark.parametrize("name", ["job.sh", "a job=1.sh"])
def test_submit_by_path(live: Live, scripts: str, name: str) -> None:
    """C2: the job works where its script is; no directory of its own is made."""
    work = f"{scripts}/work"
    fields = {"targetPath": f"{work}/{name}", "env": '{"F7T_A": "a b"}', "account": "test"}
    answer = live.post("/compute/jobs/path", data=fields)
    assert answer.status_code == 201
    task = live.settled(answer)
    assert task["status"] == "200", task
    data = task["data"]
    assert data["job_file"] == f"{work}/{name}"
    assert data["job_file_out"] == f"{work}/slurm-{data['jobid']}.out"
    until(lambda: f"slurm-{data['jobid']}.out" in names(live, work) or None, what="job output")
    assert _environment(live, work)["F7T_A"] == "a b"
    assert task["task_id"] not in names(live, "/home/test1/firecrest")


def test_submit_by_relative_path(live: Live, scripts: str) -> None:
    relative = f"{scripts.removeprefix('/home/test1/')}/work/job.sh"
    task = live.settled(live.post("/compute/jobs/path", data={"targetPath": relative}))
    assert task["data"]["job_file"] == f"{scripts}/work/job.sh"


# -- queue -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def waiting(live: Live) -> Iterator[list[str]]:
    """Three jobs that wait for an hour; the only ones of their user."""
    before = queued(live, user=QUEUER)
    if before:
        cancel(live, ",".join(before), user=QUEUER)
    ids = [str(submit(live, WAITING.format(f"j{n}"), user=QUEUER)["jobid"]) for n in range(3)]
    until(lambda: sorted(queued(live, user=QUEUER)) == sorted(ids) or None, what="three jobs")
    yield ids
    cancel(live, ",".join(ids), user=QUEUER)


def test_keys_of_a_queued_job(live: Live, waiting: list[str]) -> None:
    [job] = ask(live, f"/compute/jobs/{waiting[0]}", user=QUEUER)["data"].values()
    assert job["job_file"].startswith(f"/home/{QUEUER}/firecrest/")
    assert job == {
        "jobid": waiting[0],
        "partition": "part01",
        "name": "j0",
        "user": QUEUER,
        "state": "PENDING",
        "nodes": "1",
        "nodelist": "(BeginTime)",
        "start_time": "0:00",
        "time": job["time"],
        "time_left": "30:00",
        "job_file": job["job_file"],
        "job_file_out": job["job_file"].replace("job.sh", f"slurm-{waiting[0]}.out"),
        "job_file_err": job["job_file"].replace("job.sh", f"slurm-{waiting[0]}.out"),
        "job_data_out": "",
        "job_data_err": "",
        "job_info_extra": "Job info returned successfully",
    }
    assert datetime.fromisoformat(job["time"])


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"pageSize": "2"}, 2),
        ({"pageSize": "2", "pageNumber": "1"}, 1),
        ({"pageNumber": "0"}, 3),
        ({"pageSize": "3", "pageNumber": "1"}, 0),
        ({"pageSize": "1", "pageNumber": "3"}, 0),
        ({"pageSize": "x", "pageNumber": "y"}, 3),
        ({"pageSize": "0"}, 3),
        ({"pageSize": "-1"}, 3),
        ({"pageSize": "9" * 30}, 3),
    ],
)
def test_pages(live: Live, waiting: list[str], parameters: dict[str, str], count: int) -> None:
    task = ask(live, "/compute/jobs", user=QUEUER, **parameters)
    assert task["status"] == "200"
    assert list(task["data"]) == [str(index) for index in range(count)]


@pytest.mark.parametrize(
    ("size", "number", "text"),
    [
        ("2", "2", "pageNumber (2) is greater than total pages (2)"),
        ("25", "1", "pageNumber (1) is greater than total pages (1)"),
        ("2", "-1", "pageNumber (-1) cannot be a negative number"),
        ("2", "9" * 15, f"pageNumber ({'9' * 15}) is greater than total pages (2)"),
    ],
)
def test_pages_out_of_range(
    live: Live, waiting: list[str], size: str, number: str, text: str
) -> None:
    task = ask(live, "/compute/jobs", user=QUEUER, pageSize=size, pageNumber=number)
    assert (task["status"], task["data"]) == ("400", text)


def test_chosen_jobs(live: Live, waiting: list[str]) -> None:
    """With several ids, unknown ones are just absent."""
    found = queued(live, user=QUEUER, jobs=f"{waiting[0]},{waiting[2]},99999999")
    assert set(found) == {waiting[0], waiting[2]}


def test_a_job_the_scheduler_does_not_know(live: Live) -> None:
    for path in ("/compute/jobs/99999999", "/compute/jobs?jobs=99999999"):
        task = live.settled(live.get(path))
        assert task["status"] == "400"
        assert "Invalid job id specified" in task["data"]


def test_only_own_jobs_unless_asked_otherwise(live: Live, waiting: list[str]) -> None:
    assert not set(waiting) & set(queued(live, user="test1"))
    data = ask(live, "/compute/jobs", user="test1", userJobs="false")["data"]
    foreign = [job for job in data.values() if job["jobid"] in waiting]
    assert len(foreign) == 3
    files = ("job_file", "job_file_out", "job_file_err", "job_data_out", "job_data_err")
    assert {job[key] for job in foreign for key in files} == {""}


# -- cancel ----------------------------------------------------------------------------------------


def test_cancel(live: Live) -> None:
    job_id = submit(live, WAITING.format("own"))["jobid"]
    task = cancel(live, str(job_id))
    assert task["status"] == "200"
    assert f"Terminating job {job_id}" in task["data"]
    assert str(job_id) not in queued(live)


def test_cancel_several(live: Live) -> None:
    ids = [str(submit(live, WAITING.format("several"))["jobid"]) for _ in range(2)]
    assert cancel(live, ",".join(ids))["status"] == "200"
    assert not set(ids) & set(queued(live))


def test_cancel_a_job_nobody_knows(live: Live) -> None:
    task = cancel(live, "99999999")
    assert task["status"] == "400"
    assert "Invalid job id specified" in task["data"]


def test_cancel_somebody_elses_job(live: Live, waiting: list[str]) -> None:
    task = cancel(live, waiting[0], user="test2")
    assert (task["status"], task["data"]) == ("400", "User does not have permission to cancel job")
    assert waiting[0] in queued(live, user=QUEUER)


OPTIONS = ("--me", f"--user={QUEUER}", f"-u{QUEUER}", "--state=PENDING", "-n j0", "--")


@pytest.mark.parametrize("text", [*OPTIONS, "*", "%", "0", "-1"])
def test_options_cancel_nothing(live: Live, waiting: list[str], text: str) -> None:
    assert cancel(live, text, user=QUEUER)["status"] == "400"
    assert sorted(queued(live, user=QUEUER)) == sorted(waiting)
