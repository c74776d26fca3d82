"""What is demanded of a run: figures, mostly as ratios to floors measured in the same run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from f7t_loadtest.figures import error_rate, judged, operation, served_rate
from f7t_loadtest.model import Record, Run, Stage

OfStage = Literal[
    "request_rate",
    "error_rate",
    "task_rate",
    "unsettled_tasks",
    "job_id_p50",
    "ssh_connections_per_request",
]
OfOperation = Literal["operation_rate", "operation_p50", "operation_p95"]


class BadThresholds(Exception):
    """The file is missing or wrong; the message says where."""


class Threshold(Record):
    """One demand. With a floor the figure is divided by it, otherwise it is taken as it is."""

    name: str = Field(min_length=1)
    scenario: str = Field(min_length=1)
    figure: OfStage | OfOperation
    operation: str | None = None
    floor: str | None = None
    at_least: float | None = Field(default=None, ge=0)
    at_most: float | None = Field(default=None, ge=0)
    reason: str = Field(min_length=10, description="why this and not less")

    @model_validator(mode="after")
    def _one_bound_and_its_operation(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give one of at_least and at_most")
        if self.figure.startswith("operation_") != (self.operation is not None):
            raise ValueError("operation belongs to the figures operation_…, and to no other")
        return self


class Thresholds(Record):
    """The whole file."""

    thresholds: tuple[Threshold, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.thresholds]
        if len(set(names)) != len(names):
            raise ValueError("two thresholds have the same name")
        return self


@dataclass(frozen=True)
class Verdict:
    """One threshold and what the run says; `value` is None where the run cannot tell."""

    threshold: Threshold
    value: float | None
    missing: str = ""

    @property
    def kept(self) -> bool:
        if self.value is None:
            return False
        if self.threshold.at_least is not None:
            return self.value >= self.threshold.at_least
        assert self.threshold.at_most is not None
        return self.value <= self.threshold.at_most

    @property
    def bound(self) -> str:
        one = self.threshold
        return (
            f"at least {one.at_least:g}" if one.at_least is not None else f"at most {one.at_most:g}"
        )

    @property
    def sentence(self) -> str:
        """What was found and demanded, and of a miss the reason for the demand."""
        one = self.threshold
        what = one.operation or one.figure.replace("_", " ")
        if one.operation:
            what += f" ({one.figure.removeprefix('operation_')})"
        if one.floor:
            what += f" by floor {one.floor!r}"
        found = f"not measured: {self.missing}" if self.value is None else f"{self.value:.3g}"
        end = "" if self.kept else f". {one.reason}"
        return f"{one.scenario}, {one.name}: {what} is {found}, demanded {self.bound}{end}"


def read_thresholds(path: Path) -> Thresholds:
    """The file's content.

    Raises:
        BadThresholds: it is not there, no YAML, or something in it is unknown or contradictory.
    """
    try:
        return Thresholds.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise BadThresholds(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadThresholds(f"{path} is no YAML: {error}") from error
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise BadThresholds("\n".join([f"{path} is wrong:", *lines])) from None


def check(run: Run, thresholds: Thresholds) -> list[Verdict]:
    """A verdict on every threshold of the run's scenario, in the file's order."""
    return [_verdict(run, one) for one in thresholds.thresholds if one.scenario == run.scenario]


def unasked(runs: Sequence[Run], thresholds: Thresholds) -> list[Verdict]:
    """Thresholds of scenarios of which there is no run: a demand that nobody checks is missed."""
    scenarios = {one.scenario for one in runs}
    return [
        Verdict(one, None, "there is no run of this scenario")
        for one in thresholds.thresholds
        if one.scenario not in scenarios
    ]


_OF_STAGE: Mapping[str, Callable[[Stage], float | None]] = {
    "request_rate": lambda stage: stage.rate,
    "error_rate": lambda stage: error_rate(stage) if stage.requests else None,
    "task_rate": lambda stage: stage.tasks.rate if stage.tasks else None,
    "unsettled_tasks": lambda stage: stage.tasks.unsettled if stage.tasks else None,
    "job_id_p50": lambda stage: (
        stage.tasks.to_job_id.p50 if stage.tasks and stage.tasks.to_job_id else None
    ),
    "ssh_connections_per_request": lambda stage: (
        stage.ssh.connections_per_request if stage.ssh else None
    ),
}


def _verdict(run: Run, threshold: Threshold) -> Verdict:
    if run.stopped or not run.stages:
        return Verdict(threshold, None, "the run did not come to its end")
    value, missing = _figure(judged(run), threshold)
    if value is None or threshold.floor is None:
        return Verdict(threshold, value, missing)
    floors = {one.name: one.value for one in run.floors}
    if not floors.get(threshold.floor):
        return Verdict(threshold, None, f"the run has no floor {threshold.floor!r}")
    return Verdict(threshold, value / floors[threshold.floor])


def _figure(stage: Stage, threshold: Threshold) -> tuple[float | None, str]:
    """The value, or None and why there is none."""
    if threshold.operation is None:
        value = _OF_STAGE[threshold.figure](stage)
        return value, "" if value is not None else f"the run has no {threshold.figure}"
    found = operation(stage, threshold.operation)
    if found is None:
        known = ", ".join(one.name for one in stage.operations) or "nothing"
        return None, f"no such operation; the run has {known}"
    if threshold.figure == "operation_rate":
        return served_rate(found), ""
    if found.latency is None:
        return None, "nothing of it was answered"
    quantile: float = getattr(found.latency, threshold.figure.removeprefix("operation_"))
    return quantile, ""
