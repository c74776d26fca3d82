"""§3.2: what is said of a text that is absent, empty or has a forbidden character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Place
from f7t_conformance.binding import requirement
from f7t_conformance.reasons import without_reason

_ABSENT = "/f7t-conformance-absent"
_VERDICTS = {None: "not specified", "": "is empty", "/a;b": "has invalid char"}
_FORBIDDEN = [*"<>|;\"'&\\()`", *map(chr, range(32))]
_ALLOWED = "a $*?~!#%^=+,:@[]{}\x7fé漢"


@dataclass(frozen=True)
class Text:
    """One parameter that is validated.

    Attributes:
        method, path: of the operation.
        name: of the parameter.
        description: of the refusal; empty where history left several.
        others: further parameters, in order.
        error: the refusal with `{}` for the verdict.
        optional: whether its absence is fine.
    """

    method: str
    path: str
    name: str
    description: str = ""
    others: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    optional: bool = False

    def call(self, api: Api, value: str | None) -> Answer:
        given = {self.name: value, **self.others}
        if self.method == "GET":
            return api.call("GET", self.path, query=given)
        return api.call(self.method, self.path, form=given)


def _utilities(method: str, operation: str, name: str = "targetPath", **others: str) -> Text:
    described = "" if operation == "ls" else f"Error on {operation} operation"
    return Text(method, f"/utilities/{operation}", name, described, others)


def _internal(operation: str, name: str, other: str = "") -> Text:
    path = f"/storage/xfer-internal/{operation}"
    others = {other: _ABSENT} if other else {}
    return Text("POST", path, name, f"Error on {operation} operation", others)


def _both(method: str, operation: str) -> list[Text]:
    return [
        _utilities(method, operation, "sourcePath", targetPath=_ABSENT),
        _utilities(method, operation, "targetPath", sourcePath=_ABSENT),
    ]


_READS = [_utilities("GET", one) for one in ("ls", "file", "checksum", "head", "tail")]
_CHANGES = [
    _utilities("POST", "mkdir"),
    _utilities("DELETE", "rm"),
    _utilities("PUT", "chmod", mode="600"),
    _utilities("PUT", "chmod", "mode", targetPath=_ABSENT),
    _utilities("PUT", "chown", group="nogroup"),
]
_TWO_PATHS = [
    *_both("PUT", "rename"),
    *_both("POST", "copy"),
    *_both("POST", "compress"),
    *_both("POST", "extract"),
]
_LINKS = [
    _utilities("POST", "symlink", "targetPath", linkPath=_ABSENT),
    Text(
        "POST",
        "/utilities/symlink",
        "linkPath",
        "Failed to create symlink",
        {"targetPath": _ABSENT},
        "'linkPath' value {}",
    ),
]
_SCRIPTS = [
    Text("POST", "/compute/jobs/path", "targetPath", "Failed to submit job"),
    Text(
        "POST",
        "/compute/jobs/path",
        "account",
        "Invalid account",
        {"targetPath": _ABSENT},
        optional=True,
    ),
]
_ACCOUNTING = [
    Text(
        "GET",
        "/compute/acct",
        "jobs",
        "Failed to retrieve account information",
        optional=True,
    )
]
_EXTERNAL = [
    Text(
        "POST",
        "/storage/xfer-external/upload",
        "targetPath",
        "Failed to upload file",
        {"sourcePath": "file"},
    ),
    Text(
        "POST",
        "/storage/xfer-external/upload",
        "sourcePath",
        "Failed to upload file",
        {"targetPath": _ABSENT},
    ),
    Text("POST", "/storage/xfer-external/download", "sourcePath", "Failed to download file"),
]
_INTERNAL = [
    *(_internal(one, "targetPath", "sourcePath") for one in ("cp", "mv", "rsync")),
    *(_internal(one, "sourcePath", "targetPath") for one in ("cp", "mv", "rsync")),
    _internal("rm", "targetPath"),
]
_TASKS = [
    Text("GET", "/tasks", "tasks", "Failed to retrieve tasks information", optional=True),
]
_TABLE = {
    "F7T-ERR-031": _READS,
    "F7T-ERR-033": _CHANGES,
    "F7T-ERR-034": _TWO_PATHS,
    "F7T-ERR-035": _LINKS,
    "F7T-ERR-036": _SCRIPTS,
    "F7T-ERR-037": _ACCOUNTING,
    "F7T-ERR-038": _EXTERNAL,
    "F7T-ERR-039": _INTERNAL,
    "F7T-ERR-040": _TASKS,
}


@pytest.mark.parametrize(
    "texts",
    [pytest.param(texts, marks=requirement(one), id=one) for one, texts in _TABLE.items()],
)
def test_verdicts(api: Api, texts: Sequence[Text]) -> None:
    for text in texts:
        for value, verdict in _VERDICTS.items():
            if text.optional and (value is None or (text.path == "/tasks" and not value)):
                continue
            _refused(text, text.call(api, value), verdict)


def _refused(text: Text, answer: Answer, verdict: str) -> None:
    error = text.error.format(verdict) if text.error else f"'{text.name}' {verdict}"
    described = {"description": text.description} if text.description else {}
    try:
        without_reason(answer.expect(400, error=error, **described))
    except Unexpected as unexpected:
        where = f"{text.method} {text.path}: {unexpected.expected}"
        raise Unexpected(where, unexpected.got) from None


@requirement("F7T-ERR-032")
def test_either_path(api: Api) -> None:
    for operation in ("stat", "view", "download"):
        path = f"/utilities/{operation}"
        for name in ("sourcePath", "targetPath"):
            answer = api.call("GET", path, query={name: "/a;b"}).expect(400)
            if operation == "download" and name == "targetPath":
                continue
            answer.expect(400, error=f"'{name}' has invalid char")
        answer = api.get(path).expect(400, error="'sourcePath' not specified")
        without_reason(answer)


@requirement("F7T-ERR-041")
def test_name_of_an_uploaded_file(api: Api, place: Place) -> None:
    form = {"targetPath": place.path}
    files = {"file": ("a;b", b"content")}
    answer = api.call("POST", "/utilities/upload", form=form, files=files)
    answer.expect(400, description="Failed to upload file", error="Filename has invalid char")
    if place.names():
        raise Unexpected("no file", str(place.names()))


@requirement("F7T-ERR-042")
def test_every_forbidden_character(api: Api) -> None:
    for character in _FORBIDDEN:
        answer = api.get("/utilities/file", targetPath=f"{_ABSENT}/a{character}b")
        answer.expect(400, error="'targetPath' has invalid char")
        without_reason(answer)


@requirement("F7T-ERR-043")
def test_allowed_characters(api: Api, place: Place) -> None:
    api.post("/utilities/mkdir", targetPath=place / _ALLOWED).expect(201)
    if place.names() != [_ALLOWED]:
        raise Unexpected(f"a directory {_ALLOWED!r}", str(place.names()))


@requirement("F7T-ERR-044")
def test_job_ids(api: Api) -> None:
    said = "Failed to retrieve job information"
    api.get("/compute/jobs", jobs="1,,2").expect(
        400, error="Jobs list wrong format", description=said
    )
    for bad in ("-1", "abc", "1.5"):
        error = f"{bad} is not a valid job ID"
        api.get("/compute/jobs", jobs=bad).expect(400, error=error, description=said)
        api.get(f"/compute/jobs/{quote(bad)}").expect(400, error=error, description=said)
