"""Which plots a run has: over time, over load, and how the latencies are spread."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from f7t_loadtest.figures import judged
from f7t_loadtest.model import Bucket, Run, Second, Stage
from f7t_loadtest.reports import wording
from f7t_loadtest.reports.plots import Axis, Bar, Mark, Plot, Point, Series

_TIME = Axis("seconds since the start", "{:g}".format)
_RATE = Axis("per second", lambda value: f"{value:g}")
_LATENCY = Axis("latency", wording.brief_seconds)
_BUCKET_RATIO = 1.1
"""Bars are at least so wide, and just so where there is only one."""


def over_time(run: Run) -> list[Plot]:
    """Throughput, latency, and the generator's own work in each second."""
    if not run.timeline:
        return []
    marks = _stage_marks(run)
    series = [Series("requests", _each(run, lambda one: one.requests))]
    if any(one.tasks_completed for one in run.timeline):
        series.append(Series("tasks completed", _each(run, lambda one: one.tasks_completed)))
    if any(one.failures for one in run.timeline):
        series.append(Series("failed requests", _each(run, lambda one: one.failures)))
    busiest = max(one.requests for one in run.timeline)
    slowest = max((one.p95 for one in run.timeline if one.p95 is not None), default=None)
    hottest = max(one.generator_cpu for one in run.timeline)
    return [
        Plot(
            "rate-over-time",
            "Throughput over time, per second",
            f"At most {busiest} requests in one second.",
            _TIME, _RATE, series, marks=marks,
        ),
        Plot(
            "latency-over-time",
            "Latency over time",
            f"The highest p95 of a second is {wording.seconds(slowest)}.",
            _TIME, _LATENCY,
            [Series("p50", _each(run, lambda one: one.p50)),
             Series("p95", _each(run, lambda one: one.p95))],
            marks=[*marks, *_objective(run, slowest)],
        ),
        Plot(
            "generator-over-time",
            "The generator's own CPU over time, in cores",
            f"The busiest process of the generator used at most {hottest:.2f} cores.",
            _TIME, Axis("cores", "{:g}".format),
            [Series("cores of its busiest process", _each(run, lambda one: one.generator_cpu))],
            marks=[Mark("one core: the generator is the limit", y=1.0)],
        ),
    ]  # fmt: skip


def over_load(run: Run) -> list[Plot]:
    """Throughput and latency against users or offered arrivals, with the knee; of steps only."""
    points = [(load, one) for one in run.stages if (load := load_of(one)) is not None]
    # Not as measured: the search for the knee goes back to a lower load.
    points.sort(key=lambda point: point[0])
    if len(points) < 2:
        return []
    offered = points[0][1].offered is not None
    axis = Axis("offered arrivals per second" if offered else "concurrent users", "{:g}".format)
    rates = [Series("requests", [(load, one.rate) for load, one in points], dots=True)]
    if any(one.tasks for _, one in points):
        completed = [(load, one.tasks.rate if one.tasks else None) for load, one in points]
        rates.append(Series("tasks completed", completed, dots=True))
    marks = _knee(run)
    slowest = max((one.latency.p95 for _, one in points if one.latency), default=None)
    return [
        Plot(
            "rate-over-load", "Throughput over load, per second",
            f"At most {wording.rate(max(one.rate for _, one in points))} requests per second.",
            axis, _RATE, rates, marks=marks,
        ),
        Plot(
            "latency-over-load", "Latency over load",
            f"The highest p95 of a step is {wording.seconds(slowest)}.",
            axis, _LATENCY,
            [_quantile(points, "p50"), _quantile(points, "p95"), _quantile(points, "p99")],
            marks=[*marks, *_objective(run, slowest)],
        ),
    ]  # fmt: skip


def spread(run: Run) -> list[Plot]:
    """How many requests of the stage that speaks for the run took how long."""
    if not run.stages:
        return []
    stage = judged(run)
    bars = _bars([one.histogram for one in stage.operations])
    if not bars:
        return []
    latency = stage.latency
    marks = (
        [Mark("p50", x=latency.p50), Mark("p95", x=latency.p95), Mark("p99", x=latency.p99)]
        if latency
        else []
    )
    said = "Logarithmic in time. "
    if latency:
        said += f"Half took at most {wording.seconds(latency.p50)}, "
        said += f"one in a hundred more than {wording.seconds(latency.p99)}."
    return [
        Plot(
            "spread", "How the latencies are spread: requests by time", said,
            Axis("latency, logarithmic", wording.brief_seconds, logarithmic=True),
            Axis("requests", "{:g}".format),
            bars=bars, marks=marks,
        )
    ]  # fmt: skip


def load_of(stage: Stage) -> float | None:
    """Offered arrivals per second, or users in a closed loop."""
    return stage.offered if stage.offered is not None else stage.users


def _each(run: Run, value: Callable[[Second], float | None]) -> list[Point]:
    return [(one.at, value(one)) for one in run.timeline]


def _quantile(points: Sequence[tuple[float, Stage]], name: str) -> Series:
    values = [(load, getattr(one.latency, name, None)) for load, one in points]
    return Series(name, values, dots=True)


def _bars(histograms: Sequence[Sequence[Bucket]]) -> list[Bar]:
    """All operations together. Empty buckets are left out, so the narrowest step is the width."""
    steps = [
        high.upper / low.upper
        for one in histograms
        for low, high in pairwise(one)
        if 0 < low.upper < high.upper
    ]
    width = max(min(steps, default=_BUCKET_RATIO), _BUCKET_RATIO)
    counts: Counter[int] = Counter()
    for bucket in (bucket for one in histograms for bucket in one if bucket.upper > 0):
        counts[round(math.log(bucket.upper, width))] += bucket.count
    return [Bar(width ** (place - 1), width**place, counts[place]) for place in sorted(counts)]


def _stage_marks(run: Run) -> list[Mark]:
    """Where measuring begins; of steps the seconds at which they begin are in their table."""
    warm_up = sum(1 for one in run.timeline if one.stage is None and one.at < _first(run))
    return [Mark("warm-up ends", x=_first(run))] if warm_up else []


def _first(run: Run) -> float:
    measured = [one.at for one in run.timeline if one.stage is not None]
    return min(measured, default=0.0)


def _objective(run: Run, slowest: float | None) -> list[Mark]:
    """Only where the line is near: it would press everything else flat."""
    near = slowest is not None and run.objective.p95 <= slowest * 3
    return [Mark("objective of p95", y=run.objective.p95)] if near else []


def _knee(run: Run) -> list[Mark]:
    if run.knee is None:
        return []
    marks = []
    if run.knee.carried is not None:
        marks.append(Mark("knee: carried", x=run.knee.carried))
    if run.knee.broken is not None:
        marks.append(Mark("objective missed", x=run.knee.broken))
    return marks
