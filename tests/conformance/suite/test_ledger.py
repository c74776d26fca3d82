"""What the processes of one run share."""

from __future__ import annotations

from pathlib import Path

from f7t_conformance.capabilities import Detected
from f7t_conformance.ledger import Ledger
from f7t_conformance.model import Capabilities


def test_another_process_reads_what_a_killed_one_had_made(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path, "gw0"), Ledger(tmp_path, "gw1")
    first.note("job", "12")
    first.note("directory", "/home/me/a b")
    second.note("transfer", "ab")
    second.settle()
    assert list(Ledger(tmp_path, "controller").unsettled()) == [
        ("job", "12"),
        ("directory", "/home/me/a b"),
    ]


def test_jobs_are_counted_over_processes(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path, "gw0"), Ledger(tmp_path, "gw1")
    assert [one.spend_job(3) for one in (first, second, first, second, first)] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert not Ledger(tmp_path, "gw2").spend_job(0)


def test_workers_know_what_was_detected_and_when_the_run_ends(tmp_path: Path) -> None:
    worker = Ledger(tmp_path, "gw0")
    assert (worker.detected(), worker.seconds_left(7)) == (None, 7)
    known = Detected(Capabilities(version="1.16.6", systems=("a",), present=()), "a", "/home/me")
    Ledger(tmp_path, "controller").share(known, 1000)
    assert worker.detected() == known
    assert 900 < worker.seconds_left(7) <= 1000
