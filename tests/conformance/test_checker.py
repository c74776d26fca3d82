"""What judges real answers: right ones pass, and each kind of wrong one is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.contract import Seen, contract, keep

ID = "0" * 32
STAMP = "2026-01-05T10:00:00"
ENTRY = {
    "group": "test1",
    "last_modified": STAMP,
    "link_target": "",
    "name": "a",
    "permissions": "rw-r--r--",
    "size": "12",
    "type": "-",
    "user": "test1",
}
STAT = dict.fromkeys(
    ("mode", "ino", "dev", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime"), 1
)
TASK = {
    "hash_id": ID,
    "task_id": ID,
    "user": "test1",
    "service": "compute",
    "system": "cluster",
    "status": "100",
    "description": "Queued",
    "data": "Queued",
    "created_at": STAMP,
    "updated_at": STAMP,
    "last_modify": STAMP,
    "task_url": f"http://127.0.0.1:8000/tasks/{ID}",
}
REFUSED = {"description": "Error on ls operation", "error": "'targetPath' is empty"}
MESSAGE = {"message": "x"}
LS, STATUS, JOBS = "/utilities/ls?targetPath=/x", "/utilities/stat?targetPath=/x", "/compute/jobs"
FILE = "application/octet-stream"
RATE = {
    "RateLimit-Limit": "10",
    "RateLimit-Remaining": "0",
    "RateLimit-Reset": "3",
    "Retry-After": "3",
}
OLD = {"Deprecation": "@1711111630", "Sunset": "Thu, 31 Dec 2026 23:59:59 GMT"}


def listing(**changes: Any) -> dict[str, Any]:
    return {
        "descr": "List of contents of path",
        "description": "List of contents",
        "output": [{**ENTRY, **changes}],
    }


def task(**changes: Any) -> dict[str, Any]:
    return {"task": {**TASK, **changes}}


@dataclass(frozen=True)
class Heard:
    """A request and its answer; `body` is sent as JSON unless it is bytes."""

    request: str
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"
    wrong: str = ""
    """Part of what must be found wrong; empty if nothing is."""

    def violations(self) -> list[str]:
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        usual = {"Content-Type": self.media_type, "X-Request-Id": "1", "Date": "now"}
        headers = {name: value for name, value in {**usual, **self.headers}.items() if value}
        method, _, target = self.request.partition(" ")
        return contract().violations(
            method, target, Seen(self.status, tuple(headers.items()), content)
        )


RIGHT = [
    Heard(f"GET {LS}", 200, listing()),
    Heard(f"GET {LS}", 200, listing() | {"output": ["a", "b"], "new": 1}),
    Heard(f"GET {LS}", 400, REFUSED),
    Heard(f"GET {LS}", 400, REFUSED, {"X-Machine-Does-Not-Exist": "Machine does not exist"}),
    Heard(f"GET {STATUS}", 200, {"description": "Success to stat file.", "output": STAT}),
    Heard(f"GET {LS}", 401, {"exp": "token expired"}),
    Heard(f"GET {LS}", 429, MESSAGE, RATE),
    Heard(f"GET {LS}", 200, listing(), {"RateLimit-Limit": "10"}),
    Heard("GET /tasks/status", 200, {"success": "ack"}),
    Heard(f"GET {LS}", 413, {"description": "a body where none belongs"}),
    Heard("DELETE /utilities/rm", 204, b"", media_type=""),
    Heard(
        "GET /utilities/download",
        200,
        b"\0",
        {"Content-Disposition": "attachment; filename=a"},
        media_type=FILE,
    ),
    Heard(
        f"GET {JOBS}",
        400,
        {"description": "Failed to retrieve jobs information"},
        {
            "X-Machine-Does-Not-Exist": "Machine does not exist",
            "X-Machine-Does-Not-Exists": "Machine does not exists",
        },
    ),
    Heard(f"GET /tasks/{ID}", 200, task()),
    Heard(
        f"GET /tasks/{ID}", 200, task(status="200", description="Finished successfully", data={})
    ),
    Heard("GET /tasks/", 200, {"tasks": {}}),
    Heard("DELETE /reservations/x", 204, b"", OLD, media_type=""),
    Heard("GET /status/nothing", 404, {"description": "no operation"}),
    Heard("PUT /status/systems", 400, {"message": "Invalid"}),
    Heard("OPTIONS /tasks", 200, b"", {"X-Anything": "x"}, media_type="text/plain"),
    Heard("GET /docs/openapi.json", 200, {}),
]

WRONG = [
    Heard(f"GET {LS}", 500, REFUSED, wrong="status 500"),
    Heard(f"GET {LS}", 405, MESSAGE, wrong="status 405"),
    Heard(f"GET {LS}", 404, REFUSED, wrong="status 404"),
    Heard("POST /tasks", 200, {}, wrong="no operation"),
    Heard(f"GET {LS}", 200, listing(size=12), wrong="$.output"),
    Heard(f"GET {LS}", 200, listing(permissions="rw-r--r-"), wrong="$.output"),
    Heard(f"GET {LS}", 200, listing(last_modified="2026-01-05 10:00:00"), wrong="$.output"),
    Heard(f"GET {LS}", 200, listing(extra="x"), wrong="$.output"),
    Heard(f"GET {LS}", 200, {"description": "List of contents", "output": []}, wrong="descr"),
    Heard(f"GET {LS}", 400, {"error": "x"}, wrong="description"),
    Heard(f"GET {LS}", 400, {"description": "Failed to submit job"}, wrong="$.description"),
    Heard(
        f"GET {STATUS}",
        200,
        {"description": "Success to stat file.", "output": STAT | {"size": "1"}},
        wrong="$.output.size",
    ),
    Heard(f"GET {LS}", 400, REFUSED, {"x-invalid-path": "path is an invalid path"}, wrong="header"),
    Heard(f"GET {LS}", 400, REFUSED, {"X-Invalid-Path": "odd"}, wrong="X-Invalid-Path"),
    Heard(f"GET {LS}", 400, REFUSED, {"X-Exists": "targetPath already exists"}, wrong="X-Exists"),
    Heard(
        f"GET {LS}",
        400,
        REFUSED,
        {"X-Error": "x", "X-Timeout": "Command has finished with timeout signal"},
        wrong="more than one",
    ),
    Heard(f"GET {LS}", 400, REFUSED, {"X-Request-Id": ""}, wrong="X-Request-Id is missing"),
    Heard(f"GET {LS}", 200, listing(), {"X-New": "x"}, wrong="X-New"),
    Heard(f"GET {LS}", 200, listing(), {"RateLimit-Limit": "x"}, wrong="RateLimit-Limit"),
    Heard(f"GET {LS}", 429, MESSAGE, wrong="Retry-After is missing"),
    Heard(f"GET {LS}", 200, listing(), media_type="text/html", wrong="content type"),
    Heard(f"GET {LS}", 200, b"{", wrong="no JSON"),
    Heard("DELETE /utilities/rm", 204, b"x", wrong="a body"),
    Heard("DELETE /reservations/x", 204, b"", wrong="Deprecation is missing"),
    Heard("GET /utilities/download", 200, b"", media_type=FILE, wrong="Content-Disposition"),
    Heard(f"GET {JOBS}", 200, {"success": "Task created", "task_id": ID}, wrong="task_url"),
    Heard(f"GET /tasks/{ID}", 200, task(status=100), wrong="status"),
    Heard(f"GET /tasks/{ID}", 200, task(status="150"), wrong="status"),
    Heard(f"GET /tasks/{ID}", 200, task(description="In progress"), wrong="description"),
    Heard(f"GET /tasks/{ID}", 200, task(data={}), wrong="data"),
    Heard(f"GET /tasks/{ID}", 200, task(task_id="ABC"), wrong="task_id"),
    Heard(
        f"GET /tasks/{ID}",
        200,
        task(status="200", description="Finished successfully", data={"0": {"jobid": "7"}}),
        wrong="data",
    ),
]


@pytest.mark.parametrize("heard", RIGHT, ids=lambda one: f"{one.request} {one.status}")
def test_right_answers_pass(heard: Heard) -> None:
    assert heard.violations() == []


@pytest.mark.parametrize("heard", WRONG, ids=lambda one: f"{one.request} {one.wrong}")
def test_wrong_answers_are_named(heard: Heard) -> None:
    assert heard.wrong in " ".join(heard.violations())


def test_a_wrong_answer_fails_the_test_that_saw_it() -> None:
    with pytest.raises(AssertionError, match="status 500 is not documented"):
        keep("GET", LS, Seen(500, (("Content-Type", "application/json"),), b"{}"))


@pytest.mark.parametrize(
    ("request_line", "name"),
    [
        ("GET /compute/jobs/path", "compute_job"),
        ("POST /compute/jobs/path", "compute_submit_path"),
        ("GET /compute/jobs/%31?x=/", "compute_job"),
        ("GET /compute/jobs/a/b", None),
        ("GET /compute/jobs/a%2Fb", None),
        ("GET /tasks", "tasks_list"),
        ("GET /tasks/?tasks=1", "tasks_list"),
        ("GET /tasks/1", "tasks_get"),
        ("HEAD /tasks", None),
        ("PUT /reservations/x", "reservations_update"),
        ("PUT /reservations/x/", "reservations_update"),
    ],
)
def test_requests_are_found(request_line: str, name: str | None) -> None:
    method, _, target = request_line.partition(" ")
    operation = contract().operation(method, target)
    assert (operation.id if operation else None) == name
