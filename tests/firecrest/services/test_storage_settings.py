"""What operators can set for transfers, and what a client sees when the machines are in trouble."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from minio import Minio
from pydantic import ValidationError

from f7t.settings import InternalTransferSettings, Settings
from f7t_testbuild.model import ACCESS_KEY
from tests.firecrest.services.places import content, run
from tests.firecrest.services.variants import Variant, gateway_with
from tests.support.live import Live, free_port_base, until

UP = "/storage/xfer-external/upload"
DOWN = "/storage/xfer-external/download"
COPY = "/storage/xfer-internal/cp"
PATHS = {"sourcePath": "/home/test1/test_file.txt", "targetPath": "/home/test1"}
CALLS = {
    UP: {"description": "Failed to upload file", "error": "'targetPath' directory not allowed"},
    DOWN: {"description": "sourcePath error"},
    COPY: {"description": "Failed to submit cp job"},
}
"""Requests that are right, and what they say when the machine does not work."""


def _transfer_machine(settings: dict[str, Any]) -> None:
    [system] = settings["systems"]
    settings["systems"].append({**system, "name": "elsewhere"})
    settings["storage"]["internal"] = {
        "machine": "elsewhere",
        "partition": "part02",
        "constraint": "f7t",
        "use_sched_project": True,
    }


def _troubles(settings: dict[str, Any]) -> None:
    [system] = settings["systems"]
    settings["systems"] += [
        {**system, "name": "unresolved", "host": "no-such-host.invalid"},
        {**system, "name": "refusing", "port": free_port_base()},
        {**system, "name": "denying", "denied_users": ["test1"]},
    ]
    settings["storage"] |= {"transfer_timeout": 1e-6, "max_file_size_mb": 1}


def _hasty(settings: dict[str, Any]) -> None:
    settings["utilities"] = {"timeout": 1e-6}


@pytest.fixture(scope="module")
def elsewhere(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    """Transfer jobs have a machine and a queue of their own and are charged to the group."""
    with gateway_with(live, tmp_path_factory.mktemp("elsewhere"), _transfer_machine) as variant:
        yield variant


@pytest.fixture(scope="module")
def troubled(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    """Three machines that nobody reaches; no transfer ends in time; objects of 1 MiB at most."""
    with gateway_with(live, tmp_path_factory.mktemp("troubled"), _troubles) as variant:
        yield variant


@pytest.fixture(scope="module")
def hasty(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    """No file operation ends in time."""
    with gateway_with(live, tmp_path_factory.mktemp("hasty"), _hasty) as variant:
        yield variant


def _script(variant: Variant, task: dict[str, Any]) -> list[str]:
    path = f"/home/test1/firecrest/{task['task_id']}/sbatch-job.sh"
    return content(variant, path).decode().splitlines()


def test_transfer_machine_and_queue(elsewhere: Variant) -> None:
    place = run(elsewhere, "echo copied > source", account="test")
    fields = {"sourcePath": f"{place}/source", "targetPath": f"{place}/target"}
    task = elsewhere.settled(elsewhere.post(COPY, data={**fields, "account": "test"}))
    assert (task["status"], task["system"]) == ("200", "elsewhere")
    assert _script(elsewhere, task)[6:9] == [
        "#SBATCH --partition='part02'",
        "#SBATCH --constraint='f7t'",
        "#SBATCH --account='test'",
    ]
    row = elsewhere.accounted(task["data"]["jobid"])
    assert (row["state"], row["partition"]) == ("COMPLETED", "part02")
    assert content(elsewhere, f"{place}/target") == b"copied\n"


def test_the_primary_group_is_charged(elsewhere: Variant) -> None:
    """Here no account is called like the group, so the scheduler says what it was asked for."""
    task = elsewhere.settled(elsewhere.post(COPY, data=PATHS))
    assert task["status"] == "400"
    assert "Invalid account" in task["data"]
    assert "#SBATCH --account='test1'" in _script(elsewhere, task)


def test_an_unknown_machine_is_refused_although_jobs_run_elsewhere(elsewhere: Variant) -> None:
    answer = elsewhere.post(COPY, machine="nowhere", data=PATHS)
    assert answer.status_code == 400
    assert "X-Machine-Does-Not-Exists" in answer.headers


def _settings(**internal: Any) -> dict[str, Any]:
    return {
        "systems": [{"name": "cluster", "host": "cluster"}],
        "auth": {"issuer": "http://issuer", "jwks_url": "http://issuer/certs"},
        "ssh": {"known_hosts": "/hosts", "ca_key": "/ca"},
        "storage": {
            "public_url": "http://127.0.0.1:9000",
            "access_key": "a",
            "secret_key": "s",
            "internal": internal,
        },
        "tasks": {"redis_url": "redis://localhost:6379/0"},
    }


def test_wrong_settings_are_told_at_the_start() -> None:
    assert Settings.model_validate(_settings(machine="cluster")).storage.internal.partition == ""
    with pytest.raises(ValidationError, match="no system is called 'elsewhere'"):
        Settings.model_validate(_settings(machine="elsewhere"))
    for text in ("a'b", "a\nb", "a\\b"):
        for name in ("partition", "constraint"):
            with pytest.raises(ValidationError, match="should match pattern"):
                InternalTransferSettings.model_validate({name: text})


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize(
    ("machine", "headers"),
    [
        ("unresolved", {"X-Machine-Not-Available": "Machine is not available"}),
        ("refusing", {}),
        (
            "denying",
            {
                "X-Permission-Denied": "User does not have permissions to access machine or path",
            },
        ),
    ],
)
def test_machine_in_trouble(
    troubled: Variant, path: str, machine: str, headers: dict[str, str]
) -> None:
    """Refused at once, and no task is left."""
    before = troubled.get("/tasks", machine=None).json()["tasks"]
    answer = troubled.post(path, machine=machine, data=PATHS)
    assert (answer.status_code, answer.json()) == (400, CALLS[path])
    got = {name: text for name, text in answer.headers.items() if name.startswith("X-")}
    del got["X-Request-Id"]
    assert got == headers
    assert troubled.get("/tasks", machine=None).json()["tasks"].keys() == before.keys()


@pytest.mark.parametrize("path", [UP, DOWN])
def test_pre_check_runs_out_of_time(hasty: Variant, path: str) -> None:
    answer = hasty.post(path, data=PATHS)
    assert (answer.status_code, answer.json()) == (400, CALLS[path])
    assert answer.headers["X-Timeout"] == "Command has finished with timeout signal"


def _both(variant: Variant, task_id: str) -> list[dict[str, Any]]:
    """The task as both operations show it."""
    listed = variant.get("/tasks", machine=None, params={"tasks": task_id}).json()["tasks"]
    return [variant.task(task_id), listed[task_id]]


def test_a_download_that_fails(troubled: Variant) -> None:
    """118: storage.md §4.2."""
    answer = troubled.post(DOWN, data=PATHS)
    task = troubled.settled(answer)
    for shown in _both(troubled, task["task_id"]):
        assert shown["status"] == "118"
        assert (
            shown["description"]
            == "Upload from filesystem to Object Storage has finished with errors"
        )
        assert shown["data"] == {
            "error": "Upload to Staging area has failed. Object: test_file.txt. "
            "Command has finished with timeout signal",
            "source": PATHS["sourcePath"],
            "system_name": "cluster",
        }


def _posted(variant: Variant, name: str, data: bytes) -> tuple[str, requests.Response]:
    """An upload's task id, and the store's answer to the object."""
    created = variant.post(UP, data={"sourcePath": name, "targetPath": "/home/test1"})
    task = variant.settled(created, states=frozenset({"111"}))
    message = task["data"]["msg"]
    return task["task_id"], requests.post(
        message["url"], data=message["parameters"]["data"], files={"file": data}, timeout=30
    )


def test_an_upload_that_fails_until_the_object_is_gone(live: Live, troubled: Variant) -> None:
    """115 as long as the object exists, then 400 (tasks.md §4)."""
    task_id, answer = _posted(troubled, "never-there", b"data")
    assert answer.status_code == 204

    def state(wanted: str) -> dict[str, Any]:
        def probe() -> dict[str, Any] | None:
            now = troubled.task(task_id)
            return now if now["status"] == wanted else None

        return until(probe, what=f"state {wanted}")

    data = state("115")["data"]
    assert data["error"] == "Command has finished with timeout signal"
    assert (data["status"], data["source"], data["hash_id"]) == ("115", "never-there", task_id)
    store = Minio(
        live.testbuild.staging_url.removeprefix("http://"),
        access_key=ACCESS_KEY,
        secret_key=live.secrets["staging_secret_key"],
        secure=False,
    )
    store.remove_object("test1", f"{task_id}/never-there")
    state("400")
    for shown in _both(troubled, task_id):
        assert shown["description"] == "Finished with errors"
        assert shown["data"] == ("File was deleted from staging area. Start a new upload process")


def test_largest_object(troubled: Variant) -> None:
    """The form itself limits what is accepted: storage.md §3.3."""
    task_id, answer = _posted(troubled, "large", b"x" * ((1 << 20) + 1))
    assert (answer.status_code, "EntityTooLarge" in answer.text) == (400, True)
    task = troubled.task(task_id)
    assert task["status"] == "111"
    policy = json.loads(base64.b64decode(task["data"]["msg"]["policy"]))
    assert ["content-length-range", 0, 1 << 20] in policy["conditions"]
    parameters = troubled.get("/status/parameters", machine=None).json()["out"]["storage"]
    [shown] = [one for one in parameters if one["name"] == "STORAGE_MAX_FILE_SIZE"]
    assert (shown["value"], shown["unit"]) == ("1", "MB")
    troubled.post(
        "/storage/xfer-external/invalidate", machine=None, headers={"X-Task-Id": task_id}
    ).raise_for_status()
