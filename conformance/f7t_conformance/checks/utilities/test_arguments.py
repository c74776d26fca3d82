"""U1 to U19: a path that is not given."""

from __future__ import annotations

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement

PATH = "/f7t-absent"
Call = tuple[str, str, dict[str, str], str]
"""Method, operation, what is given, what is missing."""

OLDEST: list[Call] = [
    ("GET", "ls", {}, "targetPath"),
    ("POST", "mkdir", {}, "targetPath"),
    ("PUT", "rename", {"targetPath": PATH}, "sourcePath"),
    ("PUT", "rename", {"sourcePath": PATH}, "targetPath"),
    ("PUT", "chmod", {"mode": "600"}, "targetPath"),
    ("PUT", "chown", {"owner": "0"}, "targetPath"),
    ("POST", "copy", {"targetPath": PATH}, "sourcePath"),
    ("POST", "copy", {"sourcePath": PATH}, "targetPath"),
    ("GET", "file", {}, "targetPath"),
    ("POST", "symlink", {"linkPath": PATH}, "targetPath"),
    ("GET", "download", {}, "sourcePath"),
    ("DELETE", "rm", {}, "targetPath"),
]
READING: list[Call] = [
    ("GET", "stat", {}, "sourcePath"),
    ("GET", "checksum", {}, "targetPath"),
    ("GET", "view", {}, "sourcePath"),
    ("GET", "head", {}, "targetPath"),
    ("GET", "tail", {}, "targetPath"),
]
ARCHIVES: list[Call] = [
    ("POST", "compress", {"targetPath": PATH}, "sourcePath"),
    ("POST", "compress", {"sourcePath": PATH}, "targetPath"),
    ("POST", "extract", {"targetPath": PATH}, "sourcePath"),
    ("POST", "extract", {"sourcePath": PATH + ".tar"}, "targetPath"),
]


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param(OLDEST, marks=requirement("F7T-UTIL-261"), id="oldest"),
        pytest.param(READING, marks=requirement("F7T-UTIL-262"), id="reading"),
        pytest.param(ARCHIVES, marks=requirement("F7T-UTIL-263"), id="archives"),
    ],
)
def test_missing_path(api: Api, calls: list[Call]) -> None:
    for method, operation, given, missing in calls:
        query, form = (given, None) if method == "GET" else (None, given)
        answer = api.call(method, f"/utilities/{operation}", query=query, form=form)
        answer.expect(400, error=f"'{missing}' not specified")
        for header in ("X-Invalid-Path", "X-Not-Found", "X-Error"):
            if answer.header(header) is not None:
                raise Unexpected(f"no {header}", f"{header}: {answer.header(header)}")


@requirement("F7T-UTIL-264")
def test_upload_without_a_directory(api: Api) -> None:
    files = {"file": ("file", b"content\n")}
    for given, verdict in ((None, "not specified"), ("", "is empty")):
        form = {"targetPath": given}
        answer = api.call("POST", "/utilities/upload", form=form, files=files)
        error = f"'targetPath' {verdict}"
        answer.expect(400, description="Error on upload operation", error=error)
