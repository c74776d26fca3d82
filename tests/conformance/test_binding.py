"""Catalogue and checks belong together: one check for each requirement and none besides."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from f7t_conformance.catalogue import catalogue
from f7t_conformance.waivers import read_waivers, shipped

_COLLECTING = """
import json, pytest
from f7t_conformance.running import Plan, own_pytest, pytest_arguments
from f7t_conformance.configuration import Settings
from f7t_conformance.model import Profile

class Listener:
    def pytest_collection_finish(self, session):
        marks = [item.get_closest_marker("requirement") for item in session.items]
        print(json.dumps([mark.args[0] for mark in marks]))

plan = Plan(Settings(), Profile.FULL, workers=1, extra=("--collect-only", "-p", "no:terminal"))
with own_pytest():
    pytest.main(pytest_arguments(plan), plugins=[Listener()])
"""


def test_each_requirement_has_one_check() -> None:
    """As pytest collects them, in a process of its own: two runs in one disturb each other."""
    done = subprocess.run(
        [sys.executable, "-c", _COLLECTING], capture_output=True, text=True, check=True
    )
    bound = Counter(json.loads(done.stdout))
    assert bound == Counter(list(catalogue()))


def test_sentences_are_as_binding_as_their_level() -> None:
    loose = [one.id for one in catalogue().values() if one.level not in one.requirement]
    assert loose == []


@pytest.mark.parametrize("name", shipped())
def test_shipped_waivers_can_be_read(name: str) -> None:
    assert set(read_waivers(name)) <= set(catalogue())
