"""Recorded answers of real schedulers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
VERSIONS = sorted(path.parent.name for path in DATA.glob("*/recorded.json"))


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


@pytest.fixture(scope="session", params=VERSIONS)
def recorded(request: pytest.FixtureRequest) -> Recorded:
    """Answers recorded by `record.py` from a real cluster, one version after the other."""
    version: str = request.param
    year, month = version.split(".")
    answers = json.loads((DATA / version / "recorded.json").read_text())
    return Recorded((int(year), int(month)), answers["ids"], answers["cases"])
