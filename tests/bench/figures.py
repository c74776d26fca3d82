"""What was measured, what it was to reach, and how both are shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Target:
    """What a figure is to reach: `ratio` to its floor, or the `value` itself in its unit.

    Attributes:
        least: it is to be at least the bound, else at most.
    """

    of: Literal["ratio", "value"]
    bound: float
    least: bool

    @property
    def text(self) -> str:
        """For people."""
        sign = "≥" if self.least else "≤"
        return f"{sign} {self.bound:g}" + (" × floor" if self.of == "ratio" else "")


def ratio_at_least(bound: float) -> Target:
    return Target("ratio", bound, True)


def ratio_at_most(bound: float) -> Target:
    return Target("ratio", bound, False)


def at_least(bound: float) -> Target:
    return Target("value", bound, True)


def at_most(bound: float) -> Target:
    return Target("value", bound, False)


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        samples, floor_samples: one per repetition, in `unit`; a figure without a floor has none.
        floor: what the floor is.
        note: what else there is to know, for example a quantile.
    """

    row: str
    what: str
    unit: str
    samples: tuple[float, ...]
    floor: str = ""
    floor_samples: tuple[float, ...] = ()
    target: Target | None = None
    note: str = ""

    @property
    def value(self) -> float:
        """Median of the repetitions."""
        return statistics.median(self.samples)

    @property
    def floor_value(self) -> float | None:
        """Median of the floor's repetitions."""
        return statistics.median(self.floor_samples) if self.floor_samples else None

    @property
    def ratio(self) -> float | None:
        """Gateway to floor: for times less is better, for rates more."""
        return self.value / self.floor_value if self.floor_value else None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one, or without its floor."""
        if self.target is None:
            return None
        reached = self.ratio if self.target.of == "ratio" else self.value
        if reached is None:
            return None
        return reached >= self.target.bound if self.target.least else reached <= self.target.bound


def number(value: float) -> str:
    """Three figures that count, and all those before the point."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


HEAD = ("what", "gateway", "floor", "floor is", "ratio", "target", "met", "note")


def cells(figure: Figure) -> tuple[str, ...]:
    """The line of a figure, cell by cell, below `HEAD`."""
    floor, ratio = figure.floor_value, figure.ratio
    met = {True: "yes", False: "NO", None: ""}[figure.met]
    return (
        figure.what,
        f"{number(figure.value)} {figure.unit}",
        f"{number(floor)} {figure.unit}" if floor is not None else "",
        figure.floor,
        f"{ratio:.2f}" if ratio is not None else "",
        figure.target.text if figure.target else "",
        met,
        figure.note,
    )


def facts_line(facts: dict[str, Any]) -> str:
    """The machine and the versions in one sentence."""
    return (
        f"{facts['date']}, commit {facts['commit']}: {facts['cores']} cores "
        f"({facts['processor']}, {facts['memory_gb']} GB), Linux {facts['kernel']}, Python "
        f"{facts['python']}, Slurm {facts['slurm']}, OpenSSH {facts['openssh']}, Redis "
        f"{facts['redis']}; {facts['workers']}; load {facts['load']} before."
    )


def plain_table(figures: Sequence[Figure]) -> str:
    """The table for a terminal."""
    lines = [HEAD, *(cells(figure) for figure in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def markdown_table(figures: Sequence[Figure]) -> str:
    """The table for a page."""
    return markdown(HEAD, [cells(figure) for figure in figures])


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Any table for a page."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(text or ' ' for text in row)} |" for row in rows)


def document(facts: dict[str, Any], figures: Sequence[Figure]) -> dict[str, Any]:
    """The result for machines, with every sample."""
    return {
        "facts": facts,
        "figures": [
            {
                "row": figure.row,
                "what": figure.what,
                "unit": figure.unit,
                "value": figure.value,
                "samples": figure.samples,
                "floor": figure.floor,
                "floor_value": figure.floor_value,
                "floor_samples": figure.floor_samples,
                "ratio": figure.ratio,
                "target": figure.target.text if figure.target else None,
                "met": figure.met,
                "note": figure.note,
            }
            for figure in figures
        ],
    }
