"""The search for the knee as pure functions: which load to try next, what the tried ones say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from f7t_loadtest.model import Knee, Objective, Stage


@dataclass(frozen=True)
class Tried:
    """One step: the load that was offered, and whether it was carried within the objective."""

    load: float
    carried: bool


@dataclass(frozen=True)
class Ladder:
    """Steps grow until one is not carried; then the gap to the last carried one is halved.

    Attributes:
        start: the first load, users or arrivals per second.
        growth: factor between growing steps, above 1.
        limit: the highest load that is tried.
        steps: how many are tried at most.
        precision: the search ends when the gap is at most this share of the carried load.
        whole: loads are whole numbers (users).
    """

    start: float
    growth: float = 2.0
    limit: float = 4096.0
    steps: int = 10
    precision: float = 0.1
    whole: bool = False

    def next(self, tried: Sequence[Tried]) -> float | None:
        """The next load to try; None when the knee is known well enough, or steps are used up."""
        if len(tried) >= self.steps:
            return None
        if not tried:
            return self._round(min(self.start, self.limit))
        carried, broken = bounds(tried)
        if broken is None:
            top = max(one.load for one in tried)
            wanted = self._round(min(top * self.growth, self.limit))
            return wanted if wanted > top else None
        if carried is None:
            return self._untried(self._round(broken / self.growth), tried)
        if broken - carried <= self.precision * carried:
            return None
        return self._untried(self._round((carried + broken) / 2), tried)

    def _untried(self, load: float, tried: Sequence[Tried]) -> float | None:
        return None if load <= 0 or any(one.load == load for one in tried) else load

    def _round(self, load: float) -> float:
        return float(int(load)) if self.whole else round(load, 2)


def bounds(tried: Sequence[Tried]) -> tuple[float | None, float | None]:
    """The highest carried load below every load that was not carried, and the lowest of these."""
    broken = min((one.load for one in tried if not one.carried), default=None)
    carried = [one.load for one in tried if one.carried and (broken is None or one.load < broken)]
    return max(carried, default=None), broken


def missed(stage: Stage, objective: Objective) -> str:
    """What of the objective a stage missed, in words; empty if nothing."""
    if not stage.requests:
        return "nothing was answered"
    reasons = []
    share = stage.failures / stage.requests
    if share > objective.error_rate:
        reasons.append(f"{share:.1%} of the requests failed (allowed: {objective.error_rate:.1%})")
    if stage.latency is None:
        reasons.append("no latency was measured")
    elif stage.latency.p95 > objective.p95:
        reasons.append(f"p95 was {stage.latency.p95:.3g} s (allowed: {objective.p95:.3g} s)")
    return " and ".join(reasons)


def found(stages: Sequence[Stage], objective: Objective) -> Knee:
    """The knee that the steps show.

    Args:
        stages: all of one kind of load, in any order; at least one.
    """
    by_users = stages[0].users is not None
    loads = {_load(one): one for one in stages}
    carried, broken = bounds([Tried(_load(one), one.within_objective) for one in stages])
    best = loads[carried] if carried is not None else None
    unit = "users" if by_users else "arrivals per second"
    if broken is not None:
        reason = f"at {broken:g} {unit} {missed(loads[broken], objective)}"
    else:
        reason = f"the objective was kept up to {carried:g} {unit}, the highest step that was tried"
    return Knee(
        load="users" if by_users else "offered",
        carried=carried,
        rate=best.rate if best else None,
        task_rate=best.tasks.rate if best and best.tasks else None,
        broken=broken,
        reason=reason,
    )


def _load(stage: Stage) -> float:
    return float(stage.users if stage.users is not None else stage.offered or 0.0)
