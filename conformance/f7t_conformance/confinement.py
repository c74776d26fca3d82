"""What is generated from the contract, changed so that it can be sent to a centre that is in use.

Each rule says why it is there. What a rule forbids is not left unchecked: requirements with checks
of their own ask for it, with values that are made for the purpose.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

PATHS = frozenset({"sourcePath", "targetPath", "linkPath"})
UNKNOWN_JOB = "66999999"
UNKNOWN_ACCOUNT = "f7t-conformance-none"
SUBMITTING = ("/compute/jobs", "/storage/xfer-internal/")
"""Where a POST makes a job."""

_KNOWN_FILES = ("file", "directory", "link")
_OWN_HEADERS = frozenset({"authorization", "content-type", "content-length", "host"})
_FORBIDDEN = re.compile(r"[<>|;\"'&\\()`\x00-\x1f]")
_NAME = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True)
class Generated:
    """A request as it came out of the contract: parameters of any type, or none.

    Attributes:
        template: path of the contract.
        phase: `coverage` (every bound of every schema) or `random`.
    """

    method: str
    template: str
    phase: str
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    headers: Mapping[str, Any]
    form: Mapping[str, Any]


@dataclass(frozen=True)
class Confined:
    """A request that may be sent."""

    method: str
    template: str
    phase: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str | None]
    form: Mapping[str, str]
    files: Mapping[str, tuple[str, bytes]]

    @property
    def submits(self) -> bool:
        """Whether a job may come of it."""
        return self.method == "POST" and self.template.startswith(SUBMITTING)


def confined(given: Generated, directory: str, system: str, script: bytes) -> Confined:
    """`given` within the bounds of a run.

    Args:
        given: as generated.
        directory: the run's own, which holds `file`, `directory` and `link`.
        system: the machine that the run is about.
        script: of every job that is submitted.
    """
    query = {name: _parameter(given, name, one, directory) for name, one in given.query.items()}
    fields, files = {}, {}
    for name, one in given.form.items():
        if name == "file":
            files[name] = (
                "f7t-fuzz",
                script if given.template.startswith("/compute") else _raw(one),
            )
        else:
            fields[name] = _parameter(given, name, one, directory)
    path = given.template
    for name in re.findall(r"\{([^}]*)\}", given.template):
        path = path.replace(f"{{{name}}}", _segment(name, given.path.get(name, "none"), directory))
    return Confined(
        given.method,
        given.template,
        given.phase,
        path,
        query,
        _headers(given.headers, system),
        fields,
        files,
    )


def text_of(value: object) -> str:
    """What is sent for a value: everything is text on the wire, so a generated number or object is
    no other type there but other text, and a type as such cannot be refused."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, default=str)


def _parameter(given: Generated, name: str, value: object, directory: str) -> str:
    text = text_of(value)
    if name in PATHS:
        return _below(text, directory, plain=given.method != "GET")
    if name in {"jobs", "jobid", "stageOutJobId"}:
        return _foreign_jobs_left_alone(text)
    if name == "account" and text:
        return _nothing_charged(text)
    if name == "reservation":
        return _nothing_reserved(text, directory)
    return text


def _below(text: str, directory: str, *, plain: bool) -> str:
    """Paths lie in the run's own directory: nothing of the caller may be read or destroyed.

    An empty path stays empty, as the contract refuses it. Every second one that the contract allows
    becomes a file that is there, or hardly any call would get beyond a missing path. Of a call that
    may change something the rest is a plain word: a server that does not quote would split the path
    at a blank.
    """
    if not text:
        return text
    number = int(hashlib.sha256(text.encode()).hexdigest(), 16)
    if number % 2 and not _FORBIDDEN.search(text):
        return f"{directory}/{_KNOWN_FILES[number // 2 % len(_KNOWN_FILES)]}"
    if plain:
        word = re.sub(r"[^A-Za-z0-9_-]", "", text)[:64]
        return f"{directory}/{word or 'file'}"
    inside = "/".join(part for part in text.split("/") if part not in {"", ".", ".."})
    return f"{directory}/{inside or 'directory'}"


def _foreign_jobs_left_alone(text: str) -> str:
    """Ids of jobs are unknown ones: a small number would be somebody's, and DELETE cancels it."""
    return re.sub(r"\d+", UNKNOWN_JOB, text)


def _nothing_charged(text: str) -> str:
    """Accounts that could exist do not: neither a job nor a reservation comes of it."""
    return UNKNOWN_ACCOUNT if _NAME.fullmatch(text) else text


def _nothing_reserved(text: str, directory: str) -> str:
    """Names of reservations are the run's own: `maintenance` would be the centre's."""
    if not _NAME.fullmatch(text):
        return text
    return f"{directory.rstrip('/').split('/')[-2][:40]}-{text[:20]}"


def _segment(name: str, value: object, directory: str) -> str:
    text = text_of(value)
    if name == "jobid":
        text = _foreign_jobs_left_alone(text)
    if name == "reservation":
        text = _nothing_reserved(text, directory)
    return quote(text, safe="") or "none"


def _headers(given: Mapping[str, Any], system: str) -> dict[str, str | None]:
    """The machine is the real one or missing: any other is refused before anything else is looked
    at, and says nothing of the parameters. The token is always the caller's own, or nothing would
    be asked but who calls. What cannot be sent as a header is left out."""
    headers: dict[str, str | None] = {"X-Machine-Name": None}
    for name, value in given.items():
        text = text_of(value)
        if name.lower() == "x-machine-name":
            headers["X-Machine-Name"] = system if text else None
        elif name.lower() not in _OWN_HEADERS and _is_sendable(name) and _is_sendable(text):
            headers[name] = text
    return headers


def _is_sendable(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and text == text.strip()


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else text_of(value).encode("utf-8", "replace")
