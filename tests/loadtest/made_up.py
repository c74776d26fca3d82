"""Documents of load tests that never ran, for what is made from them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from f7t_loadtest.figures import REDIS_GET, SBATCH, SBATCH_ONCE, SFTP_LISTDIR, SFTP_STAT, SQUEUE
from f7t_loadtest.model import (
    Bucket,
    Failure,
    Floor,
    Generator,
    Knee,
    Latency,
    Mode,
    Objective,
    Operation,
    Run,
    Second,
    Ssh,
    Stage,
    Tasks,
)

HOSTILE = "<script>document.title='broken'</script>\"'&\u202e\x1b[31m{{ 7*7 }}"
_WIDTH = 1.25


def latency(middle: float = 0.02, count: int = 1000) -> Latency:
    """Quantiles as of an ordinary, skewed spread around `middle` seconds."""
    factors = {"mean": 1.2, "p50": 1.0, "p90": 2.0, "p95": 2.6, "p99": 4.5, "maximum": 12.0}
    return Latency(count=count, **{name: middle * factor for name, factor in factors.items()})


def histogram(middle: float, count: int) -> list[Bucket]:
    """Log-normal around `middle`."""
    found = []
    centre = round(math.log(middle, _WIDTH))
    for number in range(-12, 14):
        share = math.exp(-((number / 4) ** 2)) / 7.1
        if round(count * share):
            upper = _WIDTH ** (centre + number)
            found.append(Bucket(upper=upper, count=round(count * share)))
    return found


def operation(name: str, requests: int = 1000, *, middle: float = 0.02, **other: Any) -> Operation:
    """Asked in 10 s."""
    made = {
        "name": name,
        "requests": requests,
        "failures": 0,
        "rate": requests / 10,
        "latency": latency(middle, requests),
        "histogram": histogram(middle, requests),
        "bytes_sent": 120 * requests,
        "bytes_received": 900 * requests,
    }
    return Operation(**{**made, **other})


def stage(name: str = "closed", *, users: int = 8, middle: float = 0.02, **other: Any) -> Stage:
    """Ten seconds of submissions and polls."""
    operations = [
        operation("POST /compute/jobs", 400, middle=middle * 2),
        operation("GET /tasks/{id}", 1600, middle=middle),
        operation("GET /utilities/ls", 600, middle=middle),
        operation("GET /utilities/stat", 700, middle=middle),
    ]
    made = {
        "name": name,
        "begins": 0.0,
        "seconds": 10.0,
        "users": users,
        "offered": None,
        "requests": 3300,
        "failures": 0,
        "rate": 330.0,
        "latency": latency(middle, 3300),
        "operations": operations,
        "tasks": Tasks(
            begun=400, completed=396, failed=0, unsettled=4, rate=39.6, polls_per_task=4.1,
            age=latency(middle * 4, 396), to_job_id=latency(middle * 3, 396),
        ),
        "ssh": Ssh(
            connections=4, channels=420, connections_per_request=0.001, channels_per_request=0.13
        ),
        "generator": Generator(
            cpu_mean=0.3, cpu_maximum=0.45, late_mean=0.0004, late_p99=0.003, processes=1
        ),
        "within_objective": True,
    }  # fmt: skip
    return Stage(**{**made, **other})


def floors() -> list[Floor]:
    how = {
        SBATCH: (130.0, "per second"),
        SBATCH_ONCE: (0.03, "seconds"),
        SFTP_STAT: (4800.0, "per second"),
        SFTP_LISTDIR: (1000.0, "per second"),
        SQUEUE: (240.0, "per second"),
        REDIS_GET: (22000.0, "per second"),
    }
    return [
        Floor(name=name, value=value, unit=unit, how=f"{name} directly, for one second")
        for name, (value, unit) in how.items()
    ]


def timeline(stages: list[Stage], middle: float = 0.02) -> list[Second]:
    """Two seconds of warm-up, then the stages."""
    at: list[str | None] = [None, None]
    at += [one.name for one in stages for _ in range(10)]
    found = []
    for number, name in enumerate(at):
        wave = 1 + 0.2 * math.sin(number)
        load = 1 + number / 25
        found.append(
            Second(
                at=number, stage=name, users=8, requests=round(330 * wave), failures=0,
                tasks_completed=round(40 * wave), p50=middle * wave * load,
                p95=middle * 2.6 * wave * load, bytes_sent=40_000, bytes_received=300_000,
                generator_cpu=0.3 * wave,
            )
        )  # fmt: skip
    return found


def run(**other: Any) -> Run:
    """A closed loop of the scenario `tasks` in which nothing went wrong."""
    stages = other.get("stages") or [stage()]
    made = {
        "tool_version": "0.1.0",
        "target": "http://127.0.0.1:8000",
        "system": "cluster",
        "scenario": "tasks",
        "mode": "closed",
        "begun": datetime(2025, 6, 1, 12, 0, tzinfo=UTC),
        "seconds": 12.0,
        "settings": {"users": 8, "duration": 10, "seed": None, "keep": False},
        "objective": Objective(p95=1.0, error_rate=0.01),
        "identities": 2,
        "stages": stages,
        "timeline": timeline(stages),
        "failures": [],
        "knee": None,
        "floors": floors(),
        "warnings": [],
        "stopped": None,
        "leftovers": [],
    }
    return Run(**{**made, **other})


def steps(mode: Mode = "steps") -> Run:
    """Six steps of load, of which the sixth is beyond the objective."""
    stages = []
    for number, users in enumerate((1, 2, 4, 8, 16, 32)):
        rate = 400 * (1 - math.exp(-users / 8))
        middle = users / rate
        stages.append(
            stage(
                f"{users} users", users=users, middle=middle, begins=10.0 * number, rate=rate,
                requests=round(rate * 10), failures=40 if users == 32 else 0,
                within_objective=users < 32,
            )
        )  # fmt: skip
    return run(
        mode=mode,
        stages=stages,
        settings={"users": "1,2,4,8,16,32", "duration": 10},
        objective=Objective(p95=0.15, error_rate=0.01),
        knee=Knee(
            load="users", carried=16, rate=stages[4].rate, task_rate=39.6, broken=32,
            reason="p95 was 212 ms, above 150 ms.",
        ),
        failures=[
            Failure(stage="32 users", operation="POST /compute/jobs", kind="HTTP 400", count=38,
                    example='{"error":"Batch job submission failed"}'),
            Failure(stage="32 users", operation="GET /utilities/ls", kind="timeout", count=2,
                    example="no answer in 10 s"),
        ],
        warnings=["The generator ran on the same machine as the gateway."],
        leftovers=["cluster:/home/test1/f7t-load-1234"],
    )  # fmt: skip


def hostile() -> Run:
    """Every text that a server, a system or a caller could have chosen steers or breaks out."""
    bad = stage(HOSTILE, operations=[operation(HOSTILE)])
    return run(
        target=f"http://127.0.0.1/{HOSTILE}",
        system=HOSTILE,
        scenario=HOSTILE,
        tool_version=HOSTILE,
        stages=[bad],
        settings={HOSTILE: HOSTILE},
        failures=[
            Failure(stage=HOSTILE, operation=HOSTILE, kind=HOSTILE, count=1, example=HOSTILE)
        ],
        knee=Knee(load="users", carried=8, rate=1, task_rate=None, broken=9, reason=HOSTILE),
        floors=[Floor(name=HOSTILE, value=1, unit="per second", how=HOSTILE)],
        warnings=[HOSTILE],
        leftovers=[HOSTILE],
    )


DEMANDED = """
thresholds:
  - {name: submissions, scenario: tasks, figure: operation_rate, operation: POST /compute/jobs,
     floor: sbatch, at_least: 0.3, reason: It is one sbatch.}
  - {name: tasks succeed, scenario: tasks, figure: error_rate, at_most: 0.01, reason: Load is low.}
  - {name: stat, scenario: files, figure: operation_rate, operation: GET /utilities/stat*,
     floor: sftp stat, at_least: 0.1, reason: It is one request.}
  - {name: polls, scenario: poll-storm, figure: error_rate, at_most: 0.01, reason: Load is low.}
"""
"""Thresholds of which `run` and all that is made from it keeps the first two and the last."""
