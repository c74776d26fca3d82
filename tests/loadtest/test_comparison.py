"""Two runs beside each other: differences are told, noise is not, other things are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from f7t_loadtest.comparison import Change, Comparison, Direction, Incomparable, compare
from f7t_loadtest.model import Run
from f7t_loadtest.reading import compare as command
from f7t_loadtest.reports import write
from tests.loadtest import made_up


def _of(found: Comparison, figure: str) -> Change:
    (one,) = (one for one in found.changes if one.figure == figure)
    return one


def _run(**stage: Any) -> Run:
    return made_up.run(stages=[made_up.stage(**stage)])


def test_a_run_is_the_same_as_itself() -> None:
    for run in (made_up.run(), made_up.steps()):
        found = compare(run, run)
        assert {one.direction for one in found.changes} == {Direction.SAME}
        assert not found.worse
        assert [note for note in found.notes if not note.startswith(("first", "second"))] == []


@pytest.mark.parametrize(
    ("rate", "direction"),
    [(330 * 1.09, "same"), (330 / 1.09, "same"), (330 * 1.12, "better"), (330 / 1.12, "worse")],
)
def test_a_rate_beyond_the_band_is_better_or_worse(rate: float, direction: str) -> None:
    assert _of(compare(_run(), _run(rate=rate)), "requests").direction == direction


def test_more_latency_is_worse() -> None:
    slower = compare(_run(middle=0.02), _run(middle=0.03))
    assert _of(slower, "latency p95").direction is Direction.WORSE
    assert _of(slower, "until job id p50").direction is Direction.WORSE
    quicker = compare(_run(middle=0.03), _run(middle=0.02))
    assert _of(quicker, "GET /utilities/ls p50").direction is Direction.BETTER


def test_few_requests_make_a_wide_band() -> None:
    few = [made_up.operation("GET /utilities/ls", 20, middle=middle) for middle in (0.02, 0.03)]
    found = compare(*(_run(operations=[one]) for one in few))
    one = _of(found, "GET /utilities/ls p95")
    assert one.direction is Direction.SAME
    assert one.band == pytest.approx(3 * (2 / 20) ** 0.5)


def test_errors_from_nothing_are_worse_and_a_single_one_is_not() -> None:
    assert _of(compare(_run(), _run(failures=1)), "failed requests").direction is Direction.SAME
    assert _of(compare(_run(), _run(failures=90)), "failed requests").direction is Direction.WORSE
    assert _of(compare(_run(failures=90), _run()), "failed requests").direction is Direction.BETTER


def test_a_knee_a_step_lower_is_worse() -> None:
    before = made_up.steps()
    assert before.knee is not None
    after = before.model_copy(update={"knee": before.knee.model_copy(update={"carried": 8})})
    assert _of(compare(before, after), "carried").direction is Direction.WORSE


@pytest.mark.parametrize("other", [{"scenario": "files"}, {"mode": "open"}])
def test_other_things_are_refused_unless_forced(other: dict[str, str]) -> None:
    made = made_up.run(**other)
    with pytest.raises(Incomparable, match="did different things"):
        compare(made_up.run(), made)
    assert "and" in compare(made_up.run(), made, force=True).notes[0]


def test_steps_are_paired_by_load() -> None:
    fewer = made_up.steps().model_copy(update={"stages": made_up.steps().stages[2:4]})
    found = compare(made_up.steps(), fewer)
    assert {one.stage for one in found.changes} == {"4 users", "8 users", "knee"}
    none = fewer.model_copy(update={"stages": []})
    with pytest.raises(Incomparable, match="no stage of the same load"):
        compare(made_up.steps(), none)


def test_what_else_differs_is_noted() -> None:
    other = made_up.run(settings={"users": 9}, warnings=["noisy"], target="http://other")
    notes = compare(made_up.run(), other).notes
    assert "setting users: 8 and 9" in notes
    assert "second run: noisy" in notes
    assert "target: http://127.0.0.1:8000 and http://other" in notes


def _call(tmp_path: Path, a: Run, b: Run, *options: str) -> tuple[int, str]:
    for name, run in (("a", a), ("b", b)):
        write(run, tmp_path / name)
    done = CliRunner().invoke(command, [str(tmp_path / "a"), str(tmp_path / "b"), *options])
    return done.exit_code, done.output


def test_the_command_shows_what_changed_and_exits_accordingly(tmp_path: Path) -> None:
    status, said = _call(tmp_path, _run(), _run(rate=200.0))
    assert status == 1
    assert "330 /s" in said
    assert "0 better, 1 worse" in said
    assert "latency p95" not in said
    status, said = _call(tmp_path, _run(), _run(), "--all")
    assert status == 0
    assert "latency p95" in said
    status, said = _call(tmp_path, _run(), made_up.run(scenario="files"))
    assert (status, "--force" in said) == (2, True)
    assert _call(tmp_path, made_up.hostile(), made_up.hostile(), "--all")[1].count("\x1b") == 0


def test_the_command_prints_json(tmp_path: Path) -> None:
    status, said = _call(tmp_path, _run(), _run(rate=500.0), "--json")
    assert status == 0
    (better,) = [one for one in json.loads(said)["changes"] if one["direction"] != "same"]
    assert (better["figure"], better["before"], better["after"]) == ("requests", 330, 500)
