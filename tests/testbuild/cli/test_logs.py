"""Following log files that grow, are cut and are replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from f7t_testbuild.commands.common import Failure
from f7t_testbuild.commands.logs import _chosen
from f7t_testbuild.supervise.logs import LogFile


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "part.log"
    path.write_text("".join(f"line {number}\n" for number in range(50)))
    return path


def test_the_tail_is_the_last_lines(log: Path) -> None:
    assert LogFile(log).tail(2) == ["line 48", "line 49"]
    assert LogFile(log).tail(0) == []


def test_only_what_is_added_follows_and_only_whole_lines(log: Path) -> None:
    follower = LogFile(log)
    follower.tail(1)

    with log.open("a") as file:
        file.write("one\ntw")
    assert follower.added() == ["one"]
    with log.open("a") as file:
        file.write("o\n")
    assert follower.added() == ["two"]
    assert follower.added() == []


def test_a_cut_log_is_read_from_its_start(log: Path) -> None:
    follower = LogFile(log)
    follower.tail(1)

    log.write_text("anew\n")

    assert follower.added() == ["anew"]


def test_a_replaced_log_is_read_from_its_start(log: Path) -> None:
    follower = LogFile(log)
    follower.tail(1)

    log.rename(log.with_suffix(".1"))
    assert follower.added() == []
    log.write_text("x" * 1000 + "\nsecond\n")

    assert follower.added() == ["x" * 1000, "second"]


def test_a_log_that_does_not_exist_yet_is_awaited(tmp_path: Path) -> None:
    follower = LogFile(tmp_path / "later.log")
    assert follower.tail(10) == []

    follower.path.write_bytes(b"odd \xff byte\n")

    assert follower.added() == ["odd � byte"]


def test_all_parts_are_told_apart_and_one_stands_alone(log: Path) -> None:
    sources = {"gateway": LogFile(log), "ssh": LogFile(log)}

    assert list(_chosen(sources, None)) == ["gateway | ", "ssh     | "]
    assert _chosen(sources, "ssh") == {"": sources["ssh"]}


def test_an_unknown_part_is_answered_with_the_known_ones(log: Path) -> None:
    with pytest.raises(Failure) as failure:
        _chosen({"gateway": LogFile(log), "ssh": LogFile(log)}, "slurm")

    assert failure.value.hint == "parts: gateway, ssh"
