"""Waiver files: shipped ones by name, others by path, and what is wrong with one in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from f7t_conformance.catalogue import catalogue
from f7t_conformance.cli import conformance
from f7t_conformance.waivers import BadWaivers, read_waivers, shipped

ONE, TWO = list(catalogue())[:2]


def test_a_file_is_read_by_requirement(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"- {{id: {ONE}, reason: known, expires: 2027-03-31}}\n- {{id: {TWO}, reason: b}}"
    )
    read = read_waivers(str(file))
    assert list(read) == [ONE, TWO]
    assert str(read[ONE].expires) == "2027-03-31"
    assert read[TWO].expires is None


def test_an_empty_file_waives_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("# nothing yet\n")
    assert read_waivers(str(file)) == {}


def test_shipped_ones_are_known_by_name() -> None:
    assert "upstream-1.16.6" in shipped()
    assert read_waivers("upstream-1.16.6")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {id: F7T-UTIL-999, reason: a}", "unknown or repeated requirements F7T-UTIL-999"),
        (f"- {{id: {ONE}, reason: a}}\n- {{id: {ONE}, reason: b}}", "repeated"),
        (f"- {{id: {ONE}}}", "reason"),
        (f"- {{id: {ONE}, reason: a, until: 2027-01-01}}", "until"),
        (f"- {{id: {ONE}, reason: a, expires: soon}}", "expires"),
        ("- {id: nonsense, reason: a}", "id"),
        ("- just words", "mine.yaml"),
        ("12", "mine.yaml"),
        ("[", "mine.yaml"),
        ("\x80", "mine.yaml"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, "latin-1")
    with pytest.raises(BadWaivers, match=told):
        read_waivers(str(file))


def test_a_file_that_is_not_there_ends_the_run_before_it_begins() -> None:
    variables = {
        "F7T_CONFORMANCE_TARGET": "http://127.0.0.1:1",
        "F7T_CONFORMANCE_IDENTITY__TOKEN": "t",
    }
    arguments = ["run", "--waivers", "/nowhere/mine.yaml"]
    done = CliRunner().invoke(conformance, arguments, env=variables)
    assert done.exit_code == 2
    assert "/nowhere/mine.yaml" in done.output
