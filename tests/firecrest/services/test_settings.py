"""What operators can set, seen from outside: a second gateway in front of the same cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.firecrest.services.places import run
from tests.firecrest.services.variants import Variant, gateway_with
from tests.support.live import Live

DENIED_USER = "test2"


def _change(settings: dict[str, Any]) -> None:
    [system] = settings["systems"]
    system["denied_users"] = [DENIED_USER]
    system["filesystems"].append({"name": "ARCHIVE", "path": "/archive"})
    settings["tasks"] |= {"data_shape": "object", "long_poll": 30}


@pytest.fixture(scope="module")
def variant(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    """`/archive` is absent as well, one user is denied, objects everywhere, a long hold."""
    with gateway_with(live, tmp_path_factory.mktemp("variant"), _change) as other:
        yield other


def test_absent_file_system(variant: Variant) -> None:
    """S4: the system stays available and says what is missing."""
    answer = variant.get("/status/systems/cluster", machine=None)
    assert answer.json() == {
        "description": "System information",
        "out": {
            "system": "cluster",
            "status": "available",
            "description": "Filesystem /project,/archive is not available",
        },
    }
    everything = variant.get("/status/systems", machine=None).json()["out"]
    assert everything == [
        {"system": "cluster", "status": "available", "description": "System ready"}
    ]


def test_file_systems_in_the_parameters(variant: Variant) -> None:
    out = variant.get("/status/parameters", machine=None).json()["out"]
    [record] = [one for one in out["storage"] if one["name"] == "FILESYSTEMS"]
    [system] = record["value"]
    assert system["system"] == "cluster"
    assert {"/home", "/project", "/archive"} <= set(system["mounted"])


@dataclass(frozen=True)
class Denied:
    """A call that needs the system, and the answer to who may not use it."""

    method: str
    path: str
    description: str
    arguments: dict[str, Any] = field(default_factory=dict)


_FILE = {"files": {"file": ("file", b"#!/bin/sh\n")}}
_PATH = {"params": {"targetPath": "/tmp"}}
_TASKS = (
    Denied("GET", "/compute/jobs", "Failed to retrieve jobs information"),
    Denied("GET", "/compute/jobs/1", "Failed to retrieve jobs information"),
    Denied("DELETE", "/compute/jobs/1", "Failed to retrieve jobs information"),
    Denied("GET", "/compute/acct", "Failed to retrieve jobs information"),
    Denied("POST", "/compute/jobs", "Failed to retrieve jobs information", _FILE),
    Denied("POST", "/compute/jobs/upload", "Failed to retrieve jobs information", _FILE),
    Denied(
        "POST",
        "/compute/jobs/path",
        "Failed to retrieve jobs information",
        {"data": {"targetPath": "/srv/f7t/test_sbatch.sh"}},
    ),
    Denied(
        "POST",
        "/storage/xfer-external/upload",
        "Failed to upload file",
        {"data": {"targetPath": "/tmp", "sourcePath": "x"}},
    ),
    Denied(
        "POST",
        "/storage/xfer-external/download",
        "sourcePath error",
        {"data": {"sourcePath": "/etc/hosts"}},
    ),
)
_FILES = (
    Denied("GET", "/utilities/ls", "Error listing contents of path", _PATH),
    Denied(
        "GET",
        "/utilities/download",
        "Error on base64 operation",
        {"params": {"sourcePath": "/etc/hosts"}},
    ),
    Denied(
        "POST",
        "/utilities/upload",
        "Error on upload operation",
        {"data": {"targetPath": "/tmp"}, **_FILE},
    ),
)


def _sessions(variant: Variant) -> int:
    """How often the user's certificate was accepted so far: no command runs without."""
    return variant.log("sshd").count(f"Accepted publickey for {DENIED_USER} ")


@pytest.mark.parametrize("denied", [*_FILES, *_TASKS], ids=lambda one: f"{one.method} {one.path}")
def test_denied_user(variant: Variant, denied: Denied) -> None:
    """Contract §2.4, D23: refused before anything is begun: no task, and nothing on the system."""
    tasks = variant.get("/tasks", user=DENIED_USER, machine=None).json()["tasks"]
    sessions = _sessions(variant)
    answer = variant.call(denied.method, denied.path, user=DENIED_USER, **denied.arguments)
    assert answer.status_code == 400
    assert answer.json()["description"] == denied.description
    text = "User does not have permissions to access machine"
    expected = text if denied in _FILES else f"{text} or path"
    assert answer.headers["X-Permission-Denied"] == expected
    assert variant.get("/tasks", user=DENIED_USER, machine=None).json()["tasks"] == tasks
    assert _sessions(variant) == sessions


def test_what_needs_no_system_is_open_to_a_denied_user(variant: Variant) -> None:
    for path in ("/tasks", "/status/systems", "/status/parameters", "/status/services"):
        assert variant.get(path, user=DENIED_USER, machine=None).status_code == 200
    out = variant.get("/status/filesystems", user=DENIED_USER, machine=None).json()["out"]
    assert {one["status_code"] for one in out["cluster"]} == {400}


def test_system_of_a_denied_user(variant: Variant) -> None:
    out = variant.get("/status/systems", user=DENIED_USER, machine=None).json()["out"]
    assert out == [
        {
            "system": "cluster",
            "status": "not available",
            "description": "System does not accept connections",
        }
    ]


def test_the_first_look_waits_for_the_end(variant: Variant) -> None:
    """Long polling: the hold is longer than the client's patience, so it must have ended early."""
    task_id = variant.get("/compute/jobs").json()["task_id"]
    headers = {"Authorization": f"Bearer {variant.token()}"}
    one = requests.get(f"{variant.url}/tasks/{task_id}", headers=headers, timeout=25)
    assert one.json()["task"]["status"] == "200"
    task_id = variant.get("/compute/acct").json()["task_id"]
    listed = requests.get(f"{variant.url}/tasks?tasks={task_id}", headers=headers, timeout=25)
    assert listed.json()["tasks"][task_id]["status"] == "200"


def test_a_task_that_waits_for_the_client_is_not_held(variant: Variant) -> None:
    created = variant.post(
        "/storage/xfer-external/upload", data={"targetPath": "/home/test1", "sourcePath": "never"}
    )
    task = variant.settled(created, states=frozenset({"111"}))
    headers = {"Authorization": f"Bearer {variant.token()}"}
    for path in (f"/tasks/{task['task_id']}", f"/tasks?tasks={task['task_id']}"):
        assert requests.get(f"{variant.url}{path}", headers=headers, timeout=25).status_code == 200
    variant.post(
        "/storage/xfer-external/invalidate", headers={"X-Task-Id": task["task_id"]}
    ).raise_for_status()


def test_shapes_of_finished_transfers(live: Live, variant: Variant) -> None:
    """D14: one record, rendered as each gateway is told."""
    directory = run(live, "echo content > file")
    created = live.post("/storage/xfer-external/download", data={"sourcePath": f"{directory}/file"})
    task_id = live.settled(created)["task_id"]
    expected: Any = {"source": f"{directory}/file", "system_name": "cluster"}
    text = live.task(task_id)["data"]
    assert text.startswith(live.testbuild.staging_url)
    listed = live.get("/tasks", machine=None, params={"tasks": task_id}).json()["tasks"][task_id]
    assert listed["data"] == {**expected, "url": text}
    assert variant.task(task_id)["data"] == {**expected, "url": text}


def test_task_url_follows_the_host_that_was_called(variant: Variant) -> None:
    """D08 without a configured public address."""
    answer = variant.get("/compute/jobs").json()
    assert answer["task_url"] == f"{variant.url}/tasks/{answer['task_id']}"
    forwarded = {"X-Forwarded-Host": "firecrest.example", "X-Forwarded-Proto": "https"}
    answer = variant.get("/compute/jobs", headers=forwarded).json()
    assert answer["task_url"] == f"https://firecrest.example/tasks/{answer['task_id']}"
