"""§5, §6: the header that gives the reason, its exact capitalisation and its value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.reasons import reasons, without_reason

_DENIED = "User does not have permissions to access path"
_DENIED_MACHINE = "User does not have permissions to access machine or path"
_BOTH_PATHS = "sourcePath and/or targetPath are invalid paths"


def _matching(answer: Answer, header: str, pattern: str) -> None:
    """400 with a header whose whole value fits."""
    answer.expect(400, header=header)
    value = answer.header(header) or ""
    if not re.fullmatch(pattern, value):
        raise Unexpected(f"{header}: {pattern}", f"{header}: {value}")


@contextmanager
def _mode(place: Place, path: str, mode: str) -> Iterator[str]:
    """`path` with this mode; with 755 again afterwards, so that it can be removed."""
    place.api.put("/utilities/chmod", targetPath=path, mode=mode).expect(200)
    try:
        yield path
    finally:
        place.api.put("/utilities/chmod", targetPath=path, mode="755").expect(200)


@pytest.fixture
def unreadable(place: Place) -> Iterator[str]:
    with _mode(place, place.write("unreadable"), "000") as path:
        yield path


@requirement("F7T-ERR-052")
def test_unreadable_directory(api: Api, place: Place) -> None:
    with _mode(place, place.directory("closed"), "000") as path:
        answer = api.get("/utilities/ls", targetPath=path)
        answer.expect(400, header="X-Permission-Denied", value=_DENIED_MACHINE)


@requirement("F7T-ERR-053")
def test_unreadable_file(api: Api, unreadable: str) -> None:
    for operation in ("checksum", "head", "tail", "view", "file"):
        answer = api.get(f"/utilities/{operation}", targetPath=unreadable)
        answer.expect(400, header="X-Permission-Denied", value=_DENIED)
    answer = api.get("/utilities/download", sourcePath=unreadable)
    answer.expect(400, header="X-Permission-Denied", value=_DENIED)


@requirement("F7T-ERR-054")
def test_unwritable_directory(api: Api, place: Place) -> None:
    inside = place.directory("closed")
    kept = place.write("kept")
    with _mode(place, inside, "555"):
        for answer in (
            api.post("/utilities/mkdir", targetPath=f"{inside}/new"),
            api.post("/utilities/copy", sourcePath=kept, targetPath=f"{inside}/new"),
            api.put("/utilities/rename", sourcePath=kept, targetPath=f"{inside}/new"),
            api.post("/utilities/symlink", targetPath=kept, linkPath=f"{inside}/new"),
            api.call(
                "POST",
                "/utilities/upload",
                form={"targetPath": inside},
                files={"file": ("new", b"content")},
            ),
        ):
            answer.expect(400, header="X-Permission-Denied", value=_DENIED)


@requirement("F7T-ERR-055")
def test_missing_path_of_ls(api: Api, place: Place) -> None:
    path = place / "absent"
    answer = api.get("/utilities/ls", targetPath=path)
    answer.expect(400, header="X-Invalid-Path", value=f"{path} is an invalid path")


@requirement("F7T-ERR-056")
def test_missing_path(api: Api, place: Place) -> None:
    path, said = place / "absent", "path is an invalid path"
    for operation in ("file", "checksum", "head", "tail"):
        answer = api.get(f"/utilities/{operation}", targetPath=path)
        answer.expect(400, header="X-Invalid-Path", value=said)
    chmod = api.put("/utilities/chmod", targetPath=path, mode="600")
    chmod.expect(400, header="X-Invalid-Path", value=said)
    api.delete("/utilities/rm", targetPath=path).expect(
        400, header="X-Invalid-Path", value=f"{said}."
    )


@requirement("F7T-ERR-057")
def test_missing_parent(api: Api, place: Place) -> None:
    path, kept = place / "absent/new", place.write("kept")
    for answer in (
        api.post("/utilities/mkdir", targetPath=path),
        api.post("/utilities/copy", sourcePath=kept, targetPath=path),
        api.put("/utilities/rename", sourcePath=kept, targetPath=path),
    ):
        answer.expect(400, header="X-Invalid-Path", value=_BOTH_PATHS)


@requirement("F7T-ERR-058")
def test_missing_source(api: Api, place: Place) -> None:
    absent, said = place / "absent", "sourcePath not found"
    for answer in (
        api.get("/utilities/stat", targetPath=absent),
        api.get("/utilities/view", targetPath=absent),
        api.get("/utilities/download", sourcePath=absent),
        api.post("/utilities/copy", sourcePath=absent, targetPath=place / "new"),
        api.put("/utilities/rename", sourcePath=absent, targetPath=place / "new"),
    ):
        answer.expect(400, header="X-Not-Found", value=said)


@requirement("F7T-ERR-059")
def test_pattern_without_match(api: Api, place: Place) -> None:
    path = place.write("file")
    for operation in ("head", "tail"):
        answer = api.get(f"/utilities/{operation}", targetPath=path, grep="f7t-no-such-text")
        answer.expect(404, header="X-Not-Found", value="pattern not found")


@requirement("F7T-ERR-060")
def test_not_a_directory(api: Api, place: Place) -> None:
    path = place.write("file")
    pattern = rf"(targetPath|{re.escape(path)}(/below)?) is not a directory"
    files = {"file": ("below", b"content")}
    for answer in (
        api.post("/utilities/mkdir", targetPath=f"{path}/below"),
        api.get("/utilities/stat", targetPath=f"{path}/below"),
        api.call("POST", "/utilities/upload", form={"targetPath": path}, files=files),
    ):
        _matching(answer, "X-Not-A-Directory", pattern)


@requirement("F7T-ERR-061")
def test_a_directory(api: Api, place: Place) -> None:
    for answer in (
        api.get("/utilities/checksum", targetPath=place.path),
        api.get("/utilities/view", targetPath=place.path),
        api.get("/utilities/download", sourcePath=place.path),
    ):
        _matching(answer, "X-A-Directory", r".+ is a directory\b.*")


@requirement("F7T-ERR-062")
def test_exists(api: Api, place: Place) -> None:
    path = place.directory("there")
    for answer in (
        api.post("/utilities/mkdir", targetPath=path),
        api.post("/utilities/symlink", targetPath="/", linkPath=place.write("file")),
    ):
        answer.expect(400, header="X-Exists", value="targetPath already exists")
        if "File exists" not in answer.json["error"]:
            raise Unexpected("the tool's text File exists in error", answer.excerpt)


@requirement("F7T-ERR-063")
def test_invalid_mode_and_group(api: Api, place: Place) -> None:
    path = place.write("file")
    mode = api.put("/utilities/chmod", targetPath=path, mode="999")
    mode.expect(400, header="X-Invalid-Mode", value="mode is an invalid mode")
    group = api.put("/utilities/chown", targetPath=path, group="f7t-no-such-group")
    group.expect(400, header="X-Invalid-Group", value="group is an invalid group")


@requirement("F7T-ERR-064")
def test_invalid_owner(api: Api, place: Place) -> None:
    path = place.write("file")
    owner = api.put("/utilities/chown", targetPath=path, owner="f7t-no-such-user")
    owner.expect(400, header="X-Invalid-Owner", value="owner is an invalid user")


@requirement("F7T-ERR-065")
def test_unclassified(api: Api, place: Place) -> None:
    path = place.write("file")
    for query in ({"lines": "all"}, {"bytes": "much"}):
        asked = {"targetPath": path, **query}
        answer = api.call("GET", "/utilities/head", query=asked).expect(400, header="X-Error")
        if not answer.json.get("error"):
            raise Unexpected("the tool's message in error", answer.excerpt)


@requirement("F7T-ERR-066")
def test_script_on_the_machine(api: Api, place: Place, unreadable: str) -> None:
    absent = place / "absent"
    for path, header, value in (
        (absent, "X-Invalid-Path", f"{absent} is an invalid path."),
        (place.path, "X-A-Directory", f"{place.path} is a directory"),
        (unreadable, "X-Permission-Denied", _DENIED_MACHINE),
    ):
        answer = api.post("/compute/jobs/path", targetPath=path)
        answer.expect(400, header=header, value=value, description="Failed to submit job")


@requirement("F7T-ERR-067")
def test_one_reason(api: Api, place: Place) -> None:
    path = place.write("file")
    for answer in (
        api.get("/utilities/ls", targetPath=place / "absent"),
        api.get("/utilities/checksum", targetPath=place.path),
        api.post("/utilities/mkdir", targetPath=place.path),
        api.get("/utilities/stat", targetPath=f"{path}/below"),
    ):
        if len(reasons(answer.expect(400))) != 1:
            raise Unexpected("exactly one reason header", str(reasons(answer)))
    without_reason(api.get("/utilities/ls", targetPath=place.path).expect(200))


@requirement("F7T-ERR-068")
def test_names_beyond_latin(api: Api, place: Place) -> None:
    for name in ("né", "漢字", "a\u2028b", "a\x85b"):
        path = place / name
        api.get("/utilities/ls", targetPath=path).expect(400, header="X-Invalid-Path")
        api.get("/utilities/stat", targetPath=path).expect(400, header="X-Not-Found")


@requirement("F7T-ERR-069")
def test_names_are_no_messages(api: Api, place: Place) -> None:
    for name in ("cannot open", "No such file", "Permission denied", "no read permission"):
        place.write(name, f"{name}\n".encode())
        api.get("/utilities/head", targetPath=place / name).expect(200, output=f"{name}\n")
        api.get("/utilities/ls", targetPath=place / name).expect(200)
    answer = api.post("/utilities/mkdir", targetPath=place / "cannot open")
    answer.expect(400, header="X-Exists")


@requirement("F7T-ERR-070")
def test_envelopes(api: Api, place: Place) -> None:
    path = place.write("file")
    for good, status in (
        (api.post("/utilities/mkdir", targetPath=place / "made"), 201),
        (api.post("/utilities/copy", sourcePath=path, targetPath=place / "copy"), 201),
        (api.put("/utilities/chmod", targetPath=path, mode="600"), 200),
        (api.get("/utilities/file", targetPath=path), 200),
    ):
        if not {"description", "output"} <= good.expect(status).json.keys():
            raise Unexpected("the keys description and output", good.excerpt)
    for bad in (
        api.post("/utilities/mkdir", targetPath=place / "made"),
        api.get("/utilities/file", targetPath=place / "absent"),
        api.get("/utilities/head", targetPath=path, lines="all"),
    ):
        if not {"description", "error"} <= bad.expect(400).json.keys():
            raise Unexpected("the keys description and error", bad.excerpt)
