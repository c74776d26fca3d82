"""What a load test records: the document that reports, comparisons and thresholds read.

All times are in seconds, all sizes in bytes, all rates per second. Times within a run count from
its start. A latency counts from the moment at which the request was due, not from when it was sent:
a generator that falls behind would otherwise hide just the requests that had to wait (coordinated
omission).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

FORMAT: Final = "f7t-loadtest/1"

Mode = Literal["closed", "open", "steps"]


class Record(BaseModel):
    """Immutable, and nothing undeclared gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Objective(Record):
    """What still counts as served: p95 of all requests and the share of failed ones."""

    p95: float = Field(gt=0, description="seconds")
    error_rate: float = Field(ge=0, le=1, description="failed requests by all requests")


class Latency(Record):
    """Quantiles of a set of latencies; absent (null in the document) where nothing was measured."""

    count: int = Field(ge=0)
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    maximum: float


class Bucket(Record):
    """How many latencies were above the previous bucket's bound and at most this one's."""

    upper: float = Field(description="seconds")
    count: int = Field(ge=0)


class Operation(Record):
    """One kind of request in one stage, such as `GET /utilities/ls`."""

    name: str
    requests: int = Field(ge=0)
    failures: int = Field(ge=0)
    rate: float = Field(description="answered requests per second, the failed ones included")
    latency: Latency | None
    histogram: list[Bucket] = Field(description="logarithmic bounds, empty buckets left out")
    bytes_sent: int = Field(ge=0, description="bodies only")
    bytes_received: int = Field(ge=0, description="bodies only")


class Tasks(Record):
    """FirecREST tasks begun in one stage."""

    begun: int = Field(ge=0)
    completed: int = Field(ge=0, description="settled as a success within the run")
    failed: int = Field(ge=0)
    unsettled: int = Field(ge=0, description="not settled when their patience was over")
    rate: float = Field(description="completed tasks per second")
    polls_per_task: float | None
    age: Latency | None = Field(description="from the submission's answer to the settled answer")
    to_job_id: Latency | None = Field(
        description="from when the submission was due to the answer that tells the job id"
    )


class Ssh(Record):
    """What the gateway opened, from its own counters; only where its /metrics can be read."""

    connections: int = Field(ge=0)
    channels: int = Field(ge=0)
    connections_per_request: float
    channels_per_request: float


class Generator(Record):
    """The load generator itself, so that it cannot be the bottleneck unnoticed."""

    cpu_mean: float = Field(description="cores used by its busiest process, mean")
    cpu_maximum: float = Field(
        description="cores used by its busiest process, in its busiest second"
    )
    late_mean: float = Field(
        description="seconds between a request's due time and its sending, mean"
    )
    late_p99: float
    processes: int = Field(ge=1)


class Stage(Record):
    """A time of constant load. A run of mode `closed` or `open` has one; `steps` has one a step."""

    name: str
    begins: float = Field(description="seconds since the run's start, warm-up left out")
    seconds: float = Field(gt=0)
    users: int | None = Field(description="closed loop: concurrent users")
    offered: float | None = Field(description="open arrival: intended arrivals per second")
    requests: int = Field(ge=0)
    failures: int = Field(ge=0)
    rate: float
    latency: Latency | None = Field(description="all operations together")
    operations: list[Operation]
    tasks: Tasks | None = Field(description="absent in scenarios without tasks")
    ssh: Ssh | None
    generator: Generator
    within_objective: bool


class Second(Record):
    """One second of the run, for the plots over time. Warm-up is included, with stage null."""

    at: float
    stage: str | None
    users: int = Field(ge=0)
    requests: int = Field(ge=0)
    failures: int = Field(ge=0)
    tasks_completed: int = Field(ge=0)
    p50: float | None
    p95: float | None
    bytes_sent: int = Field(ge=0)
    bytes_received: int = Field(ge=0)
    generator_cpu: float


class Failure(Record):
    """Failures of one kind: an HTTP status, a connection error or an answer that was refused."""

    stage: str
    operation: str
    kind: str = Field(description="such as 'HTTP 400', 'connection refused', 'timeout'")
    count: int = Field(ge=1)
    example: str = Field(
        description="what the first one said; without secrets, at most 300 characters"
    )


class Knee(Record):
    """The highest load within the objective, and the lowest one beyond it (if it was reached)."""

    load: Literal["users", "offered"]
    carried: float | None = Field(
        description="null: not even the first step was within the objective"
    )
    rate: float | None = Field(description="answered requests per second at that load")
    task_rate: float | None
    broken: float | None = Field(
        description="null: the steps ended before the objective was missed"
    )
    reason: str = Field(description="what was missed, in a sentence")


class Floor(Record):
    """What the machine did without the gateway, measured in the same run."""

    name: str
    value: float
    unit: Literal["per second", "seconds", "bytes per second"]
    how: str = Field(description="the measurement in a sentence")


class Run(Record):
    """The whole document, `results.json`."""

    format: Literal["f7t-loadtest/1"] = FORMAT
    tool_version: str
    target: str = Field(description="the base URL, without credentials")
    system: str
    scenario: str
    mode: Mode
    begun: datetime
    seconds: float
    settings: dict[str, str | int | float | bool | None] = Field(
        description="what the run was asked for; no secrets"
    )
    objective: Objective
    identities: int = Field(ge=1, description="how many different users' tokens took part")
    stages: list[Stage]
    timeline: list[Second]
    failures: list[Failure]
    knee: Knee | None
    floors: list[Floor]
    warnings: list[str] = Field(description="why the figures may not be what they seem")
    stopped: Literal["interrupted", "budget"] | None = Field(description="null: ran to its end")
    leftovers: list[str] = Field(description="what could not be removed, as system:path or job ids")
