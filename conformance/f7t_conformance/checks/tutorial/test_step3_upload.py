"""Step 3: the blocking upload (T16 to T20)."""

from __future__ import annotations

import hashlib

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.walk import Walk

UPLOAD = "/utilities/upload"
INPUT = {"file": ("input_file", bytes(range(256)))}


@requirement("F7T-TUT-016")
def test_a_small_file_is_uploaded(api: Api, place: Place) -> None:
    answer = api.call("POST", UPLOAD, form={"targetPath": place.path}, files=INPUT)
    answer.expect(200, 201, description="File upload successful")


@requirement("F7T-TUT-017")
def test_the_file_is_whole_when_the_call_returns(api: Api, place: Place, walk: Walk) -> None:
    content = b"0123456789abcdef" * 65536
    files = {"file": ("input_file", content)}
    api.call("POST", UPLOAD, form={"targetPath": place.path}, files=files).expect(200, 201)
    got = walk.read(place / "input_file")
    if hashlib.sha1(got).digest() != hashlib.sha1(content).digest():
        raise Unexpected(f"{len(content)} bytes as sent", f"{len(got)} bytes")
    place.directory("own")
    owner = walk.entry(place / "own")["user"]
    if walk.entry(place / "input_file")["user"] != owner:
        raise Unexpected(f"owner {owner}", walk.entry(place / "input_file")["user"])


@requirement("F7T-TUT-018")
def test_a_missing_target_is_refused(api: Api, place: Place) -> None:
    form = {"targetPath": place / "missing"}
    api.call("POST", UPLOAD, form=form, files=INPUT).expect(400, header="X-Invalid-Path")
    if place.names():
        raise Unexpected("no file", str(place.names()))


@requirement("F7T-TUT-019")
def test_a_read_only_target_is_refused(api: Api, place: Place) -> None:
    shut = place.directory("shut")
    api.put("/utilities/chmod", targetPath=shut, mode="555").expect(200)
    form = {"targetPath": shut}
    api.call("POST", UPLOAD, form=form, files=INPUT).expect(400, header="X-Permission-Denied")
    if place.names("shut"):
        raise Unexpected("no file", str(place.names("shut")))


@requirement("F7T-TUT-020")
def test_a_bigger_file_is_refused(api: Api, place: Place) -> None:
    groups = api.get("/status/parameters").expect(200).json["out"]
    values = {one["name"]: one["value"] for one in groups["utilities"]}
    megabytes = float(values["UTILITIES_MAX_FILE_SIZE"])
    files = {"file": ("input_file", bytes(int((megabytes + 1) * 1024 * 1024)))}
    api.call("POST", UPLOAD, form={"targetPath": place.path}, files=files).expect(413)
    if place.names():
        raise Unexpected("no file", str(place.names()))
