"""X3: links and forms are withdrawn."""

from __future__ import annotations

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Belongings, Place
from f7t_conformance.binding import requirement
from f7t_conformance.staging import link_of, linked, listed, offered

DONE = {"success": "URL invalidated successfully"}


def invalidate(api: Api, task_id: str | None) -> Answer:
    """The request, without a machine's name."""
    return api.call(
        "POST",
        "/storage/xfer-external/invalidate",
        headers={"X-Task-Id": task_id, "X-Machine-Name": None},
    )


@requirement("F7T-XFER-076")
def test_the_header_is_required(api: Api) -> None:
    invalidate(api, None).expect(400, error="Header X-Task-Id missing")


@requirement("F7T-XFER-077")
def test_an_id_is_alphanumeric(api: Api) -> None:
    for wrong in ("a-b", "../a", "a;b"):
        invalidate(api, wrong).expect(400, error="Header X-Task-Id is not alphanumeric")


@requirement("F7T-XFER-078")
def test_an_unknown_id_is_invalid(api: Api) -> None:
    invalidate(api, "f" * 32).expect(400, error="Invalid X-Task-Id")


@requirement("F7T-XFER-079")
def test_a_foreign_id_is_invalid(
    api: Api, second: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = linked(api, belongings, place.write("out.dat"), seconds=deadline)
    invalidate(second, task["hash_id"]).expect(400, error="Invalid X-Task-Id")
    api.outside("GET", link_of(task)).expect(200)


@requirement("F7T-XFER-080")
def test_a_withdrawn_link_leads_nowhere(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = linked(api, belongings, place.write("out.dat"), seconds=deadline)
    api.outside("GET", link_of(task)).expect(200)
    invalidate(api, task["hash_id"]).expect(201, **DONE)
    api.outside("GET", link_of(task)).expect(404)


@requirement("F7T-XFER-081")
def test_the_task_is_no_longer_valid(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = linked(api, belongings, place.write("out.dat"), seconds=deadline)
    invalidate(api, task["hash_id"]).expect(201)
    one = api.get(f"/tasks/{task['hash_id']}").expect(200).json["task"]
    if (one["status"], one["data"]) != ("302", ""):
        raise Unexpected("status 302 with empty data", f"{one['status']} {one['data']}")


@requirement("F7T-XFER-082")
def test_the_listing_forgets_the_link(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = linked(api, belongings, place.write("out.dat"), seconds=deadline)
    invalidate(api, task["hash_id"]).expect(201)
    one = listed(api, task["hash_id"])
    if (one["status"], one["data"]) != ("302", ""):
        raise Unexpected("status 302 with empty data", f"{one['status']} {one['data']}")


@requirement("F7T-XFER-083")
def test_withdrawing_twice_is_no_mistake(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = linked(api, belongings, place.write("out.dat"), seconds=deadline)
    invalidate(api, task["hash_id"]).expect(201, **DONE)
    invalidate(api, task["hash_id"]).expect(201, **DONE)


@requirement("F7T-XFER-084")
def test_an_upload_is_withdrawn_before_its_file(
    api: Api, place: Place, belongings: Belongings, deadline: float
) -> None:
    task = offered(api, belongings, source="in.dat", target=place.path, seconds=deadline)
    invalidate(api, task["hash_id"]).expect(201, **DONE)
    one = api.get(f"/tasks/{task['hash_id']}").expect(200).json["task"]
    if one["status"] != "302":
        raise Unexpected("status 302", str(one["status"]))
