"""What one run is to do: made by the command, read by the process that makes the load."""

from __future__ import annotations

from pydantic import Field

from f7t_loadtest.model import Mode, Objective, Record


class Plan(Record):
    """Everything but the target and the identities, which the environment tells (`Settings`)."""

    scenario: str
    mode: Mode = "closed"
    users: int = Field(default=8, ge=1, le=5000, description="closed: users; open: most workers")
    rate: float = Field(default=10.0, gt=0, description="open: arrivals per second")
    paced: bool = Field(default=False, description="open: evenly spaced instead of Poisson")
    duration: float = Field(default=30.0, gt=0, description="seconds of each stage")
    warm_up: float = Field(default=3.0, ge=0, description="seconds before the first stage")
    step_by: str = Field(default="rate", pattern="^(users|rate)$", description="what steps raise")
    steps: int = Field(default=10, ge=1, le=50, description="how many steps at most")
    growth: float = Field(default=2.0, gt=1, description="factor between growing steps")
    limit: float = Field(default=4096.0, gt=0, description="the highest load that steps try")
    objective: Objective
    pause: float | None = Field(default=None, ge=0, description="think time; none: the scenario's")
    poll: float = Field(default=0.25, gt=0, description="seconds between two looks at a task")
    patience: float = Field(default=60.0, gt=0, description="how long a task is followed")
    timeout: float = Field(default=30.0, gt=0, description="of one request")
    queued: int = Field(default=100, ge=0, description="held jobs of each caller")
    entries: int = Field(default=10, ge=1, description="of the directory that is listed")
    size: int = Field(default=1_000_000, ge=1, description="bytes of one transferred file")
    max_jobs: int = Field(default=1000, ge=0, description="submitted in the whole run")
    max_bytes: int = Field(default=2_000_000_000, ge=0, description="carried in the whole run")
    callers: int = Field(default=0, ge=0, description="use so many identities; 0: all")
    seed: int = Field(default=0, description="of arrivals, think times and choices")

    @property
    def shown(self) -> dict[str, str | int | float | bool | None]:
        """What the document tells of it."""
        left_out = {"objective", "scenario", "mode"}
        return dict(self.model_dump(mode="json", exclude=left_out))
