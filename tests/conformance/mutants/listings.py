"""Faults of listings and of what is told about files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from starlette.types import ASGIApp

from f7t.errors import PatternNotFound
from f7t.ssh import contents, questions
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


def _taken_for_an_error(asked: Asked, reply: Reply) -> Reply:
    if reply.status == 200 and b"ermission denied" in reply.body:
        refused = {"description": "Error listing contents of path", "error": "Permission denied"}
        return replace(reply.with_json(refused), status=400)
    return reply


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
