"""`/tasks` with bad input: the contract's error, and nothing happens."""

from __future__ import annotations

import pytest

from tests.firecrest.services.cases import (
    FORBIDDEN,
    Case,
    all_cases,
    check,
    methods,
    name_of,
    unknown_paths,
    unpublished,
)
from tests.firecrest.services.wire import Request, get, send
from tests.support.live import Live

pytestmark = pytest.mark.usefixtures("untouched")

NOT_YOURS = {"description": "Operation not permitted. Invalid task owner."}
UNKNOWN = {
    "IDONTEXIST": "IDONTEXIST",
    "0" * 32: "0" * 32,
    "taskslist": "taskslist",
    "%2e%2e": "..",
    "%2A": "*",
    "%20": " ",
    "a%20b": "a b",
    "%27%22": "'\"",
    "a%3Bb": "a;b",
    "%24%28id%29": "$(id)",
    "%60id%60": "`id`",
    "a%0Ab": "a\nb",
    "%00": "\0",
    "%0d%0aSet-Cookie%3A%20a=b": "\r\nSet-Cookie: a=b",
    "%FF": "�",
    "%E6%97%A5": "日",
    "f7t%3Atask%3A0": "f7t:task:0",
    "x" * 5000: "x" * 5000,
}
MANY = ",".join("a" * 2000)


def _bad_list(text: str, verdict: str) -> Case:
    body = {
        "description": "Failed to retrieve tasks information",
        "error": f"'tasks' {verdict}",
    }
    return Case(f"tasks={text!r}", get("/tasks", tasks=text), 400, body)


CASES = all_cases(
    (
        Case(
            f"task {shown[:20]!r}",
            get(f"/tasks/{sent}"),
            404,
            {"error": f"Task {shown} does not exist"},
        )
        for sent, shown in UNKNOWN.items()
    ),
    [_bad_list("", "is empty")],
    (_bad_list(f"a{character}b", "has invalid char") for character in FORBIDDEN),
    (
        Case(f"tasks={text[:20]!r}", get("/tasks", tasks=text), 200, {"tasks": {}})
        for text in (
            "IDONTEXIST",
            ",",
            ",,a,,",
            "*",
            "日本",
            "..",
            "x" * 5000,
            ",".join("a" * 2000),
        )
    ),
    unknown_paths("/tasks/a/b", "/tasks/a%2Fb", "/tasks//", "/tasks/a/"),
    unpublished("/tasksx", "/taskslist"),
    methods("/tasks", "GET", "GET"),
    methods("/tasks/", "GET", "GET"),
    methods("/tasks/0123", "GET", "GET"),
    methods("/tasks/expire/0123", "GET", "GET"),
)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_refused(live: Live, case: Case) -> None:
    check(live, case)


def test_no_list_of_everybodys_tasks_without_token(live: Live) -> None:
    """D26."""
    answer = send(live, Request("GET", "/tasks/taskslist"), user=None)
    assert (answer.status, answer.json()) == (401, {"message": "Unauthorized"})


def test_foreign_task(live: Live) -> None:
    created = live.get("/compute/jobs", user="test1")
    task_id = created.json()["task_id"]
    check(live, Case("foreign", get(f"/tasks/{task_id}"), 403, NOT_YOURS))
    # In a list it is as good as unknown.
    check(live, Case("foreign", get("/tasks", tasks=task_id), 200, {"tasks": {}}))
    own = live.get("/tasks", user="test1", machine=None, params={"tasks": f"{task_id},IDONTEXIST"})
    assert set(own.json()["tasks"]) == {task_id}
