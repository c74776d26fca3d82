"""Single figures of a run: the stage that speaks for it, what was served, what a floor bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from f7t_loadtest.model import Floor, Operation, Run, Stage

SBATCH = "sbatch"
SBATCH_ONCE = "sbatch, one at a time"
SFTP_STAT = "sftp stat"
SFTP_LISTDIR = "sftp listdir"
SQUEUE = "squeue"
REDIS_GET = "redis get"

BOUNDED: Mapping[str, str] = {
    SBATCH: "POST /compute/jobs*",
    SFTP_STAT: "GET /utilities/stat*",
    SFTP_LISTDIR: "GET /utilities/ls*",
    SQUEUE: "GET /compute/jobs*",
    REDIS_GET: "GET /tasks/*",
}
"""Floor to the operation that it bounds; operations are named by method and path."""


@dataclass(frozen=True)
class Ratio:
    """A figure of the run beside the floor that bounds it."""

    floor: Floor
    through: str
    """What went through the gateway."""
    value: float | None
    ratio: float | None
    """Of rates: gateway by floor, at most about 1. Of seconds: at least about 1."""


def judged(run: Run) -> Stage:
    """The stage that speaks for the whole run.

    Of steps that is the quickest within the objective, or the first where none is within it.

    Raises:
        ValueError: the run has no stage.
    """
    if not run.stages:
        raise ValueError("the run ended before its first stage")
    within = [one for one in run.stages if one.within_objective]
    return max(within, key=lambda one: one.rate) if within else run.stages[0]


def operation(stage: Stage, pattern: str) -> Operation | None:
    """The operation of that name; of several that fit a pattern with `*` the one asked most."""
    fitting = [one for one in stage.operations if fnmatchcase(one.name, pattern)]
    return max(fitting, key=lambda one: one.requests, default=None)


def served_rate(one: Operation) -> float:
    """Successes per second; `rate` also counts failures, which may be quick."""
    return one.rate * (1 - one.failures / one.requests) if one.requests else 0.0


def error_rate(stage: Stage) -> float:
    """Failed requests by all requests; 0 without any."""
    return stage.failures / stage.requests if stage.requests else 0.0


def ratios(run: Run) -> list[Ratio]:
    """Every floor with what this run says about it."""
    return [_ratio(run, floor) for floor in run.floors]


def _ratio(run: Run, floor: Floor) -> Ratio:
    stage = judged(run) if run.stages else None
    through, value = "", None
    if stage and floor.name == SBATCH_ONCE:
        through = "submission to job id, median"
        age = stage.tasks.to_job_id if stage.tasks else None
        value = age.p50 if age else None
    elif stage and floor.name in BOUNDED:
        found = operation(stage, BOUNDED[floor.name])
        through = found.name if found else BOUNDED[floor.name].rstrip("*/")
        value = served_rate(found) if found else None
    ratio = value / floor.value if value is not None and floor.value else None
    return Ratio(floor, through, value, ratio)
