"""Faults of what changes and moves files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.types import ASGIApp

from f7t.errors import AlreadyExists, CommandFailed
from f7t.services.utilities import changing
from f7t.ssh.changes import FileChanges
from f7t.ssh.files import RemoteFiles
from tests.conformance.mutants.altering import Asked, Reply, answering, asking
from tests.conformance.mutants.model import Layer, Mutant, patching


def _content(change: Callable[[bytes], bytes]) -> Layer:
    def answer(asked: Asked, reply: Reply) -> Reply:
        return reply.with_body(change(reply.body)) if reply.status == 200 else reply

    return answering("GET", "/utilities/download", answer)


def _turning(method: str, operation: str, header: str, status: int) -> Layer:
    """A failure that is answered as if it were none."""

    def answer(asked: Asked, reply: Reply) -> Reply:
        if not reply.header(header):
            return reply
        if status == 204:
            return replace(reply.without(header, "Content-Type"), status=204, body=b"")
        body = {"description": f"Success to {operation} file.", "output": ""}
        return replace(reply.without(header).with_json(body), status=status)

    return answering(method, f"/utilities/{operation}", answer)


def _swapped(asked: Asked) -> Asked:
    return asked.with_form(
        lambda form: {
            **form,
            "targetPath": form.get("linkPath", ""),
            "linkPath": form.get("targetPath", ""),
        }
    )


def _with_body(asked: Asked, reply: Reply) -> Reply:
    if reply.status != 204:
        return reply
    body = {"description": "Success to delete file or directory.", "output": ""}
    return replace(reply.with_json(body), status=201)


_write = RemoteFiles.write


def _writing(change: Callable[[bytes], bytes]) -> Layer:
    """Uploads store other bytes than they were sent."""

    async def write(self: RemoteFiles, directory: str, name: str, chunks: Any) -> None:
        await _write(self, directory, name, change(chunks))

    return patching(RemoteFiles, "write", write)


def _no_empty_file(content: bytes) -> bytes:
    if not content:
        raise CommandFailed("File is empty")
    return content


async def _write_once(self: RemoteFiles, directory: str, name: str, chunks: Any) -> None:
    if await self._is_there(f"{directory}/{name}"):
        raise AlreadyExists("File exists", path=directory)
    await _write(self, directory, name, chunks)


async def _write_anywhere(self: RemoteFiles, directory: str, name: str, chunks: Any) -> None:
    above, _, last = f"{directory}/{name}".rpartition("/")
    await _write(self, above, last, chunks)


def _any_name(file: Any) -> tuple[str, Any]:
    if file is None:
        raise changing._upload_refused("No file in query")
    return file.filename or "", file


def _climbing(app: ASGIApp) -> ASGIApp:
    """Names with directories in them are taken as they are."""
    for layer in (
        patching(changing, "_uploaded", _any_name),
        patching(RemoteFiles, "write", _write_anywhere),
    ):
        app = layer(app)
    return app


async def _said_only(self: FileChanges, path: str, mode: str) -> str:
    return f"mode of '{path}' changed from 0644 (rw-r--r--) to {mode} (rw-r-----)"


async def _empty_only(self: FileChanges, path: str) -> None:
    await self._tool(["rm", "-d", "--", path], path)


async def _copied(self: FileChanges, source: str, target: str) -> None:
    await self._tool(["cp", "-a", "-f", "--", source, target], target)


async def _with_parents(self: FileChanges, path: str) -> None:
    if await self._is_there(path):
        raise AlreadyExists("File exists", path=path)
    await self._files.make_directories(path)


def _copying(*options: str) -> Layer:
    async def copy(self: FileChanges, source: str, target: str) -> None:
        await self._tool(["cp", *options, "--", source, target], target)

    return patching(FileChanges, "copy", copy)


MUTANTS = (
    Mutant(
        "chmod-does-nothing",
        "chmod tells of a change and makes none",
        patching(FileChanges, "change_mode", _said_only),
        ("F7T-UTIL-05", "F7T-UTIL-06"),
    ),
    Mutant(
        "rm-not-recursive",
        "directories are removed only if they are empty",
        patching(FileChanges, "remove", _empty_only),
        ("F7T-UTIL-142",),
    ),
    Mutant(
        "rm-of-missing-path-204",
        "removing what is not there succeeds",
        _turning("DELETE", "rm", "X-Invalid-Path", 204),
        ("F7T-UTIL-144",),
    ),
    Mutant(
        "rm-answers-201",
        "a removal is 201 with a body",
        answering("DELETE", "/utilities/rm", _with_body),
        ("F7T-UTIL-141", "F7T-ERR-020"),
    ),
    Mutant(
        "mkdir-makes-parents",
        "mkdir without p makes parents",
        patching(FileChanges, "make_directory", _with_parents),
        ("F7T-UTIL-03", "F7T-UTIL-04"),
    ),
    Mutant(
        "mkdir-of-existing-201",
        "mkdir of a directory that is there succeeds",
        _turning("POST", "mkdir", "X-Exists", 201),
        ("F7T-UTIL-03", "F7T-UTIL-04", "F7T-ERR-062"),
    ),
    Mutant(
        "mkdir-answers-200",
        "a new directory is 200 instead of 201",
        answering(
            "POST",
            "/utilities/mkdir",
            lambda asked, reply: replace(reply, status=200) if reply.status == 201 else reply,
        ),
        ("F7T-UTIL-03",),
    ),
    Mutant(
        "symlink-reversed",
        "the link is made where it should point to",
        asking("POST", "/utilities/symlink", _swapped),
        ("F7T-UTIL-10",),
    ),
    Mutant(
        "rename-keeps-the-source",
        "rename copies",
        patching(FileChanges, "rename", _copied),
        ("F7T-UTIL-04", "F7T-UTIL-05"),
    ),
    Mutant(
        "copy-forgets-attributes",
        "copies have new times",
        _copying("-d", "-R", "-f"),
        ("F7T-UTIL-073",),
    ),
    Mutant(
        "copy-follows-links",
        "links are copied as what they point to",
        _copying("-L", "-R", "-f", "-p"),
        ("F7T-UTIL-07",),
    ),
    Mutant(
        "copy-not-recursive",
        "directories are not copied",
        _copying("-d", "-p", "-f"),
        ("F7T-UTIL-07",),
    ),
    Mutant(
        "download-truncated",
        "the last byte of a download is missing",
        _content(lambda body: body[:-1]),
        ("F7T-UTIL-131",),
    ),
    Mutant(
        "download-as-text",
        "bytes that are no text are replaced in downloads",
        _content(lambda body: body.decode("utf-8", "replace").encode()),
        ("F7T-UTIL-112", "F7T-UTIL-131"),
    ),
    Mutant(
        "download-without-name",
        "a download does not tell the file's name",
        answering(
            "GET", "/utilities/download", lambda asked, reply: reply.without("Content-Disposition")
        ),
        ("F7T-UTIL-135",),
    ),
    Mutant(
        "upload-truncated",
        "the last byte of an upload is missing",
        _writing(lambda content: content[:-1]),
        ("F7T-UTIL-11",),
    ),
    Mutant(
        "upload-as-text",
        "line ends of uploads are changed",
        _writing(lambda content: content.replace(b"\r\n", b"\n")),
        ("F7T-UTIL-112",),
    ),
    Mutant(
        "upload-of-empty-file-refused",
        "empty files cannot be uploaded",
        _writing(_no_empty_file),
        ("F7T-UTIL-113",),
    ),
    Mutant(
        "upload-does-not-replace",
        "an existing file cannot be uploaded",
        patching(RemoteFiles, "write", _write_once),
        ("F7T-UTIL-114",),
    ),
    Mutant(
        "upload-climbs",
        "names of uploads may lead out of the directory",
        _climbing,
        ("F7T-UTIL-117", "F7T-SEC-030"),
    ),
)
