"""Supervisors that never outlive their test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from f7t_testbuild.native.outer import Listener
from f7t_testbuild.supervise.part import Part
from tests.testbuild.supervise.supervision import Start, Supervision, supervise


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a path short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="f7t-s-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(directory: Path) -> Iterator[Start]:
    """Starts one supervisor; it is killed at the end if it still runs."""
    started: list[Supervision] = []

    def begin(parts: Sequence[Part], listeners: Sequence[Listener] = ()) -> Supervision:
        started.append(supervise(directory, parts, listeners))
        return started[-1]

    yield begin
    for supervision in started:
        supervision.line.close()
        supervision.process.kill()
        supervision.process.wait()
