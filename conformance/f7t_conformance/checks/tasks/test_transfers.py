"""K1, K2: tasks that wait for their client, and tasks that were withdrawn."""

from __future__ import annotations

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, created, settled, task_of
from f7t_conformance.binding import requirement


@requirement("F7T-TASK-027")
def test_task_waits_for_its_client(api: Api, belongings: Belongings, place: Place) -> None:
    answer = api.post(
        "/storage/xfer-external/upload", targetPath=place.path, sourcePath="waiting.dat"
    )
    belongings.own_transfer(created(answer))
    task = settled(api, answer, states=frozenset({"111", "400"}))
    seen = [task_of(api, task["hash_id"])["status"] for _ in range(5)]
    if seen != ["111"] * 5 or task["service"] != "storage":
        raise Unexpected("a storage task that stays 111", f"{task['service']} {seen}")


@requirement("F7T-TASK-028")
def test_withdrawn_task_is_no_longer_valid(api: Api, belongings: Belongings, place: Place) -> None:
    answer = api.post("/storage/xfer-external/download", sourcePath=place.write("out.dat"))
    task_id = created(answer)
    belongings.own_transfer(task_id)
    settled(api, answer, states=frozenset({"117", "118", "400"}))
    path = "/storage/xfer-external/invalidate"
    api.call("POST", path, headers={"X-Task-Id": task_id}).expect(201)
    one = task_of(api, task_id)
    listed = api.get("/tasks", tasks=task_id).expect(200).json["tasks"][task_id]
    for task in (one, listed):
        if (task["status"], task["data"]) != ("302", ""):
            raise Unexpected("302 with empty data", str(task))
