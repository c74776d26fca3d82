"""What a server can do, from its own answers."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.configuration import Settings
from f7t_conformance.identity import NoToken
from f7t_conformance.model import Capabilities, Need

UNKNOWN_VERSION = "1.0.0"


class NotAFirecrest(Exception):
    """The target does not answer as any FirecREST does; the message says what it answered."""


@dataclass(frozen=True)
class Detected:
    """Capabilities, and what the suite works with.

    Attributes:
        capabilities: as reported.
        system: the machine that is used.
        base: an existing directory that the caller may write to; empty if there is none.
    """

    capabilities: Capabilities
    system: str
    base: str


def detect(api: Api, second: Api | None, settings: Settings) -> Detected:
    """Ask the server.

    Raises:
        NotAFirecrest: `/status/systems` or `/status/parameters` is not there, or says nonsense.
        NoToken: the identity does not work.
    """
    try:
        parameters = _parameters(api.call("GET", "/status/parameters", contract=False))
        listed = api.call("GET", "/status/systems", contract=False).expect(200).json["out"]
        systems = tuple(dict.fromkeys(str(one["system"]) for one in listed))
    except (Unexpected, AttributeError, KeyError, TypeError) as error:
        raise NotAFirecrest(f"{api.target} does not answer as a FirecREST: {error}") from error
    system = settings.system or (systems[0] if systems else "")
    here = Api(api.target, api.caller, system, api.pace, http=api.http)
    base = _writable(here, settings.directory)
    absent = dict(_absent(here, second, settings, parameters, base))
    reported = str(parameters.get("FIRECREST_VERSION", ""))
    version = settings.version or reported or UNKNOWN_VERSION
    return Detected(
        Capabilities(
            version=version,
            reported=reported if reported != version else "",
            systems=systems,
            present=tuple(need for need in Need if need not in absent),
            absent=absent,
        ),
        system,
        base,
    )


def is_before(version: str, since: str) -> bool:
    """Whether `version` is older than `since`; an unreadable version counts as the newest."""
    try:
        return Version(version) < Version(since)
    except InvalidVersion:
        return False


def _parameters(answer: Answer) -> dict[str, Any]:
    out = answer.expect(200).json["out"]
    return {one["name"]: one["value"] for group in out.values() for one in group}


def _absent(
    api: Api,
    second: Api | None,
    settings: Settings,
    parameters: dict[str, Any],
    base: str,
) -> Iterator[tuple[Need, str]]:
    """What this server or this run lacks, and why it is thought so."""
    if parameters.get("WORKLOAD_MANAGER", "Slurm") != "Slurm":
        yield Need.SCHEDULER, "the server's workload manager is not Slurm"
    if not parameters.get("OBJECT_STORAGE"):
        yield Need.OBJECT_STORE, "the server reports no object storage"
    if second is None:
        yield Need.SECOND_USER, "no second identity is configured"
    if not base:
        yield Need.WRITABLE_DIRECTORY, "no writable directory was found; set `directory`"
    if api.call("GET", "/reservations", contract=False).status != 200:
        yield Need.RESERVATIONS, "GET /reservations does not answer 200"
    if not (settings.account and settings.node_type):
        yield Need.RESERVATION_RIGHT, "no account and node_type to reserve with are configured"
    probe = api.call("GET", "/status/systems", contract=False)
    if probe.header("RateLimit-Limit") is None:
        yield Need.RATE_LIMIT, "answers carry no RateLimit-Limit"
    if settings.expired_token is None:
        yield Need.EXPIRED_TOKEN, "no expired token is configured"


LOCAL_NEEDS = frozenset(
    {
        Need.SECOND_USER,
        Need.EXPIRED_TOKEN,
        Need.RESERVATION_RIGHT,
        Need.WRITABLE_DIRECTORY,
    }
)
"""Lacks of the run, not of the server."""


def _writable(api: Api, configured: str) -> str:
    """The configured directory, else the caller's home: the first that shows itself by `ls`."""
    for path in filter(None, (configured, *_homes(api))):
        answer = api.call("GET", "/utilities/ls", query={"targetPath": path}, contract=False)
        if answer.status == 200:
            return path
    return ""


def _homes(api: Api) -> Iterator[str]:
    try:
        claims = api.caller.claims if api.caller else {}
    except NoToken:
        return
    said = _asked(api, "/utilities/whoami").get("output")
    user = said if isinstance(said, str) else claims.get("preferred_username", "")
    known = _asked(api, "/status/filesystems").get("out")
    here = known.get(api.system) if isinstance(known, dict) else None
    for one in here if isinstance(here, list) else ():
        if isinstance(one, dict) and str(one.get("name", "")).upper() == "HOME":
            yield posixpath.join(str(one.get("path", "")), user)
    yield f"/home/{user}"


def _asked(api: Api, path: str) -> dict[str, Any]:
    """The object that a call answers; empty if it fails or answers nonsense, which checks judge."""
    answer = api.call("GET", path, contract=False)
    try:
        read = answer.json if answer.status == 200 else None
    except Unexpected:
        return {}
    return read if isinstance(read, dict) else {}
