"""X1: uploads that are refused before anything is staged."""

from __future__ import annotations

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place
from f7t_conformance.binding import requirement
from f7t_conformance.staging import asked_upload

UPLOAD = "/storage/xfer-external/upload"
VERDICTS = ((None, "not specified"), ("", "is empty"), ("a;b", "has invalid char"))
REFUSED = {
    "description": "Failed to upload file",
    "error": "'targetPath' directory not allowed",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("targetPath", marks=requirement("F7T-XFER-041")),
        pytest.param("sourcePath", marks=requirement("F7T-XFER-042")),
    ],
)
def test_paths_are_validated(api: Api, place: Place, name: str) -> None:
    for value, verdict in VERDICTS:
        form = {"targetPath": place.path, "sourcePath": "in.dat", name: value}
        api.call("POST", UPLOAD, form=form).expect(
            400, description="Failed to upload file", error=f"'{name}' {verdict}"
        )


@requirement("F7T-XFER-043")
def test_a_missing_directory_is_an_invalid_path(api: Api, place: Place) -> None:
    answer = api.post(UPLOAD, targetPath=place / "missing/name", sourcePath="in.dat")
    answer.expect(400, header="X-Invalid-Path", **REFUSED)
    if not (answer.header("X-Invalid-Path") or "").endswith(" is an invalid path."):
        raise Unexpected("X-Invalid-Path: <path> is an invalid path.", str(answer.headers))


@requirement("F7T-XFER-044")
def test_a_read_only_directory_is_denied(api: Api, place: Place) -> None:
    shut = place.directory("shut")
    api.put("/utilities/chmod", targetPath=shut, mode="555").expect(200)
    api.post(UPLOAD, targetPath=shut, sourcePath="in.dat").expect(
        400,
        header="X-Permission-Denied",
        value="User does not have permissions to access machine or path",
        **REFUSED,
    )


@requirement("F7T-XFER-045")
def test_a_file_is_no_directory(api: Api, place: Place) -> None:
    file = place.write("file")
    answer = api.post(UPLOAD, targetPath=f"{file}/name", sourcePath="in.dat")
    answer.expect(400, header="X-Not-A-Directory", **REFUSED)
    if not (answer.header("X-Not-A-Directory") or "").endswith(" is not a directory"):
        raise Unexpected("X-Not-A-Directory: <path> is not a directory", str(answer.headers))


@requirement("F7T-XFER-046")
def test_an_unknown_machine_is_refused(api: Api, place: Place) -> None:
    answer = api.call(
        "POST",
        UPLOAD,
        form={"targetPath": place.path, "sourcePath": "in.dat"},
        headers={"X-Machine-Name": "f7t-no-such-system"},
    )
    answer.expect(
        400,
        header="X-Machine-Does-Not-Exists",
        value="Machine does not exists",
        error="Machine does not exists",
    )


@requirement("F7T-XFER-047")
def test_no_probe_is_left_behind(api: Api, place: Place, belongings: Belongings) -> None:
    asked_upload(api, belongings, source="in.dat", target=place.path)
    api.post(UPLOAD, targetPath=place / "missing/name", sourcePath="in.dat").expect(400)
    if place.names():
        raise Unexpected("an empty directory", str(place.names()))
