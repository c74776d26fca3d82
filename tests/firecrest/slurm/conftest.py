"""Recorded answers of real schedulers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
VERSIONS = sorted(path.parent.name for path in DATA.glob("*/recorded.json"))
STATES_VERSIONS = sorted(path.parent.name for path in DATA.glob("*/states.json"))


@dataclass(frozen=True)
class Answer:
    """What a command left behind, as `f7t.ssh.channel.Completed` does."""

    exit_status: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Recorded:
    """All answers of one version."""

    release: tuple[int, int]
    ids: dict[str, str]
    cases: dict[str, dict[str, str]]

    def __getitem__(self, case: str) -> Answer:
        found = self.cases[case]
        return Answer(
            int(found["exit_status"]),
            found["stdout"].encode("utf-8", "surrogateescape"),
            found["stderr"].encode("utf-8", "surrogateescape"),
        )


def _read(version: str, name: str) -> Recorded:
    year, month = version.split(".")
    answers = json.loads((DATA / version / name).read_text())
    return Recorded((int(year), int(month)), answers["ids"], answers["cases"])


@pytest.fixture(scope="session", params=VERSIONS)
def recorded(request: pytest.FixtureRequest) -> Recorded:
    """Answers recorded by `record.py` from a real cluster, one version after the other."""
    return _read(request.param, "recorded.json")


@pytest.fixture(scope="session", params=STATES_VERSIONS)
def states(request: pytest.FixtureRequest) -> Recorded:
    """Answers recorded by `record_states.py`, one version after the other."""
    return _read(request.param, "states.json")
