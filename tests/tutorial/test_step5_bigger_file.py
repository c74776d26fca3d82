"""Step 5 of the tutorial: a bigger file through the staging area (T33 to T43)."""
# ruff: noqa: N802 - the rows of the walk have capital letters

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.live import Live
from tests.tutorial.clients import Client, Requests
from tests.tutorial.machine import Machine
from tests.tutorial.walk import (
    HOME,
    USER,
    accounted,
    created,
    downloaded,
    job_script,
    offered,
    post_as_printed,
    result,
    submitted,
    uploaded,
)

FORM_FIELDS = (
    *("key", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "policy", "x-amz-signature"),
)


def test_T33_the_request_needs_two_paths_and_no_machine(
    client: Client, live: Live, big_file: Path
) -> None:
    answer = client.external_upload(str(big_file), HOME)
    assert answer.status == 201
    created(answer, live.url)


def test_T34_the_task_waits_for_the_client_with_a_form(
    client: Client, live: Live, big_file: Path
) -> None:
    task = offered(client, big_file, live.url)
    assert task["description"] == "Form URL from Object Storage received"
    assert task["service"] == "storage"


def test_T35_the_data_tells_source_target_and_command(
    client: Client, live: Live, big_file: Path
) -> None:
    task = offered(client, big_file, live.url)
    data = task["data"]
    assert data["hash_id"] == task["hash_id"]
    assert data["source"] == big_file.name
    assert data["status"] == "111"
    assert data["target"].startswith(HOME)
    assert data["user"] == USER
    assert data["system"]
    assert isinstance(data["msg"]["command"], str)


def test_T36_the_form_is_flat_and_in_parameters(client: Client, live: Live, big_file: Path) -> None:
    task = offered(client, big_file, live.url)
    form = task["data"]["msg"]
    assert form["method"] == "POST"
    assert form["url"] == f"{live.testbuild.staging_url}/{USER}"
    assert form["key"] == f"{task['hash_id']}/{big_file.name}"
    assert form["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert re.fullmatch(
        r"storage_access_key/\d{8}/us-east-1/s3/aws4_request", form["x-amz-credential"]
    )
    assert re.fullmatch(r"\d{8}T\d{6}Z", form["x-amz-date"])
    assert re.fullmatch(r"[0-9a-f]{64}", form["x-amz-signature"])
    assert base64.b64decode(form["policy"], validate=True)
    parameters = form["parameters"]
    assert (parameters["method"], parameters["url"]) == ("POST", form["url"])
    assert parameters["data"] == {field: form[field] for field in FORM_FIELDS}


def test_T37_the_policy_is_for_one_object_and_seven_days(
    client: Client, live: Live, big_file: Path
) -> None:
    form = offered(client, big_file, live.url)["data"]["msg"]
    policy = json.loads(base64.b64decode(form["policy"]))
    expires = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00"))
    assert abs(expires - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=5)
    conditions = policy["conditions"]
    assert {"bucket": USER} in conditions
    for field in ("key", "x-amz-algorithm", "x-amz-credential", "x-amz-date"):
        assert {field: form[field]} in conditions


def keys_of(value: Any) -> set[str]:
    """All keys at any depth of a JSON value."""
    if isinstance(value, dict):
        return set(value) | {key for item in value.values() for key in keys_of(item)}
    return {key for item in value for key in keys_of(item)} if isinstance(value, list) else set()


def test_T38_no_task_shows_a_certificate(client: Client, live: Live, big_file: Path) -> None:
    """The tutorial shows one, encrypted; a deviation on purpose (D12)."""
    task_id = offered(client, big_file, live.url)["hash_id"]
    one, everything = client.task(task_id), client.tasks()
    assert task_id in everything.json()["tasks"]
    for answer in (one, everything):
        assert not keys_of(answer.json()) & {"cert", "certificate", "action", "download_url"}
        for trace in (
            b"-cert-v01@openssh.com",
            b"PRIVATE KEY",
            b"ssh-ed25519",
            b"gAAAA",
            b"/tmp/dummy",
        ):
            assert trace not in answer.body


def test_T39_the_printed_command_uploads_without_a_token(
    client: Client, live: Live, big_file: Path
) -> None:
    task = offered(client, Path(big_file.name), live.url)
    answer = post_as_printed(task, big_file.parent)
    assert answer.status == 204
    assert re.fullmatch(r'"[0-9a-f]{32}(-\d+)?"', answer.header("ETag") or "")
    location = f"{live.testbuild.staging_url}/{USER}/{task['hash_id']}/{big_file.name}"
    assert answer.header("Location") == location


def test_T39_the_form_can_be_typed_by_hand(python: Requests, live: Live, big_file: Path) -> None:
    form = offered(python, big_file, live.url)["data"]["msg"]
    fields = {field: form[field] for field in FORM_FIELDS}
    with big_file.open("rb") as content:
        answer = requests.post(form["url"], data=fields, files={"file": content}, timeout=30)
    assert answer.status_code == 204
    assert answer.headers["Location"] == f"{form['url']}/{form['key']}"


@pytest.mark.parametrize("field", FORM_FIELDS)
def test_T40_an_altered_form_is_refused(
    python: Requests, live: Live, big_file: Path, field: str
) -> None:
    task = offered(python, big_file, live.url)
    form = task["data"]["msg"]
    fields = {name: form[name] for name in FORM_FIELDS}
    fields[field] = _altered(fields[field])
    with big_file.open("rb") as content:
        answer = requests.post(form["url"], data=fields, files={"file": content}, timeout=30)
    assert answer.status_code == 403, answer.text
    assert python.task(task["hash_id"]).json()["task"]["status"] == "111"


def _altered(value: str) -> str:
    """Another value of the same form: one letter or digit in the middle is changed."""
    middle = len(value) // 2
    while not value[middle].isalnum():
        middle += 1
    other = "0" if value[middle] != "0" else "1"
    return value[:middle] + other + value[middle + 1 :]


def test_T41_the_task_follows_the_file_to_its_end(
    live: Live, slow_shell: str, tmp_path: Path
) -> None:
    """As a user whose commands begin slowly, so that 113 lasts long enough to be seen."""
    source = tmp_path / "followed"
    source.write_bytes(b"content")
    form = {"targetPath": f"/home/{slow_shell}", "sourcePath": str(source)}
    answer = live.post("/storage/xfer-external/upload", user=slow_shell, machine=None, data=form)
    waiting = live.settled(answer, user=slow_shell, states=frozenset({"111"}))
    assert post_as_printed(waiting, tmp_path).status == 204
    task_id = waiting["hash_id"]
    moving = live.settled(answer, user=slow_shell, states=frozenset({"113"}))
    started = "Download from Object Storage to server has started"
    assert moving["description"] == moving["data"] == started
    listed = live.get("/tasks", user=slow_shell, machine=None).json()["tasks"][task_id]
    assert listed["status"] == "113"
    assert listed["data"]["msg"] == started
    finished = live.settled(answer, user=slow_shell, states=frozenset({"114"}))
    over = "Download from Object Storage to server has finished"
    assert finished["description"] == finished["data"] == over
    listed = live.get("/tasks", user=slow_shell, machine=None).json()["tasks"][task_id]
    assert listed["data"]["msg"] == over
    assert listed["data"]["target"] == f"/home/{slow_shell}/followed"


def test_T41_the_object_is_gone_when_the_task_has_finished(
    python: Requests, live: Live, big_file: Path
) -> None:
    """The same form may be posted until the file is on the machine; afterwards nothing is kept."""
    task = uploaded(python, big_file, live.url)
    assert task["description"] == "Download from Object Storage to server has finished"
    assert task["data"] == task["description"]


def test_T42_the_file_is_on_the_machine_and_the_users(
    client: Client, live: Live, machine: Machine, big_file: Path
) -> None:
    uploaded(client, big_file, live.url)
    target = f"{HOME}/{big_file.name}"
    assert machine.sha1(target) == hashlib.sha1(big_file.read_bytes()).hexdigest()
    seen = machine.stat(target)
    assert (seen["user"], seen["group"]) == (USER, USER)
    assert seen["size"] == str(big_file.stat().st_size)


def test_T43_the_simulation_runs_again_with_the_bigger_file(
    client: Client, live: Live, big_file: Path, tmp_path: Path
) -> None:
    uploaded(client, big_file, live.url)
    target = f"{HOME}/{big_file.name}"
    script = job_script(tmp_path, f"sha1sum {target}", output=f"{HOME}/res.txt")
    task = submitted(client, script, live.url)
    assert task["data"]["result"] == "Job submitted"
    assert task["hash_id"] in client.tasks().json()["tasks"]
    job_id = task["data"]["jobid"]
    result(client, client.job(job_id), live.url)
    assert accounted(client, job_id, live.url)["state"] == "COMPLETED"
    digest = hashlib.sha1(big_file.read_bytes()).hexdigest()
    assert downloaded(client, f"{HOME}/res.txt").decode() == f"{digest}  {target}\n"
