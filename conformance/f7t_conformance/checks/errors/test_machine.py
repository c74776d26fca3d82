"""§3, §5, D16: the machine of a call is missing or unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.contract import operations
from f7t_conformance.reasons import PLURAL, SINGULAR, without_reason

_UNKNOWN = "f7t-no-such-machine"
_PARAMETERS = {
    "targetPath": "/f7t-conformance-absent",
    "sourcePath": "/f7t-conformance-absent",
    "linkPath": "/f7t-conformance-absent/link",
    "mode": "600",
    "group": "nogroup",
}


def _of(*services: str) -> list[tuple[str, str]]:
    """Operations of these services, job and node ids filled in."""
    return [
        (method, path.replace("{jobid}", "1").replace("{nodeName}", "f7t-node"))
        for method, path in operations()
        if path.startswith(services)
    ]


def _call(api: Api, method: str, path: str, machine: str | None) -> Answer:
    headers = {"X-Machine-Name": machine}
    if method == "GET":
        return api.call(method, path, query=_PARAMETERS, headers=headers)
    files = {"file": ("file", b"#!/bin/bash\n")} if path.endswith(("upload", "/jobs")) else None
    return api.call(method, path, form=_PARAMETERS, files=files, headers=headers)


def _each(
    api: Api,
    calls: Sequence[tuple[str, str]],
    machine: str | None,
    judge: Callable[[Answer], object],
) -> None:
    for method, path in calls:
        answer = _call(api, method, path, machine)
        try:
            judge(answer)
        except Unexpected as unexpected:
            where = f"{method} {path}: {unexpected.expected}"
            raise Unexpected(where, unexpected.got) from None


def _missing(answer: Answer) -> None:
    answer.expect(400)
    said = answer.json
    if "No machine name given" not in (said.get("description"), said.get("error")):
        raise Unexpected("No machine name given", answer.excerpt)
    without_reason(answer)


@requirement("F7T-ERR-045")
def test_missing_in_utilities_and_compute(api: Api) -> None:
    _each(api, _of("/utilities/", "/compute/"), None, _missing)


@requirement("F7T-ERR-046")
def test_missing_in_storage(api: Api) -> None:
    _each(api, _of("/storage/xfer-internal/"), None, _missing)


@requirement("F7T-ERR-047")
def test_missing_in_reservations(api: Api) -> None:
    _each(api, _of("/reservations"), None, _missing)


@requirement("F7T-ERR-048")
def test_unknown_in_utilities(api: Api) -> None:
    def judge(answer: Answer) -> None:
        answer.expect(
            400, header=SINGULAR, value="Machine does not exist", error="Machine does not exist"
        )

    _each(api, _of("/utilities/"), _UNKNOWN, judge)


@requirement("F7T-ERR-049")
def test_unknown_in_reservations(api: Api) -> None:
    def judge(answer: Answer) -> None:
        answer.expect(400, header=SINGULAR, value="Machine does not exist")

    _each(api, _of("/reservations"), _UNKNOWN, judge)


@requirement("F7T-ERR-050")
def test_unknown_in_compute_and_storage(api: Api) -> None:
    def judge(answer: Answer) -> None:
        answer.expect(
            400, header=PLURAL, value="Machine does not exists", error="Machine does not exists"
        )

    calls = [one for one in _of("/compute/", "/storage/") if not one[1].endswith("invalidate")]
    _each(api, calls, _UNKNOWN, judge)


@requirement("F7T-ERR-051")
def test_singular_in_compute_and_storage(api: Api) -> None:
    def judge(answer: Answer) -> None:
        answer.expect(400, header=SINGULAR, value="Machine does not exist")

    calls = [one for one in _of("/compute/", "/storage/") if not one[1].endswith("invalidate")]
    _each(api, calls, _UNKNOWN, judge)
