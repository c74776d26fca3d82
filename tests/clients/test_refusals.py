"""What the clients make of each failure: class, status, error headers, words (contract §5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.runs import CLIENTS, KINDS

RUNS = CLIENTS

Expected = tuple[str, int, tuple[str, ...], str]
"""Class of the exception, status of the last answer, error headers, a part of its text."""

HEADER, PLAIN, NOT_FOUND = "HeaderException", "FirecrestException", "NotFound"
OF_THE_ISSUER = {"bad secret"}
"""Answered by the identity provider, whose own headers are not the contract's."""


def invalid_path(text: str) -> Expected:
    return HEADER, 400, ("X-Invalid-Path",), text


def not_found(text: str) -> Expected:
    return HEADER, 400, ("X-Not-Found",), text


def denied(text: str) -> Expected:
    return HEADER, 400, ("X-Permission-Denied",), text


def directory(text: str) -> Expected:
    return HEADER, 400, ("X-A-Directory",), text


def no_directory(text: str) -> Expected:
    return HEADER, 400, ("X-Not-A-Directory",), text


def plain(text: str, *headers: str, status: int = 400) -> Expected:
    """A header that the client does not know as one of errors changes no class."""
    return PLAIN, status, headers, text


BOTH = ("X-Machine-Does-Not-Exist", "X-Machine-Does-Not-Exists")
SOURCE = "sourcePath not found"
PATH = "path is an invalid path"
PATHS = "sourcePath and/or targetPath are invalid paths"
NO_ACCESS = "User does not have permissions to access path"
NO_ACCESS_AT_ALL = "User does not have permissions to access machine or path"
NO_MACHINE: Expected = (HEADER, 400, BOTH, "Machine does not exist")
ONE_NO_MACHINE: Expected = (HEADER, 400, BOTH[:1], "Machine does not exist")

ABSENT = {
    "ls: absent": invalid_path("/absent is an invalid path"),
    "file: absent": invalid_path(PATH),
    "stat: absent": not_found(SOURCE),
    "checksum: absent": invalid_path(PATH),
    "head: absent": invalid_path(PATH),
    "tail: absent": invalid_path(PATH),
    "view: absent": not_found(SOURCE),
    "download: absent": not_found(SOURCE),
    "chmod: absent": invalid_path(PATH),
    "chown: absent": invalid_path(PATH),
    "rm: absent": invalid_path(f"{PATH}."),
    "mkdir: no parent": invalid_path(PATHS),
    "symlink: no parent": invalid_path(PATHS),
    "mv: absent": not_found(SOURCE),
    "mv: no parent": invalid_path(PATHS),
    "copy: absent": not_found(SOURCE),
    "copy: no parent": invalid_path(PATHS),
    "upload: absent": invalid_path(PATH),
    "compress: absent": invalid_path(PATH),
    "extract: absent": invalid_path(PATH),
    "submit: absent": invalid_path("/absent is an invalid path."),
    "external upload: absent": invalid_path("/absent is an invalid path."),
    "external download: absent": invalid_path("/absent is an invalid path."),
}
DENIED = {
    "ls: denied": denied(NO_ACCESS_AT_ALL),
    **{
        f"{name}: denied": denied(NO_ACCESS)
        for name in (
            *("file", "stat", "checksum", "head", "tail", "view", "download", "chmod", "chown"),
            *("rm", "mkdir", "symlink", "mv", "copy", "upload"),
        )
    },
    "submit: denied": denied(NO_ACCESS_AT_ALL),
    "external upload: denied": denied(NO_ACCESS_AT_ALL),
    "external download: denied": denied(NO_ACCESS_AT_ALL),
}
KINDS_OF_THINGS = {
    "mkdir: exists": plain("File exists", "X-Exists"),
    "symlink: exists": plain("File exists", "X-Exists"),
    "stat: below a file": no_directory("is not a directory"),
    "upload: to a file": no_directory("is not a directory"),
    "external upload: below a file": no_directory("is not a directory"),
    "checksum: directory": directory("path is a directory, can't checksum directories"),
    "download: directory": directory("is a directory"),
    "view: directory": directory("is a directory"),
    "submit: directory": directory("is a directory"),
    "external download: directory": directory("is a directory"),
    "view: binary": (HEADER, 400, ("X-Error",), ""),
    "view: large": plain("Failed to view file content", "X-Size-Limit"),
    "download: large": plain("Failed to download file", "X-Size-Limit"),
    "upload: large": plain("The file is over 5242880 bytes", status=413),
    "submit: large": plain("The file is over 5 MB", status=413),
    "head: both": plain("Can not specify both 'bytes' and 'lines'"),
    "tail: both": plain("Can not specify both 'bytes' and 'lines'"),
    "head: bad number": (HEADER, 400, ("X-Error",), "many"),
    "chmod: bad mode": plain("mode", "X-Invalid-Mode"),
    "chown: no such group": plain("group", "X-Invalid-Group"),
    "chown: no such user": plain("user", "X-Invalid-Owner"),
    "extract: bad suffix": plain("Unsupported file format in "),
    "mkdir: forbidden character": plain("'targetPath' has invalid char"),
    "upload: forbidden character": plain("Filename has invalid char"),
}
JOBS = {
    "submit: no script": plain("does not look like a batch script", status=200),
    "poll_active: bad id": plain("abc is not a valid job ID"),
    "poll_active: unknown": plain("Invalid job id", status=200),
    "cancel: unknown": plain("Invalid job id", status=200),
    "poll: bad time": plain("'starttime' is not a valid time"),
    "nodes: unknown": plain("nowhere", status=200),
    "cp: bad time": plain("Not supported time format"),
    "mv: bad name": plain("'jobName' has invalid char"),
    "rsync: bad account": plain("'account' has invalid char"),
    "rm: bad job": plain("Invalid stageOutJobId"),
    "compress job: no path": plain("'targetPath' is empty"),
    "extract job: bad suffix": plain("Unsupported file format in "),
}
MACHINES = {
    "ls: unknown machine": ONE_NO_MACHINE,
    "submit: unknown machine": NO_MACHINE,
    "nodes: unknown machine": NO_MACHINE,
    "cp: unknown machine": NO_MACHINE,
    "external upload: unknown machine": NO_MACHINE,
    "external download: unknown machine": NO_MACHINE,
    "reservations: unknown machine": ONE_NO_MACHINE,
    "system: unknown": (NOT_FOUND, 404, (), "System does not exists."),
    "service: unknown": (NOT_FOUND, 404, (), "Service does not exists"),
    "filesystems: unknown": (NOT_FOUND, 404, (), "System 'nowhere' doesn't exist"),
}
RESERVATIONS = {
    "create: bad name": plain("'reservation' parameter format is not valid"),
    "create: bad number": plain("It should be an integer > 0"),
    "create: too many": plain("available"),
    "create: bad type": plain("only f7t feature type are supported"),
    "create: past": plain("'starttime' is in the pass"),
    "create: backwards": plain("'endtime' occurs before 'starttime'"),
    "update: unknown": plain("You are not an owner of the nobodys reservation"),
    "delete: unknown": plain("You are not an owner of the nobodys reservation"),
}
EXPECTED: dict[str, Expected] = {
    **ABSENT,
    **DENIED,
    **KINDS_OF_THINGS,
    **JOBS,
    **MACHINES,
    **RESERVATIONS,
    "bad token": ("UnauthorizedException", 401, (), "Bad token"),
    "bad secret": ("ClientsCredentialsException", 401, (), "credentials"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", EXPECTED)
def test_refusals(told: Callable[[str], Any], kind: str, call: str) -> None:
    seen = told(kind)["seen"]["refusals"][call]
    assert seen, "it did not fail"
    headers = () if call in OF_THE_ISSUER else tuple(seen["headers"])
    *expected, text = EXPECTED[call]
    assert [seen["class"], seen["status"], headers] == expected, seen["text"]
    assert text in seen["text"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_was_tried(told: Callable[[str], Any], kind: str) -> None:
    assert told(kind)["seen"]["refusals"].keys() == EXPECTED.keys()
