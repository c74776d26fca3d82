"""How fast a cost grows: the exponent of the power law that fits it best, and what to think of it.

A cost `c(n) = a · n^e` is a straight line of slope `e` where both axes are logarithmic. Calls have
a part that does not grow, which flattens the line at its beginning; so the slope of the last decade
is fitted as well, and the steeper of the two is what is judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.figures import markdown, number

LINEAR = 1.15
"""Exponents up to here count as linear: figures of one run differ by that much."""
UNITS = {
    "users": "users",
    "jobs": "jobs queued",
    "entries": "entries of the directory",
    "tasks": "tasks stored",
    "workers": "workers",
}


@dataclass(frozen=True)
class Series:
    """Cost per call in milliseconds against a number of things.

    Attributes:
        against: key of `UNITS`.
        floor: it is what the machine does without the gateway, and not judged.
    """

    against: str
    what: str
    points: tuple[tuple[int, float], ...]
    floor: bool = False

    @property
    def exponent(self) -> float | None:
        """The steeper of the slopes over everything and over the last decade."""
        largest = max(count for count, _ in self.points)
        last = [point for point in self.points if point[0] * 10 >= largest]
        slopes = [slope(points) for points in (self.points, last)]
        known = [one for one in slopes if one is not None]
        return max(known) if known else None

    @property
    def verdict(self) -> str:
        """For people."""
        if self.exponent is None:
            return "too few points"
        if self.exponent <= LINEAR:
            return "linear or better"
        return "worse than linear"


def slope(points: Sequence[tuple[int, float]]) -> float | None:
    """Least-squares slope of log cost over log number; None for fewer than two positive points."""
    logs = [(math.log(count), math.log(cost)) for count, cost in points if count > 0 and cost > 0]
    if len({x for x, _ in logs}) < 2:
        return None
    middle_x = sum(x for x, _ in logs) / len(logs)
    middle_y = sum(y for _, y in logs) / len(logs)
    above = sum((x - middle_x) * (y - middle_y) for x, y in logs)
    return above / sum((x - middle_x) ** 2 for x, _ in logs)


def growth_table(series: Sequence[Series]) -> str:
    """The table for a page."""
    head = ("against", "call", "ms per call", "exponent", "verdict")
    lines = []
    for one in series:
        costs = ", ".join(f"{_spaced(count)}: {number(cost)}" for count, cost in one.points)
        exponent = "" if one.exponent is None else f"{one.exponent:.2f}"
        lines.append(
            (UNITS[one.against], one.what, costs, exponent, "" if one.floor else one.verdict)
        )
    return markdown(head, lines)


def growth_lines(series: Sequence[Series]) -> str:
    """The same for a terminal, a line each."""
    return "\n".join(
        f"{UNITS[one.against]}: {one.what}: "
        + ", ".join(f"{_spaced(count)}: {number(cost)} ms" for count, cost in one.points)
        + (f"; exponent {one.exponent:.2f}" if one.exponent is not None else "")
        + ("" if one.floor else f", {one.verdict}")
        for one in series
    )


def _spaced(count: int) -> str:
    return f"{count:,}".replace(",", " ")
