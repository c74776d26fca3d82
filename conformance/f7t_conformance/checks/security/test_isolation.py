"""What belongs to one user is out of the other's reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, created, settled, task_of
from f7t_conformance.binding import requirement

_CONTENT = b"#!/bin/bash\necho f7t-conformance-private\n"


@pytest.fixture
def private(api: Api, place: Place) -> Iterator[str]:
    """A script of the first identity in a directory that only it may enter."""
    api.put("/utilities/chmod", targetPath=place.path, mode="700").expect(200)
    yield place.write("private.sh", _CONTENT)
    if "private.sh" not in place.names() or place.read("private.sh") != _CONTENT:
        raise Unexpected("the first user's file as it was", str(place.names()))


def _denied(answer: Answer) -> None:
    answer.expect(400, header="X-Permission-Denied")
    if b"f7t-conformance-private" in answer.body:
        raise Unexpected("nothing of the content", answer.excerpt)


@requirement("F7T-SEC-015")
def test_reading_files(second: Api, place: Place, private: str) -> None:
    _denied(second.get("/utilities/ls", targetPath=place.path))
    for operation in ("stat", "checksum", "view", "head", "tail", "file"):
        _denied(second.get(f"/utilities/{operation}", targetPath=private))
    _denied(second.get("/utilities/download", sourcePath=private))


@requirement("F7T-SEC-016")
def test_changing_files(second: Api, place: Place, private: str) -> None:
    _denied(second.post("/utilities/mkdir", targetPath=place / "new"))
    _denied(second.put("/utilities/rename", sourcePath=private, targetPath=place / "new"))
    _denied(second.put("/utilities/chmod", targetPath=private, mode="777"))
    _denied(second.delete("/utilities/rm", targetPath=private))
    files = {"file": ("private.sh", b"overwritten")}
    form = {"targetPath": place.path}
    _denied(second.call("POST", "/utilities/upload", form=form, files=files))


@requirement("F7T-SEC-017")
def test_one_task(api: Api, second: Api) -> None:
    task_id = created(api.get("/compute/jobs"))
    answer = second.get(f"/tasks/{task_id}")
    answer.expect(403, description="Operation not permitted. Invalid task owner.")
    if "task" in answer.json:
        raise Unexpected("nothing of the task", answer.excerpt)


@requirement("F7T-SEC-018")
def test_list_of_tasks(api: Api, second: Api) -> None:
    task = task_of(api, created(api.get("/compute/jobs")))
    own = created(second.get("/compute/jobs"))
    asked = second.get("/tasks", tasks=f"{task['hash_id']},{own}").expect(200).json["tasks"]
    if set(asked) != {own}:
        raise Unexpected("only the caller's own task", str(sorted(asked)))
    users = {one["user"] for one in second.get("/tasks").expect(200).json["tasks"].values()}
    if task["user"] in users or len(users) != 1:
        raise Unexpected("only tasks of the caller", f"tasks of {sorted(users)}")


@requirement("F7T-SEC-019")
def test_scripts(second: Api, private: str) -> None:
    _denied(second.post("/compute/jobs/path", targetPath=private))


@requirement("F7T-SEC-020")
def test_jobs(api: Api, second: Api, belongings: Belongings) -> None:
    job = str(belongings.submit(api, "sleep 120")["data"]["jobid"])
    if settled(second, second.delete(f"/compute/jobs/{job}"))["status"] != "400":
        raise Unexpected("the cancellation of a foreign job to fail", "it did not")
    listed = settled(api, api.get("/compute/jobs"))["data"]
    if job not in {one["jobid"] for one in listed.values()}:
        raise Unexpected(f"job {job} still in the queue", str(listed))
    foreign = settled(second, second.get("/compute/jobs"))["data"]
    if job in {one["jobid"] for one in foreign.values()}:
        raise Unexpected("only jobs of the caller", str(foreign))


@requirement("F7T-SEC-021")
def test_job_files(api: Api, second: Api, belongings: Belongings) -> None:
    job = str(belongings.submit(api, "sleep 60")["data"]["jobid"])
    everybody = settled(second, second.get("/compute/jobs", userJobs="false"))["data"]
    for one in everybody.values():
        told = [one.get(key, "") for key in ("job_file", "job_file_out", "job_data_out")]
        if one["jobid"] == job and any(told):
            raise Unexpected("nothing of a foreign job's files", str(told))


@requirement("F7T-SEC-022")
def test_transfers(second: Api, place: Place, private: str) -> None:
    download = second.post("/storage/xfer-external/download", sourcePath=private)
    _denied(download)
    upload = second.post("/storage/xfer-external/upload", sourcePath="file", targetPath=place.path)
    _denied(upload)


@requirement("F7T-SEC-023")
def test_invalidation(api: Api, second: Api, belongings: Belongings, place: Place) -> None:
    answer = api.post("/storage/xfer-external/download", sourcePath=place.write("file"))
    task = settled(api, answer, states=frozenset({"117", "118", "400"}))
    belongings.own_transfer(task["hash_id"])
    refused = second.call(
        "POST", "/storage/xfer-external/invalidate", headers={"X-Task-Id": task["hash_id"]}
    )
    refused.expect(400, error="Invalid X-Task-Id")
    if task_of(api, task["hash_id"])["status"] != "117":
        raise Unexpected("the transfer as it was", str(task_of(api, task["hash_id"])))


@requirement("F7T-SEC-024")
def test_reservations(second: Api) -> None:
    second.delete("/reservations/f7t-conformance-foreign").expect(400, 404)
