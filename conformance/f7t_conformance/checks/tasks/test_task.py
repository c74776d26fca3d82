"""K1: one task, what it tells and how it changes."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Belongings, created, settled, task_of, until
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import UNKNOWN_JOB

_UNKNOWN = "IDONTEXIST"


def _query(api: Api) -> Answer:
    """A call that creates a task and leaves nothing else."""
    return api.get("/compute/jobs", jobs=f"{UNKNOWN_JOB},{UNKNOWN_JOB}")


@requirement("F7T-TASK-001")
def test_task_bears_its_id(api: Api) -> None:
    task_id = created(_query(api))
    task = task_of(api, task_id)
    if not re.fullmatch("[0-9a-f]{32}", task_id) or task["hash_id"] != task_id:
        raise Unexpected(f"hash_id {task_id} of 32 hexadecimal digits", str(task))


@requirement("F7T-TASK-002")
def test_task_bears_its_id_twice(api: Api) -> None:
    task_id = created(_query(api))
    task = task_of(api, task_id)
    if task["task_id"] != task_id:
        raise Unexpected(f"task_id {task_id}", str(task))


@requirement("F7T-TASK-003")
def test_task_names_its_owner(api: Api) -> None:
    user = api.get("/utilities/whoami").expect(200).json["output"]
    task = task_of(api, created(_query(api)))
    if (task["user"], task["service"]) != (user, "compute"):
        raise Unexpected(f"user {user} and service compute", str(task))


@requirement("F7T-TASK-004")
def test_task_names_its_system(api: Api) -> None:
    task = task_of(api, created(_query(api)))
    if task["system"] != api.system:
        raise Unexpected(f"system {api.system}", str(task))


@requirement("F7T-TASK-005")
def test_last_modification_is_a_time_stamp(api: Api) -> None:
    task = settled(api, _query(api))
    try:
        datetime.strptime(task["last_modify"], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        raise Unexpected("last_modify as YYYY-MM-DDTHH:MM:SS", str(task)) from None


@requirement("F7T-TASK-006")
def test_times_are_in_order(api: Api) -> None:
    task = settled(api, _query(api))
    made, changed, last = (task[key] for key in ("created_at", "updated_at", "last_modify"))
    if not made <= changed == last:
        raise Unexpected("created_at <= updated_at = last_modify", str(task))


@requirement("F7T-TASK-007")
def test_task_has_the_announced_url(api: Api) -> None:
    answer = _query(api)
    task = task_of(api, created(answer))
    url = urlsplit(answer.json["task_url"])
    if task["task_url"] != answer.json["task_url"] or not (url.scheme and url.netloc):
        raise Unexpected(f"the absolute task_url of {answer.excerpt}", str(task))


@requirement("F7T-TASK-008")
def test_good_end(api: Api) -> None:
    task = settled(api, api.get("/compute/jobs"))
    if (task["status"], task["description"]) != ("200", "Finished successfully"):
        raise Unexpected("200 Finished successfully", str(task)[:300])


@requirement("F7T-TASK-009")
def test_bad_end(api: Api) -> None:
    task = settled(api, api.get("/compute/jobs", jobs=UNKNOWN_JOB))
    if (task["status"], task["description"]) != ("400", "Finished with errors"):
        raise Unexpected("400 Finished with errors", str(task))
    if not isinstance(task["data"], str) or not task["data"]:
        raise Unexpected("the scheduler's words in data", str(task))


@requirement("F7T-TASK-010")
def test_status_never_falls(api: Api, belongings: Belongings) -> None:
    belongings.spend_job()
    files = {"file": ("job.sh", belongings.script("true", options="--hold"))}
    form = {"account": belongings.account or None}
    answer = api.call("POST", "/compute/jobs/upload", form=form, files=files)
    task_id = created(answer)
    seen: list[str] = []

    def ended() -> bool | None:
        seen.append(task_of(api, task_id)["status"])
        return seen[-1] in {"200", "400"} or None

    until(ended, seconds=60, what=f"task {task_id} ended")
    belongings.accepted(api, answer)
    seen += [task_of(api, task_id)["status"] for _ in range(5)]
    if seen != sorted(seen):
        raise Unexpected("states that never fall", " ".join(seen))


@requirement("F7T-TASK-011")
def test_reading_changes_nothing(api: Api) -> None:
    task = settled(api, _query(api))
    again = task_of(api, task["hash_id"])
    if again != task:
        raise Unexpected(str(task), str(again))


@requirement("F7T-TASK-012")
def test_unknown_task(api: Api) -> None:
    api.get(f"/tasks/{_UNKNOWN}").expect(404, error=f"Task {_UNKNOWN} does not exist")


@pytest.mark.parametrize(
    "method",
    [
        pytest.param("DELETE", marks=requirement("F7T-TASK-013")),
        pytest.param("PUT", marks=requirement("F7T-TASK-014")),
    ],
)
def test_task_cannot_be_changed_from_outside(api: Api, method: str) -> None:
    task = settled(api, _query(api))
    path = f"/tasks/{task['hash_id']}"
    api.call(method, path, form={"status": "400", "msg": "changed"}).expect(400, 404, 405)
    if task_of(api, task["hash_id"]) != task:
        raise Unexpected(f"a task that {method} does not change", "it has changed")


@requirement("F7T-TASK-015")
def test_foreign_task_is_refused(api: Api, second: Api) -> None:
    task_id = created(_query(api))
    second.get(f"/tasks/{task_id}").expect(
        403, description="Operation not permitted. Invalid task owner."
    )
