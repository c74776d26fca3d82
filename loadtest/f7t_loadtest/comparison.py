"""Two runs beside each other: what got better, what got worse, and what is only noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import StrEnum

from f7t_loadtest.figures import error_rate, judged, served_rate
from f7t_loadtest.model import Latency, Operation, Record, Run, Stage

BAND = 0.10
"""Runs of the same thing on the same quiet machine differ by less, mostly."""
_OF_A_RATE = 2.0
_OF_A_QUANTILE = {"p50": 3.0, "p95": 3.0, "p99": 4.4}
"""Two standard errors of a quantile of n exponentially spread times are about so much by √n."""
_SMALLEST_ERROR_RATE = 0.001


class Incomparable(Exception):
    """The runs did different things; the message says what differs."""


class Direction(StrEnum):
    """Where a figure went from the first run to the second."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"


class Change(Record):
    """One figure in both runs. Rates per second, times in seconds, error rates as a share.

    `band` is the relative difference that counts as noise; of error rates it is the absolute one.
    """

    stage: str
    figure: str
    unit: str
    before: float
    after: float
    band: float
    direction: Direction


class Comparison(Record):
    """Every figure that both runs have, and what else differs between them."""

    band: float
    changes: tuple[Change, ...]
    notes: tuple[str, ...]

    @property
    def worse(self) -> bool:
        return any(one.direction is Direction.WORSE for one in self.changes)


def compare(a: Run, b: Run, *, band: float = BAND, force: bool = False) -> Comparison:
    """`b` beside `a`; stages are paired by load, a pair of single stages whatever their load.

    Raises:
        Incomparable: scenario or mode differ and it is not forced, or no stage is in both.
    """
    differing = [
        f"{name} {getattr(a, name)!r} and {getattr(b, name)!r}"
        for name in ("scenario", "mode")
        if getattr(a, name) != getattr(b, name)
    ]
    if differing and not force:
        raise Incomparable(f"the runs did different things: {', '.join(differing)}")
    pairs = _pairs(a, b)
    if not pairs:
        raise Incomparable("the runs have no stage of the same load")
    changes = [one for before, after in pairs for one in _of_stages(before, after, band)]
    changes += _of_knees(a, b, band)
    return Comparison(band=band, changes=tuple(changes), notes=(*differing, *_notes(a, b)))


def _pairs(a: Run, b: Run) -> list[tuple[Stage, Stage]]:
    if len(a.stages) == 1 and len(b.stages) == 1:
        return [(a.stages[0], b.stages[0])]
    loads = {(one.users, one.offered): one for one in b.stages}
    return [(one, loads[key]) for one in a.stages if (key := (one.users, one.offered)) in loads]


def _of_stages(a: Stage, b: Stage, band: float) -> Iterator[Change]:
    name = a.name
    yield _rate(name, "requests", (a.rate, b.rate), (a.requests, b.requests), band)
    yield _errors(name, a, b)
    yield from _quantiles(name, "latency", a.latency, b.latency, band)
    if a.tasks and b.tasks:
        counts = (a.tasks.completed, b.tasks.completed)
        yield _rate(name, "tasks completed", (a.tasks.rate, b.tasks.rate), counts, band)
        yield from _quantiles(name, "until settled", a.tasks.age, b.tasks.age, band)
        ids = (a.tasks.to_job_id, b.tasks.to_job_id)
        yield from _quantiles(name, "until job id", *ids, band)
    if a.ssh and b.ssh:
        opened = (a.ssh.connections_per_request, b.ssh.connections_per_request)
        yield _costs(name, "SSH connections", opened, (a.ssh.connections, b.ssh.connections), band)
        opened = (a.ssh.channels_per_request, b.ssh.channels_per_request)
        yield _costs(name, "SSH channels", opened, (a.ssh.channels, b.ssh.channels), band)
    others = {one.name: one for one in b.operations}
    for one in a.operations:
        if one.name in others:
            yield from _of_operations(name, one, others[one.name], band)


def _of_operations(stage: str, a: Operation, b: Operation, band: float) -> Iterator[Change]:
    counts = (a.requests - a.failures, b.requests - b.failures)
    yield _rate(stage, a.name, (served_rate(a), served_rate(b)), counts, band)
    yield from _quantiles(stage, a.name, a.latency, b.latency, band)


def _of_knees(a: Run, b: Run, band: float) -> Iterator[Change]:
    """Steps are coarse: what is carried differs by a step or not at all."""
    if a.knee and b.knee and a.knee.load == b.knee.load:
        before, after = a.knee.carried or 0.0, b.knee.carried or 0.0
        unit = "users" if a.knee.load == "users" else "offered/s"
        yield _change("knee", "carried", unit, (before, after), band, more_is_better=True)


def _rate(
    stage: str, what: str, rates: tuple[float, float], counts: Sequence[int], band: float
) -> Change:
    band = max(band, _OF_A_RATE * _spread(counts))
    return _change(stage, what, "/s", rates, band, more_is_better=True)


def _costs(
    stage: str, what: str, costs: tuple[float, float], counts: Sequence[int], band: float
) -> Change:
    band = max(band, _OF_A_RATE * _spread(counts))
    return _change(stage, what, "/request", costs, band, more_is_better=False)


def _quantiles(
    stage: str, what: str, a: Latency | None, b: Latency | None, band: float
) -> Iterator[Change]:
    if a is None or b is None:
        return
    for name, factor in _OF_A_QUANTILE.items():
        values = (float(getattr(a, name)), float(getattr(b, name)))
        wide = max(band, factor * _spread((a.count, b.count)))
        yield _change(stage, f"{what} {name}", "s", values, wide, more_is_better=False)


def _errors(stage: str, a: Stage, b: Stage) -> Change:
    """Absolute: from nothing every step is infinitely large."""
    before, after = error_rate(a), error_rate(b)
    requests = a.requests + b.requests
    pooled = (a.failures + b.failures) / requests if requests else 0.0
    deviation = math.sqrt(pooled * (1 - pooled)) * _spread((a.requests, b.requests))
    noise = max(_SMALLEST_ERROR_RATE, 2 * deviation)
    direction = Direction.SAME
    if abs(after - before) > noise:
        direction = Direction.WORSE if after > before else Direction.BETTER
    return Change(
        stage=stage, figure="failed requests", unit="share",
        before=before, after=after, band=noise, direction=direction,
    )  # fmt: skip


def _spread(counts: Sequence[int]) -> float:
    """Relative standard error of the difference of two counts; 1 where one counted nothing."""
    return math.sqrt(sum(1 / one for one in counts)) if all(counts) else 1.0


def _change(
    stage: str,
    figure: str,
    unit: str,
    values: tuple[float, float],
    band: float,
    *,
    more_is_better: bool,
) -> Change:
    before, after = values
    larger = max(abs(before), abs(after))
    direction = Direction.SAME
    # By the larger one, and as a ratio: half as much and twice as much are equally far away.
    if larger and abs(after - before) / larger > band / (1 + band):
        direction = Direction.BETTER if (after > before) == more_is_better else Direction.WORSE
    return Change(
        stage=stage, figure=figure, unit=unit,
        before=before, after=after, band=band, direction=direction,
    )  # fmt: skip


def _notes(a: Run, b: Run) -> Iterator[str]:
    """What a reader must know before blaming the server."""
    for name in ("target", "system", "identities", "tool_version"):
        before, after = getattr(a, name), getattr(b, name)
        if before != after:
            yield f"{name.replace('_', ' ')}: {before} and {after}"
    for name in sorted({*a.settings, *b.settings}):
        before, after = a.settings.get(name), b.settings.get(name)
        if before != after:
            yield f"setting {name}: {before} and {after}"
    for word, one in (("first", a), ("second", b)):
        yield from (f"{word} run: {warning}" for warning in one.warnings)
        if one.stopped:
            yield f"{word} run: stopped early ({one.stopped})"
        if one.stages and judged(one).requests < 100:
            yield f"{word} run: fewer than 100 requests"
