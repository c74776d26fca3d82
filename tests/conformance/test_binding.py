"""Catalogue and checks belong together: one check for each requirement and none besides."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from f7t_conformance.catalogue import catalogue
from f7t_conformance.waivers import read_waivers, shipped

_CHECKS = Path(str(files("f7t_conformance").joinpath("checks")))
_BOUND = re.compile(r'requirement\("(F7T-[A-Z]+-\d{3})"\)')


def test_each_requirement_has_one_check() -> None:
    bound = Counter(
        one for path in _CHECKS.rglob("test_*.py") for one in _BOUND.findall(path.read_text())
    )
    assert bound == Counter(list(catalogue()))


def test_sentences_are_as_binding_as_their_level() -> None:
    loose = [one.id for one in catalogue().values() if one.level not in one.requirement]
    assert loose == []


@pytest.mark.parametrize("name", shipped())
def test_shipped_waivers_can_be_read(name: str) -> None:
    assert set(read_waivers(name)) <= set(catalogue())
