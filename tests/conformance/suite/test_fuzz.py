"""What the profile `fuzz` sends stays in bounds, and what it sees is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f7t_conformance import fuzz
from f7t_conformance.configuration import Settings
from f7t_conformance.confinement import (
    PATHS,
    UNKNOWN_ACCOUNT,
    UNKNOWN_JOB,
    Confined,
    Generated,
    confined,
)
from f7t_conformance.model import Observation, Profile
from f7t_conformance.running import Plan
from tests.conformance.mutants.centres import centre_of
from tests.conformance.mutants.hunting import serving
from tests.conformance.mutants.registry import CONTROL, MUTANTS
from tests.conformance.suite.made_up import results
from tests.support.live import Live

_DIRECTORY = "/home/me/f7t-conformance-0a1b2c3d/001"
_ANYTHING = st.one_of(st.text(), st.none(), st.booleans(), st.integers(), st.lists(st.text()))


def _sent(method: str, template: str, **parts: Any) -> Confined:
    empty: dict[str, Any] = {"path": {}, "query": {}, "headers": {}, "form": {}}
    return confined(
        Generated(method, template, "random", **(empty | parts)), _DIRECTORY, "here", b"script"
    )


@given(_ANYTHING, st.sampled_from(sorted(PATHS)))
def test_paths_stay_in_the_directory_of_the_run(value: object, name: str) -> None:
    read = _sent("GET", "/utilities/ls", query={name: value}).query[name]
    removed = _sent("DELETE", "/utilities/rm", form={name: value}).form[name]
    for path in (read, removed):
        assert path == "" or path.startswith(f"{_DIRECTORY}/")
        assert ".." not in path.split("/")
    assert all(one.isalnum() or one in "/_-" for one in removed)


@pytest.mark.parametrize("path", ["/", "~", "..", "/etc/../..", ".", "//", "a/../../b"])
def test_nothing_above_is_reached(path: str) -> None:
    got = _sent("DELETE", "/utilities/rm", form={"targetPath": path}).form["targetPath"]
    assert got.startswith(f"{_DIRECTORY}/")
    assert got.removeprefix(f"{_DIRECTORY}/") not in {"", ".", ".."}


def test_an_empty_path_is_asked_as_it_is() -> None:
    assert _sent("GET", "/utilities/ls", query={"targetPath": ""}).query == {"targetPath": ""}


@given(st.text(alphabet="0123456789_+,ab"))
def test_no_job_of_others_is_named(text: str) -> None:
    path = _sent("DELETE", "/compute/jobs/{jobid}", path={"jobid": text}).path
    assert not any(one.isdigit() for one in path.replace(UNKNOWN_JOB, "").replace("%2", ""))


def test_jobs_are_harmless_and_charged_to_nobody() -> None:
    form = {"file": b"rm -rf ~", "account": "physics", "targetPath": "/home/test1"}
    sent = _sent("POST", "/compute/jobs/upload", form=form)
    assert sent.submits
    assert sent.files["file"][1] == b"script"
    assert sent.form["account"] == UNKNOWN_ACCOUNT


def test_reservations_are_the_runs_own() -> None:
    sent = _sent("DELETE", "/reservations/{reservation}", path={"reservation": "maintenance"})
    assert sent.path == "/reservations/f7t-conformance-0a1b2c3d-maintenance"


def test_the_machine_is_the_real_one_or_missing() -> None:
    def machine(**headers: str) -> str | None:
        return _sent("GET", "/utilities/ls", headers=headers).headers["X-Machine-Name"]

    assert machine(**{"X-Machine-Name": "elsewhere"}) == "here"
    assert machine(**{"X-Machine-Name": ""}) is None
    assert machine(Authorization="Bearer other") is None
    assert "Authorization" not in _sent("GET", "/", headers={"Authorization": "x"}).headers


def test_the_same_seed_asks_the_same() -> None:
    first, again = (list(islice(fuzz.generated(5, number=3), 80)) for _ in range(2))
    assert first == again
    assert {one.phase for one in first} == {"coverage", "random"}


def test_observations_fail_a_run_only_if_they_are_to() -> None:
    seen = (Observation(operation="GET /tasks", phase="random", expected="200", got="500"),)
    assert results(observations=seen).model_copy(update={"findings": ()}).verdict == "pass"
    gated = results(observations=seen, gate=True).model_copy(update={"findings": ()})
    assert gated.verdict == "fail"


def _only_listings(seed: int, number: int = 3) -> Iterator[Generated]:
    return (one for one in islice(_all(seed, number), 200) if one.template == "/utilities/ls")


_all = fuzz.generated


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("name", "seen"),
    [(CONTROL.name, False), ("ls-size-as-number", True)],
    ids=["healthy", "faulty"],
)
def test_a_wrong_answer_is_seen(
    live: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, seen: bool
) -> None:
    centre = centre_of(live.testbuild)
    monkeypatch.setattr(fuzz, "generated", _only_listings)
    for variable, value in centre.environment.items():
        monkeypatch.setenv(variable, value)
    mutant = {CONTROL.name: CONTROL, **MUTANTS}[name]
    with serving(mutant, centre, tmp_path, 1) as url:
        monkeypatch.setenv("F7T_CONFORMANCE_TARGET", url)
        found = fuzz.perform(Plan(Settings(), Profile.FUZZ), 3)
    assert found.asked > 10
    assert found.leftovers == ()
    assert {one.operation for one in found.observations} == (
        {"GET /utilities/ls"} if seen else set()
    )
    assert json.loads(found.model_dump_json())["seed"] == 3
