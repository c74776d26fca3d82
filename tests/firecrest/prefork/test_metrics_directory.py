"""The metrics of all workers lie in one directory, which survives them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from f7t.__main__ import metrics_directory


def test_what_an_ended_gateway_left_is_gone_and_a_living_one_keeps_its_own(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    old, living = (tmp_path / f"counter_{pid}.db" for pid in (ended.pid, os.getpid()))
    for file in (old, living):
        file.touch()
    with metrics_directory(tmp_path) as directory:
        assert directory == tmp_path
        assert sorted(tmp_path.iterdir()) == [living]


def test_without_a_directory_there_is_one_for_a_while() -> None:
    with metrics_directory(None) as directory:
        assert directory.is_dir()
    assert not directory.exists()
