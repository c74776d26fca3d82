"""Faults of utilities: listings, contents, changes of files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from starlette.types import ASGIApp

from f7t.errors import AlreadyExists, CommandFailed, PatternNotFound
from f7t.services.utilities import changing
from f7t.ssh import contents, questions
from f7t.ssh.changes import FileChanges
from f7t.ssh.files import RemoteFiles
from f7t.ssh.questions import RemoteQuestions
from tests.conformance.mutants.altering import Altered, Asked, Reply, answering, asking
from tests.conformance.mutants.model import Layer, Mutant, patching

_LS = "/utilities/ls"


def _entries(change: Callable[[list[Any]], list[Any]]) -> Layer:
    """Another list of entries in a listing."""

    def answer(asked: Asked, reply: Reply) -> Reply:
        body = reply.json
        if reply.status != 200 or not isinstance(body, dict):
            return reply
        return reply.with_json(body | {"output": change(body["output"])})

    return answering("GET", _LS, answer)


def _each_entry(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Layer:
    return _entries(lambda all_: [change(one) if isinstance(one, dict) else one for one in all_])


def _output(operation: str, change: Callable[[Any], Any]) -> Layer:
    """Another `output` of a utility that went well."""

    def answer(asked: Asked, reply: Reply) -> Reply:
        body = reply.json
        if reply.status >= 300 or not isinstance(body, dict):
            return reply
        return reply.with_json(body | {"output": change(body.get("output"))})

    return answering(".*", f"/utilities/{operation}", answer)


def _leaving_out(operation: str, *parameters: str) -> Layer:
    """Parameters of a query are ignored."""
    gone: dict[str, str | None] = dict.fromkeys(parameters)
    return asking("GET", f"/utilities/{operation}", lambda asked: asked.with_query(**gone))


def _next_page(asked: Asked) -> Asked:
    number = asked.parameter("pageNumber")
    return asked.with_query(pageNumber=str(int(number) + 1)) if number.isdigit() else asked


def _stale(app: ASGIApp) -> ASGIApp:
    """The first listing of a directory is what everybody sees from then on."""
    known: dict[str, Reply] = {}

    def answer(asked: Asked, reply: Reply) -> Reply:
        if asked.path != _LS or reply.status != 200:
            return reply
        return known.setdefault(asked.query, reply)

    return Altered(app, answer=answer)


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


async def _by_pattern(chunks: Any, pattern: bytes, limit: int, path: str) -> bytes:
    """Lines that match a regular expression."""
    content = b"".join([chunk async for _, chunk in chunks])
    found = [line + b"\n" for line in content.splitlines() if re.search(pattern, line)]
    if not found:
        raise PatternNotFound("pattern not found", path=path)
    return b"".join(found)


_status = RemoteQuestions.status


async def _followed(self: RemoteQuestions, path: str, *, follow_links: bool) -> dict[str, int]:
    return await _status(self, path, follow_links=True)


def _taken_for_an_error(asked: Asked, reply: Reply) -> Reply:
    if reply.status == 200 and b"ermission denied" in reply.body:
        refused = {"description": "Error listing contents of path", "error": "Permission denied"}
        return replace(reply.with_json(refused), status=400)
    return reply


MUTANTS = (
    Mutant(
        "ls-without-link-target",
        "entries of a listing have no link_target",
        _each_entry(lambda one: {key: one[key] for key in one if key != "link_target"}),
        ("F7T-UTIL-00",),
    ),
    Mutant(
        "ls-size-as-number",
        "the size in a listing is a number",
        _each_entry(lambda one: one | {"size": int(one["size"])}),
        ("F7T-UTIL-00", "F7T-ERR-022"),
    ),
    Mutant(
        "ls-shows-hidden-entries",
        "dot entries are always listed",
        asking("GET", _LS, lambda asked: asked.with_query(showhidden="true")),
        ("F7T-UTIL-00", "F7T-UTIL-01"),
    ),
    Mutant(
        "ls-hides-hidden-entries",
        "showhidden does nothing",
        _leaving_out("ls", "showhidden"),
        ("F7T-UTIL-00", "F7T-UTIL-01"),
    ),
    Mutant(
        "ls-page-off-by-one",
        "the first page of a listing is number 0",
        asking("GET", _LS, _next_page),
        ("F7T-UTIL-01",),
    ),
    Mutant(
        "ls-unsorted",
        "a listing is in reverse order",
        _entries(lambda found: found[::-1]),
        ("F7T-UTIL-00", "F7T-UTIL-01"),
    ),
    Mutant(
        "ls-stale",
        "a listing that was asked for once never changes",
        _stale,
        ("F7T-UTIL-241",),
    ),
    Mutant(
        "ls-not-recursive",
        "recursive does nothing",
        _leaving_out("ls", "recursive"),
        ("F7T-UTIL-01", "F7T-UTIL-02"),
    ),
    Mutant(
        "ls-follows-no-links",
        "followLinks does nothing",
        _leaving_out("ls", "followLinks"),
        ("F7T-UTIL-01", "F7T-UTIL-02"),
    ),
    Mutant(
        "ls-names-only-with-details",
        "notListing does nothing",
        _leaving_out("ls", "notListing"),
        ("F7T-UTIL-01", "F7T-UTIL-02"),
    ),
    Mutant(
        "ls-uid-by-name",
        "numericUid does nothing",
        _leaving_out("ls", "numericUid"),
        ("F7T-UTIL-01",),
    ),
    Mutant(
        "ls-permissions-octal",
        "permissions in a listing are octal",
        _each_entry(lambda one: one | {"permissions": "0644"}),
        ("F7T-UTIL-00",),
    ),
    Mutant(
        "ls-mistakes-names-for-errors",
        "a listed name with the words of an error message fails the listing",
        answering("GET", _LS, _taken_for_an_error),
        ("F7T-ERR-069", "F7T-UTIL-25"),
    ),
    Mutant(
        "stat-without-nlink",
        "the status of a file has no nlink",
        _output("stat", lambda found: {key: found[key] for key in found if key != "nlink"}),
        ("F7T-UTIL-08", "F7T-UTIL-09"),
    ),
    Mutant(
        "stat-mode-without-type",
        "the mode of a file has no type bits",
        _output("stat", lambda found: found | {"mode": found["mode"] & 0o7777}),
        ("F7T-UTIL-08", "F7T-UTIL-09"),
    ),
    Mutant(
        "stat-follows-links",
        "the status of a link is that of its target",
        patching(RemoteQuestions, "status", _followed),
        ("F7T-UTIL-08", "F7T-UTIL-09"),
    ),
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
        "checksum-of-wrong-algorithm",
        "checksum is BLAKE2s, which has as many digits",
        patching(questions, "hashlib", SimpleNamespace(sha256=hashlib.blake2s)),
        ("F7T-UTIL-151",),
    ),
    Mutant(
        "view-of-ten-lines",
        "view shows ten lines",
        _output("view", lambda text: "".join(text.splitlines(keepends=True)[:10])),
        ("F7T-UTIL-162",),
    ),
    Mutant(
        "grep-is-a-pattern",
        "grep is a regular expression",
        patching(contents, "_picked", _by_pattern),
        ("F7T-UTIL-189", "F7T-SEC-005"),
    ),
    Mutant(
        "grep-ignored",
        "grep does nothing",
        _leaving_out("(head|tail)", "grep"),
        ("F7T-UTIL-18",),
    ),
    Mutant(
        "head-ignores-skip-ending",
        "skip_ending does nothing",
        _leaving_out("head", "skip_ending"),
        ("F7T-UTIL-177",),
    ),
    Mutant(
        "tail-ignores-skip-beginning",
        "skip_beginning does nothing",
        _leaving_out("tail", "skip_beginning"),
        ("F7T-UTIL-178",),
    ),
    Mutant(
        "head-ignores-bytes",
        "bytes does nothing",
        _leaving_out("(head|tail)", "bytes"),
        ("F7T-UTIL-175",),
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
    Mutant(
        "whoami-without-groups",
        "groups does nothing",
        _leaving_out("whoami", "groups"),
        ("F7T-UTIL-20",),
    ),
    Mutant(
        "whoami-root",
        "the caller is told to be root",
        _output("whoami", lambda found: "root" if isinstance(found, str) else found),
        ("F7T-UTIL-20", "F7T-AUTH-020"),
    ),
)
