"""X1: external uploads, from the request to the file on the system."""

from __future__ import annotations

import hashlib
import random

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, created, until
from f7t_conformance.binding import requirement
from f7t_conformance.capabilities import Detected
from f7t_conformance.staging import (
    asked_upload,
    delivered,
    listed,
    offered,
    posted,
    reached,
)

FINISHED = "Download from Object Storage to server has finished"
PATH = ("111", "112", "113", "114")
SIX_MEGABYTES = random.Random(6).randbytes(6 * 1024 * 1024 + 1)


@requirement("F7T-XFER-001")
def test_an_upload_is_a_task(api: Api, place: Place, belongings: Belongings) -> None:
    answer = api.post("/storage/xfer-external/upload", sourcePath="in.dat", targetPath=place.path)
    task_id = created(answer, 201)
    belongings.own_transfer(task_id)
    task = api.get(f"/tasks/{task_id}").expect(200).json["task"]
    got = (task["hash_id"], task["service"], task["system"])
    if got != (task_id, "storage", api.system):
        raise Unexpected(f"a storage task {task_id} of {api.system}", str(got))


@requirement("F7T-XFER-002")
def test_the_form_is_offered(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    offered(api, belongings, source="in.dat", target=place.path, seconds=deadline)


@requirement("F7T-XFER-003")
def test_the_waiting_task_tells_its_ends(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = offered(api, belongings, source="in.dat", target=place.path, seconds=deadline)
    data = task["data"]
    wanted = {
        "hash_id": task["hash_id"],
        "user": task["user"],
        "source": "in.dat",
        "status": "111",
        "system_name": api.system,
    }
    got = {name: data.get(name) for name in wanted}
    if got != wanted:
        raise Unexpected(f"data with {wanted}", str(got))


@requirement("F7T-XFER-004")
def test_the_target_in_a_directory_is_the_full_path(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = offered(api, belongings, source="in.dat", target=place.path, seconds=deadline)
    if task["data"]["target"] != place / "in.dat":
        raise Unexpected(f"target {place / 'in.dat'}", str(task["data"]["target"]))


@requirement("F7T-XFER-005")
def test_the_store_takes_the_file(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = offered(api, belongings, source="in.dat", target=place.path, seconds=deadline)
    answer = posted(api, task, b"content\n").expect(204)
    headers = {name.lower(): value for name, value in answer.headers}
    if not headers.get("etag"):
        raise Unexpected("a header ETag", str(answer.headers))
    if not headers.get("location", "").endswith(f"{task['hash_id']}/in.dat"):
        raise Unexpected(f"Location …/{task['hash_id']}/in.dat", headers.get("location", "none"))


@requirement("F7T-XFER-006")
def test_states_go_forward(api: Api, place: Place, belongings: Belongings, deadline: float) -> None:
    task = offered(api, belongings, source="in.dat", target=place.path, seconds=deadline)
    seen = [str(listed(api, task["hash_id"])["status"])]
    posted(api, task, b"content\n").expect(204)

    def look() -> str | None:
        seen.append(str(listed(api, task["hash_id"])["status"]))
        return seen[-1] if seen[-1] in {"114", "115", "400"} else None

    until(look, seconds=deadline, what="the end of the upload")
    if seen != sorted(seen) or not {"111", "114"} <= set(seen) <= set(PATH):
        raise Unexpected(f"states of {PATH} in this order", ", ".join(seen))


@requirement("F7T-XFER-007")
def test_a_small_file_arrives(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    content = bytes(range(256))
    delivered(api, belongings, content, target=place.path, source="in.dat", seconds=deadline)
    if place.names() != ["in.dat"] or place.read("in.dat") != content:
        raise Unexpected("the file as it was posted and nothing beside it", str(place.names()))


@requirement("F7T-XFER-008")
def test_an_empty_file_arrives(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    delivered(api, belongings, b"", target=place.path, source="empty", seconds=deadline)
    if place.read("empty") != b"":
        raise Unexpected("an empty file", "content")


@requirement("F7T-XFER-009")
def test_a_file_over_the_limit_of_utilities_arrives(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    delivered(api, belongings, SIX_MEGABYTES, target=place.path, source="big.dat", seconds=deadline)
    wanted = hashlib.sha256(SIX_MEGABYTES).hexdigest()
    api.get("/utilities/checksum", targetPath=place / "big.dat").expect(200, output=wanted)


@requirement("F7T-XFER-010")
def test_an_existing_file_is_replaced(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    place.write("in.dat", b"a longer content from before\n")
    delivered(api, belongings, b"new\n", target=place.path, source="in.dat", seconds=deadline)
    if place.read("in.dat") != b"new\n":
        raise Unexpected("the new content alone", repr(place.read("in.dat")))


@requirement("F7T-XFER-011")
def test_a_full_path_names_the_file(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    target = place / "other.dat"
    delivered(api, belongings, b"here\n", target=target, source="in.dat", seconds=deadline)
    if place.names() != ["other.dat"] or place.read("other.dat") != b"here\n":
        raise Unexpected("other.dat alone", str(place.names()))


@requirement("F7T-XFER-012")
def test_the_file_is_the_callers(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    place.write("own.dat")
    delivered(api, belongings, b"x\n", target=place.path, source="in.dat", seconds=deadline)
    output = api.get("/utilities/ls", targetPath=place.path).expect(200).json["output"]
    looks = {one["name"]: (one["type"], one["user"], one["group"]) for one in output}
    if looks["in.dat"] != looks["own.dat"]:
        raise Unexpected(f"{looks['own.dat']} as of any file of the caller", str(looks["in.dat"]))


@requirement("F7T-XFER-013")
def test_only_the_last_component_of_the_source_counts(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    delivered(
        api, belongings, b"x\n", target=place.path, source="/some/where/in.dat", seconds=deadline
    )
    if place.names() != ["in.dat"]:
        raise Unexpected("in.dat", str(place.names()))


@requirement("F7T-XFER-014")
def test_the_task_shows_the_end(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = delivered(api, belongings, b"x\n", target=place.path, source="a", seconds=deadline)
    data = task["data"]
    if (data["msg"] if isinstance(data, dict) else data) != FINISHED:
        raise Unexpected(f"the text {FINISHED!r} as data or data.msg", str(data))


@requirement("F7T-XFER-015")
def test_the_listing_shows_both_ends(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = delivered(api, belongings, b"x\n", target=place.path, source="a", seconds=deadline)
    data = listed(api, task["hash_id"])["data"]
    wanted = {"source": "a", "target": place / "a", "system_name": api.system, "msg": FINISHED}
    got = {name: data.get(name) for name in wanted} if isinstance(data, dict) else data
    if got != wanted:
        raise Unexpected(f"data with {wanted}", str(got))


@requirement("F7T-XFER-016")
def test_the_first_system_is_the_default(
    api: Api, belongings: Belongings, detected: Detected, deadline: float
) -> None:
    answer = api.call(
        "POST",
        "/storage/xfer-external/upload",
        form={"sourcePath": "in.dat", "targetPath": "."},
        headers={"X-Machine-Name": None},
    )
    task_id = created(answer, 201)
    belongings.own_transfer(task_id)
    task = reached(api, task_id, "111", seconds=deadline)
    first = detected.capabilities.systems[0]
    if task["system"] != first:
        raise Unexpected(f"system {first}", str(task["system"]))


@requirement("F7T-XFER-017")
def test_unusual_names_arrive(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    name = "α b+c%20#[1].dat"
    delivered(api, belongings, b"x\n", target=place.path, source=name, seconds=deadline)
    if place.names() != [name]:
        raise Unexpected(repr(name), repr(place.names()))


@requirement("F7T-XFER-018")
def test_every_upload_has_an_object_of_its_own(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    first = asked_upload(api, belongings, source="in.dat", target=place.path)
    again = asked_upload(api, belongings, source="in.dat", target=place.path)
    keys = {
        str(reached(api, one, "111", seconds=deadline)["data"]["msg"]["command"])
        for one in (first, again)
    }
    if len(keys) != 2:
        raise Unexpected("two forms", "the same form twice")


@requirement("F7T-XFER-122")
def test_a_failed_fetch_says_why(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    closed = place.directory("closed")
    task = offered(api, belongings, source="in.dat", target=closed, seconds=deadline)
    api.put("/utilities/chmod", targetPath=closed, mode="500").expect(200)
    try:
        posted(api, task, b"content\n").expect(204)
        failed = reached(api, task["hash_id"], "115", "400", seconds=deadline)
    finally:
        api.put("/utilities/chmod", targetPath=closed, mode="700").expect(200)
    data = listed(api, failed["hash_id"])["data"]
    if not isinstance(data, dict) or not (data.get("error") or data.get("msg")):
        raise Unexpected("an object with the reason as `msg` or `error`", repr(data))
