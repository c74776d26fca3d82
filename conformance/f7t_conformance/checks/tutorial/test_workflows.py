"""The tutorial's six workflows, from end to end, as its reader walks them."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, created
from f7t_conformance.binding import requirement
from f7t_conformance.staging import Printed, link_of, reached
from f7t_conformance.waiting import finished
from f7t_conformance.walk import Walk

SMALL = b"a small input\n"
BIG = random.Random(66).randbytes(5_500_000)


def summed(walk: Walk, path: str, content: bytes) -> str:
    """Run the tutorial's job on a file; the result's path, whose content must be right."""
    answer = walk.submit(f"sha1sum {path}", output="res.txt")
    task = walk.accepted(answer)
    job = str(task["data"]["jobid"])
    walk.settled(walk.api.get("/compute/jobs"))
    finished(walk.api, job, seconds=walk.seconds)
    walk.accounted(job)
    result = f"{walk.directory(task)}/res.txt"
    wanted = f"{hashlib.sha1(content).hexdigest()}  {path}\n".encode()
    if walk.read(result) != wanted:
        raise Unexpected(repr(wanted), repr(walk.read(result)))
    return result


@requirement("F7T-TUT-061")
def test_credentials(api: Api, anonymous: Api) -> None:
    anonymous.get("/status/systems").expect(401)
    unreplaced = {"Authorization": "Bearer <token>"}
    api.call("GET", "/status/systems", headers=unreplaced).expect(
        401, message="Bad token; invalid JSON"
    )
    nameless = api.call("GET", "/status/systems", headers={"X-Machine-Name": None})
    nameless.expect(200, description="List of systems with status and description.")


@requirement("F7T-TUT-062")
def test_systems_and_files(api: Api, place: Place) -> None:
    listing = api.get("/status/systems").expect(200).json["out"]
    ready = [one["system"] for one in listing if one["status"] == "available"]
    if api.system not in ready:
        raise Unexpected(f"{api.system} among the available systems", str(listing))
    place.write("test_file.txt")
    answer = api.get("/utilities/ls", targetPath=place.path).expect(200)
    if [one["name"] for one in answer.json["output"]] != ["test_file.txt"]:
        raise Unexpected("test_file.txt", answer.excerpt)
    api.get("/utilities/ls", targetPath=place / "test23").expect(400, header="X-Invalid-Path")


@requirement("F7T-TUT-063")
def test_input_data(api: Api, place: Place, walk: Walk) -> None:
    form, files = {"targetPath": place.path}, {"file": ("input_file", SMALL)}
    api.call("POST", "/utilities/upload", form=form, files=files).expect(200, 201)
    size = walk.entry(place / "input_file")["size"]
    if size != str(len(SMALL)):
        raise Unexpected(f"{len(SMALL)} bytes", f"{size} bytes")


@requirement("F7T-TUT-064")
def test_simulation(place: Place, walk: Walk) -> None:
    summed(walk, place.write("input_file", SMALL), SMALL)


@requirement("F7T-TUT-065")
def test_bigger_input(
    api: Api, place: Place, belongings: Belongings, walk: Walk, tmp_path: Path
) -> None:
    (tmp_path / "input_file").write_bytes(BIG)
    answer = walk.form(
        "/storage/xfer-external/upload",
        nameless=True,
        targetPath=place.path,
        sourcePath="input_file",
    )
    task_id = created(answer)
    belongings.own_transfer(task_id)
    task = reached(api, task_id, "111", seconds=walk.seconds)
    printed = Printed.read(task["data"]["msg"]["command"], "input_file")
    printed.run(api, tmp_path, "input_file")[1].expect(204)
    reached(api, task_id, "114", seconds=walk.seconds)
    summed(walk, place / "input_file", BIG)


@requirement("F7T-TUT-066")
def test_result(api: Api, place: Place, belongings: Belongings, walk: Walk) -> None:
    path = place.write("input_file", SMALL)
    source = summed(walk, path, SMALL)
    answer = walk.form("/storage/xfer-external/download", nameless=True, sourcePath=source)
    task_id = created(answer)
    belongings.own_transfer(task_id)
    link = link_of(reached(api, task_id, "117", seconds=walk.seconds))
    got = api.outside("GET", link).expect(200).text.split()
    if got != [hashlib.sha1(SMALL).hexdigest(), path]:
        raise Unexpected("the sum of the local file", str(got))
