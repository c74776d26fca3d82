"""Status codes, transitions and rendering: contract tasks.md §2–§4 and §7, D08, D12–D14, D27."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from f7t.tasks.model import Json, Service, Status, Task, may_move, new_task, render

DESCRIPTIONS = {
    "100": "Queued",
    "101": "In progress",
    "110": "Waiting for Form URL from Object Storage to be retrieved",
    "111": "Form URL from Object Storage received",
    "112": "Object Storage confirms that upload to Object Storage has finished",
    "113": "Download from Object Storage to server has started",
    "114": "Download from Object Storage to server has finished",
    "115": "Download from Object Storage error",
    "116": "Started upload from filesystem to Object Storage",
    "117": "Upload from filesystem to Object Storage has finished succesfully",
    "118": "Upload from filesystem to Object Storage has finished with errors",
    "200": "Finished successfully",
    "300": "Deleted on request",
    "301": "Marked for expiration in persistence",
    "302": "Task not longer valid",
    "400": "Finished with errors",
}

COMPUTE = {("100", "100"), ("100", "200"), ("100", "400")}
STORAGE = {
    *(("100", new) for new in ("100", "110", "116", "400")),
    *(("110", new) for new in ("110", "111", "400")),
    *(("111", new) for new in ("111", "112", "400")),
    *(("112", new) for new in ("112", "113", "400")),
    *(("113", new) for new in ("113", "114", "115", "400")),
    *(("115", new) for new in ("115", "113", "400")),
    *(("116", new) for new in ("116", "117", "118", "400")),
    *(
        (old, "302")
        for old in ("100", "110", "111", "112", "113", "114", "115", "116", "117", "118", "400")
    ),
}


def test_codes_and_their_texts_are_the_contracts() -> None:
    assert {status.value: status.description for status in Status} == DESCRIPTIONS


@pytest.mark.parametrize(
    ("service", "allowed"), [(Service.COMPUTE, COMPUTE), (Service.STORAGE, STORAGE)]
)
def test_only_the_contracts_transitions_are_allowed(
    service: Service, allowed: set[tuple[str, str]]
) -> None:
    found = {
        (old.value, new.value)
        for old, new in itertools.product(Status, repeat=2)
        if may_move(service, old, new)
    }
    assert found == allowed


def test_nothing_leads_out_of_a_settled_state_but_invalidation() -> None:
    for service, old, new in itertools.product(Service, Status, Status):
        if old.is_terminal and may_move(service, old, new):
            assert (service, new) == (Service.STORAGE, Status.INVALIDATED)


def test_every_unsettled_state_may_fail() -> None:
    """The runner relies on it: whatever happens, 400 can be written."""
    reachable = {(Service.COMPUTE, "100"), *((Service.STORAGE, old) for old, _ in STORAGE)}
    for service, old in reachable:
        if not Status(old).is_terminal:
            assert may_move(service, Status(old), Status.FAILED)


def test_a_new_task_is_queued_under_an_unguessable_id() -> None:
    ids = {new_task("test1", Service.COMPUTE, "cluster").id for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch("[0-9a-f]{32}", task_id) for task_id in ids)
    task = new_task("test1", Service.COMPUTE, "cluster")
    assert (task.status, task.data, task.is_terminal) == (Status.QUEUED, "Queued", False)
    assert task.owned_by("test1")
    assert not task.owned_by("test2")


def test_a_clock_set_back_does_not_make_a_task_younger() -> None:
    future = datetime(2100, 1, 1, tzinfo=UTC)
    task = replace(new_task("test1", Service.COMPUTE, "cluster"), updated_at=future)
    assert task.moved(Status.FINISHED, {}).updated_at == future


def _task(service: Service, status: Status, data: Json) -> Task:
    return Task(
        id="0123456789abcdef0123456789abcdef",
        user="test4",
        service=service,
        system="cluster",
        status=status,
        data=data,
        created_at=datetime(2026, 11, 23, 20, 1, 2, 999999, tzinfo=UTC),
        updated_at=datetime(2026, 11, 23, 20, 1, 3, tzinfo=UTC),
    )


def test_rendering_has_all_keys_and_no_other() -> None:
    task = _task(Service.COMPUTE, Status.FINISHED, {"jobid": 7, "result": "Job submitted"})
    url = "http://localhost:8000/"
    assert render(task, shape="auto", endpoint="one", public_url=url) == {
        "hash_id": task.id,
        "task_id": task.id,
        "user": "test4",
        "service": "compute",
        "system": "cluster",
        "status": "200",
        "description": "Finished successfully",
        "data": {"jobid": 7, "result": "Job submitted"},
        "created_at": "2026-11-23T20:01:02",
        "updated_at": "2026-11-23T20:01:03",
        "last_modify": "2026-11-23T20:01:03",
        "task_url": f"http://localhost:8000/tasks/{task.id}",
    }


_PULL = {"source": "f", "target": "/home/test4/f", "system_name": "cluster", "system_addr": "c"}
_PUSH = {"url": "http://s3/test4/k?X-Amz-Expires=604800", "source": "f", "system_name": "cluster"}
_STARTED = "Download from Object Storage to server has started"
_FINISHED = "Download from Object Storage to server has finished"


@pytest.mark.parametrize(
    ("status", "data", "as_string", "as_object"),
    [
        (Status.PUSH_FINISHED, _PUSH, _PUSH["url"], _PUSH),
        (Status.PULL_STARTED, _PULL, _STARTED, {**_PULL, "msg": _STARTED}),
        (Status.PULL_FINISHED, _PULL, _FINISHED, {**_PULL, "msg": _FINISHED}),
        (Status.PUSH_STARTED, {"source": "f"}, {"source": "f"}, {"source": "f"}),
        (Status.PUSH_FAILED, {"error": "e"}, {"error": "e"}, {"error": "e"}),
        (Status.PULL_FAILED, {"msg": {"url": "u"}}, {"msg": {"url": "u"}}, {"msg": {"url": "u"}}),
        (Status.INVALIDATED, "", "", ""),
        (Status.QUEUED, "Queued", "Queued", "Queued"),
    ],
)
def test_the_shape_of_data_depends_on_setting_and_endpoint(
    status: Status, data: Json, as_string: Json, as_object: Json
) -> None:
    """D13, D14: the tutorial reads /tasks/{id}, pyfirecrest reads /tasks."""
    task = _task(Service.STORAGE, status, data)
    shown = {
        (shape, endpoint): render(task, shape=shape, endpoint=endpoint, public_url="")["data"]
        for shape in ("auto", "object", "string")
        for endpoint in ("one", "list")
    }
    assert shown == {
        ("auto", "one"): as_string,
        ("auto", "list"): as_object,
        ("object", "one"): as_object,
        ("object", "list"): as_object,
        ("string", "one"): as_string,
        ("string", "list"): as_string,
    }


@pytest.mark.parametrize("endpoint", ["one", "list"])
def test_secrets_are_never_shown_and_the_form_is(endpoint: str) -> None:
    """D12, D26, T38: on neither endpoint."""
    message: dict[str, Json] = {
        "command": "curl …",
        "url": "http://s3/test4",
        "policy": "p",
        "parameters": {"data": {"key": "k"}, "cert": "SECRET"},
        "cert": ["SECRET", "SECRET"],
        "action": "SECRET",
        "download_url": "SECRET",
    }
    data: dict[str, Json] = {"msg": message, "certificate": "SECRET", "list": [{"cert": "SECRET"}]}
    task = _task(Service.STORAGE, Status.FORM_READY, data)
    shown = render(task, shape="auto", endpoint=endpoint, public_url="")  # type: ignore[arg-type]
    assert "SECRET" not in json.dumps(shown)
    assert shown["data"] == {
        "msg": {
            "command": "curl …",
            "url": "http://s3/test4",
            "policy": "p",
            "parameters": {"data": {"key": "k"}},
        },
        "list": [{}],
    }
