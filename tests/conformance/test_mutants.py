"""The faulty servers that the suite is tested with, and what is written of them."""

from __future__ import annotations

import pytest

from f7t_conformance.catalogue import catalogue
from tests.conformance.mutants import page
from tests.conformance.mutants.alarms import unexpected
from tests.conformance.mutants.centres import centre_of
from tests.conformance.mutants.hunting import hunted, judged, serving
from tests.conformance.mutants.registry import ALL, CONTROL, MUTANTS
from tests.support.live import Live


def test_names_are_unique() -> None:
    names = [one.name for one in ALL]
    assert len(names) == len(set(names)) == len(MUTANTS) >= 45


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_expected_by_requirements_that_there_are(name: str) -> None:
    mutant = MUTANTS[name]
    assert mutant.expected
    for beginning in mutant.expected:
        assert any(one.startswith(beginning) for one in catalogue()), beginning


def test_the_page_is_current() -> None:
    shown = page.shown()
    assert {name: text for name, (text, _) in shown.items()} == {
        one.name: one.description for one in MUTANTS.values()
    }, "write it anew: make mutants"
    assert all(finder in catalogue() for _, finder in shown.values())


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", ["ls-size-as-number", "signature-not-verified"])
def test_a_fault_is_found_where_it_is(live: Live, name: str) -> None:
    verdict = hunted(MUTANTS[name], centre_of(live.testbuild), 1)
    assert verdict.killed_by.startswith(MUTANTS[name].expected)
    assert not verdict.whole


@pytest.mark.timeout(400)
def test_the_same_way_leaves_a_healthy_server_healthy(
    live: Live, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, centre = tmp_path_factory.mktemp("control"), centre_of(live.testbuild)
    with serving(CONTROL, centre, folder, 1) as url:
        only = ("F7T-ERR-022", "F7T-AUTH-012", "F7T-UTIL-00")
        results = judged(centre, url, folder, only=only, stop=False)
    assert results is not None
    assert len(results.findings) > len(only)
    assert unexpected(results) == []
