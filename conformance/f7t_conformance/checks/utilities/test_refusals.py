"""U1 to U19: what the system refuses is a 400 with the header that names the reason."""

from __future__ import annotations

from typing import Any

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.checks.utilities.looking import things

DENIED = "X-Permission-Denied"
ABSENT = "X-Invalid-Path"
UNKNOWN = "X-Not-Found"
EXISTS = "X-Exists"
NO_DIRECTORY = "X-Not-A-Directory"
DIRECTORY = "X-A-Directory"
OTHER = "X-Error"


def _row(number: str, method: str, operation: str, header: str, **fields: str) -> Any:  # noqa: ANN401
    name = f"F7T-UTIL-{number}"
    return pytest.param(method, operation, header, fields, marks=requirement(name), id=name)


def _one(number: str, operation: str, header: str, path: str, **fields: str) -> Any:  # noqa: ANN401
    """A GET of one path."""
    return _row(number, "GET", operation, header, targetPath=path, **fields)


def _two(number: str, method: str, operation: str, header: str, source: str, target: str) -> Any:  # noqa: ANN401
    return _row(number, method, operation, header, sourcePath=source, targetPath=target)


ROWS = [
    _one("025", "ls", ABSENT, "{absent}"),
    _one("026", "ls", DENIED, "{closed}"),
    _row("036", "POST", "mkdir", ABSENT, targetPath="{absent}/new"),
    _row("037", "POST", "mkdir", DENIED, targetPath="{closed}/new"),
    _row("038", "POST", "mkdir", NO_DIRECTORY, targetPath="{file}/new"),
    _two("044", "PUT", "rename", UNKNOWN, "{absent}", "{place}/new"),
    _two("045", "PUT", "rename", ABSENT, "{file}", "{absent}/new"),
    _two("046", "PUT", "rename", DENIED, "{file}", "{closed}/new"),
    _row("055", "PUT", "chmod", "X-Invalid-Mode", targetPath="{file}", mode="999"),
    _row("056", "PUT", "chmod", ABSENT, targetPath="{absent}", mode="600"),
    _row("063", "PUT", "chown", "X-Invalid-Group", targetPath="{file}", group="f7t-no-group"),
    _row("064", "PUT", "chown", "X-Invalid-Owner", targetPath="{file}", owner="f7t-no-user"),
    _row("065", "PUT", "chown", DENIED, targetPath="{file}", owner="0"),
    _row("066", "PUT", "chown", ABSENT, targetPath="{absent}", owner="0"),
    _two("076", "POST", "copy", UNKNOWN, "{absent}", "{place}/new"),
    _two("077", "POST", "copy", ABSENT, "{file}", "{absent}/new"),
    _two("078", "POST", "copy", DENIED, "{dark}", "{place}/new"),
    _two("079", "POST", "copy", DENIED, "{file}", "{closed}/new"),
    _one("083", "file", ABSENT, "{absent}"),
    _one("084", "file", DENIED, "{dark}"),
    _one("097", "stat", UNKNOWN, "{absent}"),
    _one("098", "stat", NO_DIRECTORY, "{file}/below"),
    _one("099", "stat", DENIED, "{closed}/below"),
    _row("103", "POST", "symlink", EXISTS, targetPath="{sub}", linkPath="{file}"),
    _row("104", "POST", "symlink", ABSENT, targetPath="{file}", linkPath="{absent}/new"),
    _row("105", "POST", "symlink", DENIED, targetPath="{file}", linkPath="{closed}/new"),
    _row("132", "GET", "download", DIRECTORY, sourcePath="{sub}"),
    _row("133", "GET", "download", UNKNOWN, sourcePath="{absent}"),
    _row("134", "GET", "download", DENIED, sourcePath="{dark}"),
    _row("144", "DELETE", "rm", ABSENT, targetPath="{absent}"),
    _row("145", "DELETE", "rm", DENIED, targetPath="{closed}/below"),
    _one("152", "checksum", DIRECTORY, "{sub}"),
    _one("153", "checksum", ABSENT, "{absent}"),
    _one("154", "checksum", DENIED, "{dark}"),
    _one("164", "view", OTHER, "{binary}"),
    _one("165", "view", DIRECTORY, "{sub}"),
    _one("166", "view", UNKNOWN, "{absent}"),
    _one("167", "view", DENIED, "{dark}"),
    _one("190", "head", ABSENT, "{absent}"),
    _one("191", "tail", ABSENT, "{absent}"),
    _one("192", "head", DENIED, "{dark}"),
    _one("193", "tail", DENIED, "{dark}"),
    _one("194", "head", OTHER, "{binary}"),
    _one("195", "tail", OTHER, "{binary}"),
    _one("196", "head", OTHER, "{file}", lines="many"),
    _one("197", "tail", OTHER, "{file}", bytes="many"),
    _one("198", "head", DIRECTORY, "{sub}"),
    _one("199", "tail", DIRECTORY, "{sub}"),
    _two("215", "POST", "compress", ABSENT, "{absent}", "{place}/new.tar.gz"),
    _two("216", "POST", "compress", ABSENT, "{file}", "{absent}/new.tar.gz"),
    _two("217", "POST", "compress", DENIED, "{file}", "{closed}/new.tar.gz"),
    _two("232", "POST", "extract", ABSENT, "{absent}.tar", "{sub}"),
    _two("233", "POST", "extract", ABSENT, "{archive}", "{absent}"),
]


@pytest.mark.parametrize(("method", "operation", "header", "fields"), ROWS)
def test_refusal(
    api: Api, place: Place, method: str, operation: str, header: str, fields: dict[str, str]
) -> None:
    with things(place) as made:
        sent = {name: text.format_map(made) for name, text in fields.items()}
        before = place.names()
        query, form = (sent, None) if method == "GET" else (None, sent)
        answer = api.call(method, f"/utilities/{operation}", query=query, form=form)
        answer.expect(400, header=header)
        if not isinstance(answer.json, dict) or not answer.json.get("error"):
            raise Unexpected("a body with the reason as error", answer.excerpt)
        if place.names() != before:
            raise Unexpected(f"{before} as before", f"{place.names()}")


@pytest.mark.parametrize(
    ("header", "directory"),
    [
        pytest.param("X-Invalid-Path", "{absent}", marks=requirement("F7T-UTIL-118")),
        pytest.param("X-Permission-Denied", "{closed}", marks=requirement("F7T-UTIL-119")),
        pytest.param("X-Not-A-Directory", "{file}", marks=requirement("F7T-UTIL-120")),
    ],
)
def test_refused_upload(api: Api, place: Place, header: str, directory: str) -> None:
    with things(place) as made:
        form = {"targetPath": directory.format_map(made)}
        files = {"file": ("new", b"content\n")}
        answer = api.call("POST", "/utilities/upload", form=form, files=files)
        answer.expect(400, header=header)
        names = place.names()
        if "new" in names or "absent" in names:
            raise Unexpected("no file", f"{names}")


@requirement("F7T-UTIL-057")
def test_modes_of_others_cannot_be_changed(api: Api) -> None:
    """The root directory is given the mode that it has, so nothing happens even if it may."""
    mode = api.get("/utilities/stat", targetPath="/").expect(200).json["output"]["mode"]
    answer = api.put("/utilities/chmod", targetPath="/", mode=f"{mode & 0o7777:04o}")
    answer.expect(400, header=DENIED)
