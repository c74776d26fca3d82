"""Which way of isolation is chosen, and what a refused one leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from f7t_testbuild.native import ways
from f7t_testbuild.native.ways import NoWay, Verdict, WayName, choose_way, unused_range
from tests.support.live import until


@pytest.mark.parametrize(
    ("granted", "advised"),
    [
        (["", ""], "100000-165535"),
        (["anna:100000:65536\n", "anna:100000:65536\n"], "165536-231071"),
        (["", "bert:300000:65536\nanna:100000:65536\nbroken\n"], "365536-431071"),
    ],
)
def test_subordinate_ids_are_advised_behind_those_of_others(
    tmp_path: Path, granted: list[str], advised: str
) -> None:
    files = [tmp_path / str(number) for number in range(len(granted))]
    for file, text in zip(files, granted, strict=True):
        file.write_text(text)

    assert unused_range([*files, tmp_path / "absent"]) == advised


def _fake(monkeypatch: pytest.MonkeyPatch, **possible: bool) -> None:
    probes = {
        name: lambda name=name: Verdict(possible[name.name], f"because of {name}")
        for name in WayName
    }
    monkeypatch.setattr(ways, "_PROBES", probes)


@pytest.mark.parametrize(
    ("possible", "chosen"),
    [
        ((True, True, True), "namespaces"),
        ((False, True, True), "rootless"),
        ((False, False, True), "nss-wrapper"),
    ],
)
def test_the_best_possible_way(
    monkeypatch: pytest.MonkeyPatch, possible: tuple[bool, bool, bool], chosen: str
) -> None:
    _fake(
        monkeypatch, **dict(zip(("NAMESPACES", "ROOTLESS", "NSS_WRAPPER"), possible, strict=True))
    )
    way = choose_way(None)

    assert way.name == chosen
    assert way.reasons == {name.value: f"because of {name}" for name in WayName}
    assert choose_way("nss-wrapper").name == "nss-wrapper"


def test_no_way_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(monkeypatch, NAMESPACES=False, ROOTLESS=False, NSS_WRAPPER=False)

    with pytest.raises(NoWay, match="rootless: because of rootless") as caught:
        choose_way(None)
    assert caught.value.reasons.keys() == {"namespaces", "rootless", "nss-wrapper"}
    with pytest.raises(NoWay, match="rootless is not possible: because"):
        choose_way("rootless")
    with pytest.raises(NoWay, match="no way 'magic'"):
        choose_way("magic")


def test_every_way_gives_a_reason() -> None:
    try:
        reasons = choose_way(None).reasons
    except NoWay as failure:
        reasons = failure.reasons
    assert all(reasons[name.value] for name in WayName)


def test_a_refused_trial_leaves_no_helper_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """unshare(1) with --map-auto forks a helper that waits for ever when the parent is refused."""
    pid_file = tmp_path / "helper.pid"
    for name, text in {
        "unshare": f"sleep 1000 & echo $! > {pid_file}; echo Operation not permitted >&2; exit 1",
        "ip": "exit 0",
    }.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    monkeypatch.setattr(ways, "SYSTEM_PATH", f"{tmp_path}:{ways.SYSTEM_PATH}")

    verdict = ways._try(WayName.ROOTLESS, "works")

    assert not verdict.possible
    assert "Operation not permitted" in verdict.reason
    helper = Path("/proc", pid_file.read_text().strip())
    until(lambda: True if not helper.exists() or "Z" in _state(helper) else None)


def _state(process: Path) -> str:
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
