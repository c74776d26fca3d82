"""What got better or worse between two runs, and several runs in one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from f7t_conformance.cli import conformance
from f7t_conformance.model import Results, Status
from f7t_conformance.reports import write
from f7t_conformance.reports.comparison import Direction, changes, only_in, table
from tests.conformance.suite.made_up import HOSTILE, finding, requirement, results

ONE = "F7T-UTIL-001"
BETTER, WORSE, OTHER = Direction.BETTER, Direction.WORSE, Direction.OTHER


def _of(status: Status | None) -> Results:
    """A run of one requirement, which came to this; None: it was not checked."""
    if status is None:
        return results(finding("F7T-UTIL-002", Status.PASS), requirements=(requirement(ONE),))
    return results(finding(ONE, status))


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        (Status.PASS, Status.FAIL, WORSE),
        (Status.PASS, Status.WARN, WORSE),
        (Status.PASS, Status.WAIVED, WORSE),
        (Status.PASS, Status.SKIP, WORSE),
        (Status.PASS, None, WORSE),
        (Status.FAIL, Status.ERROR, WORSE),
        (Status.WAIVED, Status.FAIL, WORSE),
        (Status.SKIP, Status.FAIL, WORSE),
        (None, Status.ERROR, WORSE),
        (Status.FAIL, Status.PASS, BETTER),
        (Status.WARN, Status.PASS, BETTER),
        (Status.SKIP, Status.PASS, BETTER),
        (None, Status.PASS, BETTER),
        (Status.FAIL, Status.SKIP, OTHER),
        (Status.SKIP, None, OTHER),
        (Status.SKIP, Status.WARN, OTHER),
    ],
)
def test_direction(before: Status | None, after: Status | None, direction: Direction) -> None:
    found = [one for one in changes(_of(before), _of(after)) if one.id == ONE]
    assert [(one.before, one.after, one.direction) for one in found] == [(before, after, direction)]


@pytest.mark.parametrize("status", [*Status, None])
def test_the_same_is_no_change(status: Status | None) -> None:
    assert changes(_of(status), _of(status)) == ()


def test_requirements_of_another_profile_are_not_compared() -> None:
    old = results(finding(ONE, Status.PASS), finding("F7T-JOB-001", Status.PASS))
    new = results(finding(ONE, Status.PASS), finding("F7T-RSV-001", Status.FAIL))
    assert changes(old, new) == ()
    assert only_in(old, new) == ("F7T-JOB-001",)
    assert only_in(new, old) == ("F7T-RSV-001",)


def _written(folder: Path, made: Results) -> str:
    write(made, folder)
    return str(folder)


@pytest.mark.parametrize("form", ["text", "json"])
def test_diff_ends_with_1_only_when_something_got_worse(tmp_path: Path, form: str) -> None:
    good = _written(tmp_path / "good", _of(Status.PASS))
    bad = _written(tmp_path / "bad", _of(Status.FAIL))
    run = CliRunner()
    worse = run.invoke(conformance, ["diff", good, bad, "--format", form])
    assert worse.exit_code == 1
    assert ONE in worse.output
    better = run.invoke(conformance, ["diff", bad, good, "--format", form])
    assert better.exit_code == 0
    if form == "json":
        assert json.loads(worse.output)["changes"] == [
            {"id": ONE, "before": "pass", "after": "fail", "direction": "worse"}
        ]
    missing = run.invoke(conformance, ["diff", good, str(tmp_path / "none")])
    assert (missing.exit_code, "none" in missing.output) == (2, True)


def test_matrix_on_a_terminal_and_as_a_page(tmp_path: Path) -> None:
    first = _written(tmp_path / "1", results(text=HOSTILE))
    second = _written(tmp_path / "2", _of(Status.FAIL))
    run = CliRunner()
    told = run.invoke(conformance, ["matrix", first, second, "--differing"])
    assert told.exit_code == 0, told.output
    assert ONE in told.output
    page = tmp_path / "matrix.html"
    assert run.invoke(conformance, ["matrix", first, second, "--html", str(page)]).exit_code == 0
    assert "<img src=x" not in page.read_text()
    row = next(one for one in table([results(), _of(Status.FAIL)]) if one.id == ONE)
    assert row.statuses[1] is Status.FAIL


def test_report_writes_everything_again(tmp_path: Path) -> None:
    folder = tmp_path / "first"
    write(results(), folder)
    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    for name in ("junit.xml", "report.html", "badge.json"):
        (folder / name).unlink()
    told = CliRunner().invoke(conformance, ["report", str(folder / "results.json")])
    assert told.exit_code == 0, told.output
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == before
