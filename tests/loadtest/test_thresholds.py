"""Thresholds hold where they should, and above all can fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from f7t_loadtest.figures import judged
from f7t_loadtest.model import Run
from f7t_loadtest.reading import check as command
from f7t_loadtest.reports import write
from f7t_loadtest.thresholds import (
    BadThresholds,
    Thresholds,
    Verdict,
    check,
    read_thresholds,
    unasked,
)
from tests.loadtest import made_up

OURS = Path(__file__).parents[2] / "loadtest" / "thresholds.yaml"
RATIO = {
    "name": "submissions", "scenario": "tasks", "figure": "operation_rate", "floor": "sbatch",
    "operation": "POST /compute/jobs", "at_least": 0.3, "reason": "It is one sbatch.",
}  # fmt: skip


def _verdict(run: Run, **other: Any) -> Verdict:
    given = {name: value for name, value in {**RATIO, **other}.items() if value is not None}
    (verdict,) = check(run, Thresholds.model_validate({"thresholds": [given]}))
    return verdict


def test_a_ratio_to_a_floor_is_kept_or_missed() -> None:
    assert _verdict(made_up.run()).value == pytest.approx(40 / 130)
    assert _verdict(made_up.run()).kept
    missed = _verdict(made_up.run(), at_least=0.31)
    assert not missed.kept
    assert missed.sentence == (
        "tasks, submissions: POST /compute/jobs (rate) by floor 'sbatch' is 0.308, demanded at "
        "least 0.31. It is one sbatch."
    )


def test_quick_failures_do_not_count_as_served() -> None:
    broken = made_up.operation("POST /compute/jobs", 400, failures=390)
    assert not _verdict(made_up.run(stages=[made_up.stage(operations=[broken])])).kept


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("request_rate", 330), ("error_rate", 0), ("task_rate", 39.6), ("unsettled_tasks", 4),
        ("job_id_p50", 0.06), ("ssh_connections_per_request", 0.001),
    ],
)  # fmt: skip
def test_figures_of_the_whole(figure: str, value: float) -> None:
    run = made_up.run()
    absolute = {"figure": figure, "operation": None, "floor": None, "at_least": None}
    assert _verdict(run, **absolute, at_most=value).value == pytest.approx(value)
    if value:
        assert not _verdict(run, **absolute, at_most=value * 0.99).kept


def test_quantiles_of_an_operation() -> None:
    other = {"figure": "operation_p95", "floor": None, "at_least": None}
    assert _verdict(made_up.run(), **other, at_most=0.105).kept
    assert not _verdict(made_up.run(), **other, at_most=0.103).kept


@pytest.mark.parametrize(
    ("run", "other", "said"),
    [
        (made_up.run(floors=[]), {}, "no floor 'sbatch'"),
        (made_up.run(), {"operation": "GET /nothing"}, "no such operation; the run has POST"),
        (made_up.run(stopped="budget"), {}, "did not come to its end"),
        (
            made_up.run(stages=[made_up.stage(ssh=None)]),
            {"figure": "ssh_connections_per_request", "operation": None, "floor": None},
            "has no ssh_connections_per_request",
        ),
    ],
    ids=["floor", "operation", "stopped", "figure"],
)
def test_what_cannot_be_told_is_missed(run: Run, other: dict[str, Any], said: str) -> None:
    verdict = _verdict(run, **other)
    assert not verdict.kept
    assert said in verdict.sentence


def test_of_steps_the_best_one_within_the_objective_is_judged() -> None:
    assert judged(made_up.steps()).users == 16


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"at_most": 1}, "one of at_least and at_most"),
        ({"at_least": None}, "one of at_least and at_most"),
        ({"operation": None}, "operation belongs to"),
        ({"figure": "task_rate"}, "operation belongs to"),
        ({"figure": "speed"}, "figure"),
        ({"at_leest": 1}, "at_leest"),
        ({"reason": None}, "reason"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    given = {name: value for name, value in {**RATIO, **change}.items() if value is not None}
    file = tmp_path / "thresholds.yaml"
    file.write_text(yaml.safe_dump({"thresholds": [given]}))
    with pytest.raises(BadThresholds, match=said):
        read_thresholds(file)


def test_ours_can_be_read_and_demands_something_of_each_scenario() -> None:
    ours = read_thresholds(OURS)
    assert {one.scenario for one in ours.thresholds} == {"tasks", "files", "poll-storm"}
    assert {one.floor for one in ours.thresholds if one.floor} <= {
        one.name for one in made_up.floors()
    }
    assert {one.threshold.scenario for one in unasked([made_up.run()], ours)} == {
        "files",
        "poll-storm",
    }


def _call(tmp_path: Path, run: Run, *options: str) -> tuple[int, str]:
    write(run, tmp_path)
    file = tmp_path / "thresholds.yaml"
    file.write_text(made_up.DEMANDED)
    done = CliRunner().invoke(command, [str(tmp_path), "--thresholds", str(file), *options])
    return done.exit_code, done.output


def test_the_command_gates(tmp_path: Path) -> None:
    status, said = _call(tmp_path, made_up.run())
    assert (status, said.count("kept  "), said.count("MISSED")) == (0, 2, 0)
    status, said = _call(tmp_path, made_up.run(), "--complete")
    assert (status, said.count("MISSED")) == (1, 2)
    status, said = _call(tmp_path, made_up.run(stages=[made_up.stage(failures=100)]), "--json")
    assert status == 1
    assert [one["kept"] for one in json.loads(said)] == [True, False]
    status, said = _call(tmp_path, made_up.run(scenario="mixed"))
    assert (status, "demands nothing of mixed" in said) == (2, True)
