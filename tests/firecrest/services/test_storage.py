"""`/storage`: external transfers beyond what the tutorial shows (storage.md)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.firecrest.services.places import content, names, run
from tests.support.live import Live, until

READY = frozenset({"111", "400"})
NAMES = ["plain.dat", "a b", "$HOME", "-dash", "日本", "100%41+x", "a=b,c"]


def _offered(live: Live, target: str, source: str) -> dict[str, Any]:
    """A task whose form is ready."""
    answer = live.post(
        "/storage/xfer-external/upload", data={"targetPath": target, "sourcePath": source}
    )
    task = live.settled(answer, states=READY)
    assert task["status"] == "111", task
    return task


SETTLED = frozenset({"114", "302", "400"})


def _finished(live: Live, task: dict[str, Any], states: frozenset[str] = SETTLED) -> dict[str, Any]:
    """The task once it is in one of `states`."""

    def probe() -> dict[str, Any] | None:
        now = live.task(task["task_id"])
        return now if now["status"] in states else None

    return until(probe, what=f"task {task['task_id']} in {sorted(states)}")


def _downloaded(live: Live, path: str) -> tuple[str, str]:
    """Task id and link of a file that was brought to the staging area."""
    answer = live.post("/storage/xfer-external/download", data={"sourcePath": path})
    task = live.settled(answer)
    assert task["status"] == "117", task
    return task["task_id"], task["data"]


def _invalidate(live: Live, task_id: str) -> None:
    answer = live.post("/storage/xfer-external/invalidate", headers={"X-Task-Id": task_id})
    assert (answer.status_code, answer.json()) == (
        201,
        {"success": "URL invalidated successfully"},
    )


@pytest.fixture(scope="module")
def place(live: Live) -> str:
    """An empty directory of test1, and files to fetch beside it."""
    return run(live, "mkdir target; touch empty; printf content > 'a file'; printf wide > 日本")


@pytest.mark.parametrize("name", NAMES)
def test_printed_command(live: Live, place: str, tmp_path: Path, name: str) -> None:
    """The command works as printed, in a shell, whatever the file is called."""
    (tmp_path / name).write_bytes(name.encode() * 1000)
    task = _offered(live, f"{place}/target", name)
    command = task["data"]["msg"]["command"]
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, check=True, capture_output=True, timeout=60
    )
    assert b" 204 " in done.stdout
    assert _finished(live, task)["status"] == "114"
    assert content(live, f"{place}/target/{name}") == name.encode() * 1000


def test_parameters_can_be_handed_to_a_library(live: Live, place: str, tmp_path: Path) -> None:
    file = tmp_path / "from requests"
    file.write_bytes(bytes(range(256)))
    task = _offered(live, f"{place}/target", str(file))
    parameters = dict(task["data"]["msg"]["parameters"])
    assert parameters.pop("files") == str(file)
    with file.open("rb") as opened:
        answer = requests.request(**parameters, files={"file": opened}, timeout=30)
    assert answer.status_code == 204, answer.text
    assert _finished(live, task)["status"] == "114"
    assert content(live, f"{place}/target/from requests") == bytes(range(256))


def test_full_path_empty_file_and_overwriting(live: Live, place: str, tmp_path: Path) -> None:
    source = tmp_path / "local-name"
    for data in (b"a long first content", b"second", b""):
        source.write_bytes(data)
        task = _offered(live, f"{place}/target/renamed", str(source))
        assert task["data"]["target"] == f"{place}/target/renamed"
        subprocess.run(
            ["bash", "-c", task["data"]["msg"]["command"]], check=True, capture_output=True
        )
        assert _finished(live, task)["status"] == "114"
        assert content(live, f"{place}/target/renamed") == data
    assert "local-name" not in names(live, f"{place}/target")


def test_what_an_upload_task_says(live: Live, place: str) -> None:
    """storage.md §3.2, §3.3; D12: no certificate and no link in any form."""
    task = _offered(live, place, "x.dat")
    task_id, data = task["task_id"], task["data"]
    listed = live.get("/tasks", machine=None, params={"tasks": task_id}).json()["tasks"][task_id]
    assert listed == task
    assert data.keys() == {
        *("hash_id", "user", "source", "target", "status", "trace_id", "msg"),
        *("system", "system_name", "system_addr"),
    }
    assert (data["source"], data["target"]) == ("x.dat", f"{place}/x.dat")
    assert (data["status"], data["hash_id"], data["user"]) == ("111", task_id, "test1")
    message = data["msg"]
    assert message["url"] == f"{live.testbuild.staging_url}/test1"
    assert message["key"] == f"{task_id}/x.dat"
    assert message["parameters"]["data"] == {
        name: message[name]
        for name in ("key", "policy", *(n for n in message if n.startswith("x-amz-")))
    }
    assert not {"cert", "action", "download_url"} & message.keys()
    _invalidate(live, task_id)


def test_no_machine_named(live: Live, place: str) -> None:
    """D11: the first system."""
    for machine in (None, ""):
        answer = live.post(
            "/storage/xfer-external/download",
            machine=machine,
            data={"sourcePath": f"{place}/a file"},
        )
        task = live.settled(answer)
        assert (task["status"], task["system"]) == ("117", "cluster")


@pytest.mark.parametrize(
    ("name", "expected"), [("empty", b""), ("a file", b"content"), ("日本", b"wide")]
)
def test_links(live: Live, place: str, name: str, expected: bytes) -> None:
    """A plain GET without any token, as often as one likes."""
    _, url = _downloaded(live, f"{place}/{name}")
    assert url.startswith(f"{live.testbuild.staging_url}/test1/")
    assert "X-Amz-Expires=604800" in url
    for _ in range(2):
        answer = requests.get(url, timeout=30)
        assert (answer.status_code, answer.content) == (200, expected)


def test_a_link_opens_one_object_only(live: Live, place: str) -> None:
    _, url = _downloaded(live, f"{place}/a file")
    signed = url.partition("?")[2]
    base = live.testbuild.staging_url
    assert requests.get(url[:-1] + ("0" if url[-1] != "0" else "1"), timeout=30).status_code == 403
    for target in (f"{base}/test1?{signed}", f"{base}/test1/other?{signed}", url.partition("?")[0]):
        assert requests.get(target, timeout=30).status_code == 403
    assert requests.delete(url, timeout=30).status_code == 403
    assert requests.get(url, timeout=30).status_code == 200


def test_invalidated_links_are_dead(live: Live, place: str) -> None:
    """D15, for good and in both views; again is fine."""
    task_id, url = _downloaded(live, f"{place}/a file")
    for _ in range(2):
        _invalidate(live, task_id)
        assert requests.get(url, timeout=30).status_code == 404
    listed = live.get("/tasks", machine=None, params={"tasks": task_id}).json()["tasks"][task_id]
    for task in (live.task(task_id), listed):
        assert (task["status"], task["description"]) == ("302", "Task not longer valid")
        assert task["data"] == ""


def test_invalidating_a_finished_upload(live: Live, place: str, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_bytes(b"kept")
    task = _offered(live, f"{place}/target", str(file))
    subprocess.run(["bash", "-c", task["data"]["msg"]["command"]], check=True, capture_output=True)
    assert _finished(live, task)["status"] == "114"
    _invalidate(live, task["task_id"])
    assert content(live, f"{place}/target/kept") == b"kept"


def test_unreadable_file(live: Live, place: str) -> None:
    denied = run(live, "touch secret; chmod 0 secret")
    answer = live.post("/storage/xfer-external/download", data={"sourcePath": f"{denied}/secret"})
    assert (answer.status_code, answer.json()) == (400, {"description": "sourcePath error"})
    assert "X-Permission-Denied" in answer.headers


def test_a_target_that_vanished_is_tried_again(live: Live, tmp_path: Path) -> None:
    """113 → 115 → 113 → 114: the object is kept until the cluster could take it."""
    directory = run(live, "mkdir target")
    file = tmp_path / "patient"
    file.write_bytes(b"patient")
    task = _offered(live, f"{directory}/target", str(file))
    run(live, f"rmdir {directory}/target")
    subprocess.run(["bash", "-c", task["data"]["msg"]["command"]], check=True, capture_output=True)
    failed = _finished(live, task, SETTLED | {"115"})
    assert failed["status"] == "115", failed
    run(live, f"mkdir {directory}/target")
    assert _finished(live, task)["status"] == "114"
    assert content(live, f"{directory}/target/patient") == b"patient"
