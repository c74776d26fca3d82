"""Step 4: a small simulation (T21 to T32)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place, created, settled, until
from f7t_conformance.binding import requirement
from f7t_conformance.staging import listed, reached
from f7t_conformance.waiting import running
from f7t_conformance.walk import Walk

ISO = "%Y-%m-%dT%H:%M:%S"
TIME_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
ELAPSED = re.compile(r"(\d+-)?(\d+:)?\d+:\d\d")
NEVER_USED = "67000000"
SUM = hashlib.sha1(b"input\n").hexdigest()


@pytest.fixture
def job(api: Api, walk: Walk) -> Iterator[str]:
    """Id of a job that runs until the check is over."""
    one = str(walk.submitted("sleep 300")["data"]["jobid"])
    running(api, one, seconds=walk.seconds)
    yield one
    settled(api, api.delete(f"/compute/jobs/{one}"))


@requirement("F7T-TUT-021")
def test_a_submission_announces_a_task(api: Api, walk: Walk) -> None:
    answer = walk.submit("true").expect(200, 201, success="Task created")
    walk.accepted(answer)
    task_id, url = str(answer.json["task_id"]), str(answer.json.get("task_url"))
    if not re.fullmatch(r"[0-9a-f]{32}", task_id) or url != f"{api.target}/tasks/{task_id}":
        raise Unexpected(f"a task_id and its {api.target}/tasks/<task_id>", answer.excerpt)


@requirement("F7T-TUT-022")
def test_the_task_ends_with_the_job_id(walk: Walk, place: Place) -> None:
    task = walk.submitted("true")
    wanted = {
        "status": "200",
        "description": "Finished successfully",
        "service": "compute",
        "user": walk.entry(place.write("own"))["user"],
    }
    got = {key: task.get(key) for key in wanted}
    if got != wanted or not TIME_STAMP.fullmatch(task["last_modify"]):
        raise Unexpected(f"{wanted} and a last_modify", f"{got} {task['last_modify']}")
    data = task["data"]
    if data["result"] != "Job submitted" or type(data["jobid"]) is not int or data["jobid"] < 1:
        raise Unexpected("result `Job submitted` and a whole number jobid", str(data))


@requirement("F7T-TUT-023")
def test_states_never_go_back(api: Api, walk: Walk) -> None:
    answer = walk.submit("true")
    task_id = created(answer)
    seen: list[str] = []

    def look() -> str | None:
        seen.append(str(listed(api, task_id)["status"]))
        return seen[-1] if seen[-1] not in {"100", "101"} else None

    until(look, seconds=walk.seconds, what="the end of the submission")
    walk.accepted(answer)
    seen.append(str(listed(api, task_id)["status"]))
    if seen != sorted(seen) or seen[-1] != "200":
        raise Unexpected("100, as long as it takes, then 200", ", ".join(seen))


@requirement("F7T-TUT-024")
def test_the_task_is_in_the_list(api: Api, walk: Walk) -> None:
    task = walk.submitted("true")
    tasks = api.get("/tasks").expect(200).json["tasks"]
    if task["hash_id"] not in tasks or {one["user"] for one in tasks.values()} != {task["user"]}:
        raise Unexpected("all tasks of the caller, this one with them", f"{len(tasks)} tasks")


@requirement("F7T-TUT-025")
def test_an_active_job_can_be_asked_for(api: Api, walk: Walk, job: str) -> None:
    answer = api.get(f"/compute/jobs/{job}").expect(200, success="Task created")
    task = walk.settled(answer)
    if not isinstance(task["data"], dict) or "0" not in task["data"]:
        raise Unexpected("an object with the key 0", str(task["data"]))


@requirement("F7T-TUT-026")
def test_the_active_job_is_described_in_texts(api: Api, walk: Walk, job: str) -> None:
    shown = walk.settled(api.get(f"/compute/jobs/{job}"))["data"]["0"]
    wanted = {"jobid": job, "name": "test", "nodes": "1", "state": "RUNNING"}
    got = {key: shown.get(key) for key in wanted}
    if got != wanted:
        raise Unexpected(str(wanted), str(got))
    if not (shown["nodelist"] and shown["partition"] and shown["user"]):
        raise Unexpected("nodelist, partition and user", str(shown))
    if not (ELAPSED.fullmatch(shown["start_time"]) and ELAPSED.fullmatch(shown["time_left"])):
        raise Unexpected("times used and left as in 4:14", str(shown))
    if not TIME_STAMP.fullmatch(shown["time"]):
        raise Unexpected("the time of the start", str(shown["time"]))


@requirement("F7T-TUT-027")
def test_a_forgotten_job_is_an_invalid_job_id(api: Api, walk: Walk) -> None:
    answer = api.get(f"/compute/jobs/{NEVER_USED}").expect(200, success="Task created")
    task = reached(api, created(answer), "200", "400", seconds=walk.seconds)
    wanted = ("400", "slurm_load_jobs error: Invalid job id specified")
    if (task["status"], task["data"]) != wanted:
        raise Unexpected(str(wanted), f"{task['status']} {task['data']}")


@requirement("F7T-TUT-028")
def test_all_active_jobs_are_listed(api: Api, walk: Walk, job: str) -> None:
    answer = api.get("/compute/jobs").expect(200, success="Task created")
    jobs = walk.settled(answer)["data"]
    if job not in {one["jobid"] for one in jobs.values()}:
        raise Unexpected(f"job {job} in the list", str(list(jobs.values()))[:300])
    if len({one["user"] for one in jobs.values()}) != 1:
        raise Unexpected("the caller's jobs alone", str({one["user"] for one in jobs.values()}))


def texts(row: Mapping[str, str]) -> tuple[str | None, ...]:
    return tuple(row.get(key) for key in ("name", "state", "nodes"))


@requirement("F7T-TUT-029")
def test_accounting_has_the_finished_job(api: Api, walk: Walk) -> None:
    job = str(walk.simulated("true")["data"]["jobid"])
    walk.accounted(job)

    def look() -> Mapping[str, str] | None:
        """A job that has just ended may be missed by a query that does not name it."""
        data = walk.settled(api.get("/compute/acct").expect(200))["data"]
        rows = [one for one in data if one["jobid"] == job] if isinstance(data, list) else []
        return rows[0] if rows else None

    row = until(look, seconds=walk.seconds, what=f"record of job {job} without its number")
    if texts(row) != ("test", "COMPLETED", "1"):
        raise Unexpected("name test, state COMPLETED, 1 node", str(row))
    if not (TIME_STAMP.fullmatch(row["start_time"]) and TIME_STAMP.fullmatch(row["time_left"])):
        raise Unexpected("start and end as start_time and time_left", str(row))
    if not re.fullmatch(r"\d\d:\d\d:\d\d", row["time"]):
        raise Unexpected("a time as in 00:00:01", row["time"])
    if not (row["nodelist"] and row["partition"] and row["user"]):
        raise Unexpected("nodelist, partition and user", str(row))


@requirement("F7T-TUT-030")
def test_a_period_selects_jobs(api: Api, walk: Walk) -> None:
    job = str(walk.simulated("true")["data"]["jobid"])
    started = datetime.strptime(walk.accounted(job)["start_time"], ISO)

    def found(first: timedelta, last: timedelta) -> bool:
        answer = api.get(
            "/compute/acct",
            starttime=(started + first).strftime(ISO),
            endtime=(started + last).strftime(ISO),
        )
        return any(one["jobid"] == job for one in walk.settled(answer)["data"] or ())

    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    until(
        lambda: found(-5 * minute, 5 * minute) or None,
        seconds=walk.seconds,
        what=f"job {job} in the period around it",
    )
    got = (found(-2 * hour, -hour), found(hour, 2 * hour))
    if got != (False, False):
        raise Unexpected("the job in its own period alone", f"before, after: {got}")


@requirement("F7T-TUT-031")
def test_a_job_has_a_directory_of_its_own(walk: Walk) -> None:
    relative = walk.simulated("echo done", output="res.txt")
    directory = walk.directory(relative)
    if directory.split("/")[-2:] != ["firecrest", relative["hash_id"]]:
        raise Unexpected(f"…/firecrest/{relative['hash_id']}", directory)
    users = {walk.entry(f"{directory}/{name}")["user"] for name in ("script.sh", "res.txt")}
    if users != {relative["user"]} or walk.read(f"{directory}/res.txt") != b"done\n":
        raise Unexpected(f"script.sh and res.txt of {relative['user']}", str(users))
    plain = walk.simulated("echo done")
    output = f"{walk.directory(plain)}/slurm-{plain['data']['jobid']}.out"
    if walk.read(output) != b"done\n":
        raise Unexpected(f"the job's output in {output}", "something else")


@requirement("F7T-TUT-032")
def test_an_absolute_output_holds_the_sum(walk: Walk, place: Place) -> None:
    path = place.write("input_file", b"input\n")
    walk.simulated(f"sha1sum {path}", output=place / "res.txt")
    wanted = f"{SUM}  {path}\n".encode()
    if place.read("res.txt") != wanted:
        raise Unexpected(repr(wanted), repr(place.read("res.txt")))
