"""K2: the caller's tasks."""

from __future__ import annotations

from typing import Any

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import created, settled
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import UNKNOWN_JOB

_UNKNOWN = "f" * 32


def _new(api: Api) -> str:
    return created(api.get("/compute/jobs", jobs=f"{UNKNOWN_JOB},{UNKNOWN_JOB}"))


def _listed(api: Api, path: str = "/tasks", **query: str) -> dict[str, Any]:
    found = api.get(path, **query).expect(200).json["tasks"]
    if not isinstance(found, dict):
        raise Unexpected("an object keyed by id", repr(found)[:300])
    return found


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/tasks", marks=requirement("F7T-TASK-016")),
        pytest.param("/tasks/", marks=requirement("F7T-TASK-017")),
    ],
)
def test_own_tasks_are_listed(api: Api, path: str) -> None:
    task_id = _new(api)
    found = _listed(api, path)
    if found.get(task_id, {}).get("hash_id") != task_id:
        raise Unexpected(f"task {task_id} under its id", f"{len(found)} others")


@requirement("F7T-TASK-018")
def test_filter_gives_a_task_at_once(api: Api) -> None:
    task_id = _new(api)
    found = _listed(api, tasks=task_id)
    if list(found) != [task_id]:
        raise Unexpected(f"task {task_id} alone", str(list(found)))


@requirement("F7T-TASK-019")
def test_filter_takes_several_ids(api: Api) -> None:
    wanted = {_new(api), _new(api)}
    found = _listed(api, tasks=",".join(wanted))
    if set(found) != wanted:
        raise Unexpected(f"the tasks {sorted(wanted)}", str(sorted(found)))


@requirement("F7T-TASK-020")
def test_unknown_ids_are_absent(api: Api) -> None:
    task_id = _new(api)
    found = _listed(api, tasks=f"{_UNKNOWN},{task_id}")
    if list(found) != [task_id]:
        raise Unexpected(f"task {task_id} alone", str(list(found)))


@pytest.mark.parametrize(
    ("tasks", "verdict"),
    [
        pytest.param("a;b", "has invalid char", marks=requirement("F7T-TASK-021")),
        pytest.param("", "is empty", marks=requirement("F7T-TASK-022")),
    ],
)
def test_filter_is_wrong(api: Api, tasks: str, verdict: str) -> None:
    api.get("/tasks", tasks=tasks).expect(
        400, description="Failed to retrieve tasks information", error=f"'tasks' {verdict}"
    )


@requirement("F7T-TASK-023")
def test_both_operations_tell_the_same(api: Api) -> None:
    one = settled(api, api.get("/compute/jobs", jobs=f"{UNKNOWN_JOB},{UNKNOWN_JOB}"))
    listed = _listed(api, tasks=one["hash_id"])[one["hash_id"]]
    for key in ("status", "description", "data", "user", "service", "last_modify"):
        if listed[key] != one[key]:
            raise Unexpected(f"{key} = {one[key]!r}", repr(listed[key]))


@requirement("F7T-TASK-024")
def test_everybodys_tasks_are_not_published(api: Api) -> None:
    answer = api.call("GET", "/tasks/taskslist", contract=False)
    answer.expect(400, 404)
    if "tasks" in answer.json:
        raise Unexpected("no tasks", answer.excerpt)


@requirement("F7T-TASK-025")
def test_foreign_tasks_are_not_listed(api: Api, second: Api) -> None:
    task_id = _new(api)
    if task_id in _listed(second):
        raise Unexpected("no task of another user", f"task {task_id}")


@requirement("F7T-TASK-026")
def test_foreign_ids_are_absent(api: Api, second: Api) -> None:
    found = _listed(second, tasks=_new(api))
    if found:
        raise Unexpected("no task", str(list(found)))
