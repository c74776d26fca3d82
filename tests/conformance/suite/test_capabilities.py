"""What a server can do, from answers of small servers that can more or less."""

from __future__ import annotations

from typing import Any

import pytest

from f7t_conformance.api import Api, Pace
from f7t_conformance.capabilities import UNKNOWN_VERSION, Detected, NotAFirecrest, detect
from f7t_conformance.configuration import Settings
from f7t_conformance.identity import Caller
from f7t_conformance.model import Need
from tests.conformance.suite.answering import Answering, Said, answering, said

LS = "/utilities/ls?targetPath="
PARAMETERS = "/status/parameters"
ONE_SYSTEM = {"out": [{"system": "one"}]}


def _parameters(**values: str) -> Said:
    rows = [{"name": name, "value": value} for name, value in values.items()]
    return said({"out": {"general": rows[:1], "storage": rows[1:]}})


def _answers(**other: Said) -> dict[str, Said]:
    systems = {"out": [{"system": "one"}, {"system": "two"}, {"system": "one"}]}
    filesystems = {
        "out": {"one": [{"name": "SCRATCH", "path": "/s"}, {"name": "HOME", "path": "/h"}]}
    }
    ready = {
        "/status/parameters": _parameters(
            FIRECREST_VERSION="1.16.6", OBJECT_STORAGE="s3v4", WORKLOAD_MANAGER="Slurm"
        ),
        "/status/systems": said(systems, RateLimit_Limit="10"),
        "/status/filesystems": said(filesystems),
        "/utilities/whoami": said({"output": "me"}),
        "/reservations": said({"success": []}),
        f"{LS}%2Fh%2Fme": said({"output": []}),
    }
    return ready | {path: one for path, one in other.items()}


def _detect(server: Answering, *, second: bool = True, **given: Any) -> Detected:
    settings = Settings.model_validate(
        {
            "identity": {"token": "first"},
            "account": "a",
            "node_type": "n",
            "expired_token": "e",
            **given,
        }
    )
    api = Api(server.url, Caller(settings.identity), "", Pace(1000, float("inf")))
    return detect(api, api if second else None, settings)


def test_a_server_with_everything() -> None:
    with answering(_answers()) as server:
        found = _detect(server)
    assert found.capabilities.absent == {}
    assert found.capabilities.present == tuple(Need)
    assert found.capabilities.systems == ("one", "two")
    assert (found.capabilities.version, found.system, found.base) == ("1.16.6", "one", "/h/me")


def test_another_version_than_the_reported_one_is_noted() -> None:
    with answering(_answers()) as server:
        told = _detect(server, version="1.13.0").capabilities
        same = _detect(server, version="1.16.6").capabilities
    assert (told.version, told.reported) == ("1.13.0", "1.16.6")
    assert (same.version, same.reported) == ("1.16.6", "")


def test_only_reads_are_asked() -> None:
    with answering(_answers()) as server:
        _detect(server)
    assert {method for method, *_ in server.asked} == {"GET"}


@pytest.mark.parametrize(
    ("need", "path", "answer"),
    [
        (Need.SCHEDULER, PARAMETERS, _parameters(OBJECT_STORAGE="s", WORKLOAD_MANAGER="PBS")),
        (Need.OBJECT_STORE, PARAMETERS, _parameters(WORKLOAD_MANAGER="Slurm")),
        (Need.OBJECT_STORE, PARAMETERS, _parameters(OBJECT_STORAGE="")),
        (Need.RESERVATIONS, "/reservations", said({}, 404)),
        (Need.RATE_LIMIT, "/status/systems", said(ONE_SYSTEM, ratelimit_limit="9")),
        (Need.WRITABLE_DIRECTORY, f"{LS}%2Fh%2Fme", said({}, 400)),
    ],
)
def test_what_a_server_lacks(need: Need, path: str, answer: Said) -> None:
    with answering(_answers(**{path: answer})) as server:
        found = _detect(server)
    assert list(found.capabilities.absent) == [need]
    assert found.capabilities.absent[need]
    assert need not in found.capabilities.present


@pytest.mark.parametrize(
    ("need", "given"),
    [
        (Need.SECOND_USER, {"second": False}),
        (Need.EXPIRED_TOKEN, {"expired_token": None}),
        (Need.RESERVATION_RIGHT, {"account": ""}),
        (Need.RESERVATION_RIGHT, {"node_type": ""}),
    ],
)
def test_what_a_run_lacks(need: Need, given: dict[str, Any]) -> None:
    with answering(_answers()) as server:
        found = _detect(server, **given)
    assert list(found.capabilities.absent) == [need]


def test_settings_win_over_what_is_reported() -> None:
    with answering(_answers(**{f"{LS}%2Fwork": said({"output": []})})) as server:
        found = _detect(server, system="two", version="1.9.1", directory="/work")
    assert (found.capabilities.version, found.system, found.base) == ("1.9.1", "two", "/work")


def test_without_a_home_among_the_file_systems_the_usual_one_is_tried() -> None:
    other = {"/status/filesystems": said({}, 404), f"{LS}%2Fhome%2Fme": said({"output": []})}
    with answering(_answers(**other)) as server:
        assert _detect(server).base == "/home/me"


def test_a_server_that_reports_no_version_is_judged_as_the_oldest() -> None:
    with answering(_answers(**{"/status/parameters": said({"out": {}})})) as server:
        assert _detect(server).capabilities.version == UNKNOWN_VERSION


NONSENSE = (
    said({}, 404),
    said(b"<html>"),
    said([]),
    said({"out": None}),
    said({"out": 12}),
    said({"out": [1]}),
    said({"out": {"general": 5}}),
    said({"out": {"general": [{"nome": "x"}]}}),
)


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda one: f"{one[0]} {one[2].decode()}")
@pytest.mark.parametrize("path", ["/status/parameters", "/status/systems"])
def test_what_is_no_firecrest_is_told(path: str, answer: Said) -> None:
    told = pytest.raises(NotAFirecrest, match="does not answer as a FirecREST")
    with answering(_answers(**{path: answer})) as server, told:
        _detect(server)


@pytest.mark.parametrize("answer", NONSENSE, ids=lambda one: f"{one[0]} {one[2].decode()}")
@pytest.mark.parametrize("path", ["/status/filesystems", "/utilities/whoami"])
def test_nonsense_about_homes_leaves_the_directory_to_the_settings(path: str, answer: Said) -> None:
    with answering(_answers(**{path: answer, f"{LS}%2Fwork": said({})})) as server:
        assert _detect(server, directory="/work").base == "/work"
        _detect(server)
