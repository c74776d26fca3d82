"""Plots as inline SVG: no script, no library, no colour of their own (the style sheet has them)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 68, 26, 32, 44

Point = tuple[float, float | None]
"""x and y; a y of None breaks the line."""


@dataclass(frozen=True)
class Series:
    """One line. Its number gives colour and dashes, so that they differ on paper as well."""

    name: str
    points: Sequence[Point]
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """A vertical (`x`) or horizontal (`y`) line with a word at it."""

    label: str
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Bar:
    """A bar between two places of the x axis."""

    left: float
    right: float
    height: float


@dataclass(frozen=True)
class Axis:
    """`text` writes a tick; a logarithmic axis has its ticks within decades."""

    label: str
    text: Callable[[float], str]
    logarithmic: bool = False


@dataclass(frozen=True)
class Plot:
    """What is drawn. `said` tells those who cannot see it what it shows."""

    id: str
    title: str
    said: str
    x: Axis
    y: Axis
    series: Sequence[Series] = ()
    bars: Sequence[Bar] = ()
    marks: Sequence[Mark] = ()


def drawn(plot: Plot) -> Markup:
    """The `svg` element; every text in it is escaped."""
    xs, ys = _extent(plot)
    across = _Scale(plot.x.logarithmic, *xs, LEFT, WIDTH - RIGHT)
    up = _Scale(plot.y.logarithmic, *ys, HEIGHT - BOTTOM, TOP)
    body = [
        *_grid(plot, across, up),
        *_bars(plot, across, up),
        *_lines(plot, across, up),
        *_marks(plot, across, up),
    ]
    head = Markup(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-labelledby="{i}-title {i}-said">'
        '<title id="{i}-title">{title}</title><desc id="{i}-said">{said}</desc>'
    ).format(w=WIDTH, h=HEIGHT, i=plot.id, title=plot.title, said=plot.said)
    return head + Markup("\n").join(body) + Markup("</svg>")


@dataclass(frozen=True)
class _Scale:
    logarithmic: bool
    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.logarithmic:
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.low))
        place = (at - low) / (high - low) if high > low else 0.5
        return round(self.start + place * (self.end - self.start), 1)


def _extent(plot: Plot) -> tuple[tuple[float, float], tuple[float, float]]:
    """What the axes span, ending on ticks upwards; a linear axis begins at zero."""
    xs = [x for one in plot.series for x, _ in one.points]
    xs += [edge for one in plot.bars for edge in (one.left, one.right)]
    xs += [one.x for one in plot.marks if one.x is not None]
    ys = [y for one in plot.series for _, y in one.points if y is not None]
    ys += [one.height for one in plot.bars]
    ys += [one.y for one in plot.marks if one.y is not None]
    return _span(plot.x, xs, whole=False), _span(plot.y, ys, whole=True)


def _span(axis: Axis, values: Sequence[float], *, whole: bool) -> tuple[float, float]:
    if axis.logarithmic:
        positive = [value for value in values if value > 0] or [1.0]
        low, high = min(positive), max(positive)
        return (low, high) if high > low * 1.01 else (low / 2, high * 2)
    top = max(values, default=0.0)
    if top <= 0:
        return 0.0, 1.0
    return 0.0, ticks(0.0, top)[-1] if whole else top


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from `low` on, three to seven of them, the last one at or above `high`."""
    raw = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    count = math.ceil((high - low) / step - 1e-9)
    return [low + number * step for number in range(count + 1)]


def decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade within; 1 and 3, or only 1, where these would be crowded."""
    span = high / low
    factors = (1, 2, 5) if span < 50 else (1, 3) if span < 1000 else (1,)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = (factor * 10.0**power for power in range(first, last + 1) for factor in factors)
    return [value for value in every if low <= value * 1.0001 and value <= high * 1.0001]


def _ticks_of(axis: Axis, scale: _Scale) -> list[float]:
    if axis.logarithmic:
        return decades(scale.low, scale.high)
    return [one for one in ticks(scale.low, scale.high) if one <= scale.high * 1.001]


def _grid(plot: Plot, across: _Scale, up: _Scale) -> Iterator[Markup]:
    floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for value in _ticks_of(plot.y, up):
        y = up(value)
        yield _line("grid", LEFT, y, right, y)
        yield _text("tick", LEFT - 6, y + 4, plot.y.text(value), "end")
    for value in _ticks_of(plot.x, across):
        x = across(value)
        yield _line("axis", x, floor, x, floor + 4)
        yield _text("tick", x, floor + 17, plot.x.text(value), "middle")
    yield _line("axis", LEFT, floor, right, floor)
    yield _text("label", right, HEIGHT - 6, plot.x.label, "end")


def _bars(plot: Plot, across: _Scale, up: _Scale) -> Iterator[Markup]:
    for one in plot.bars:
        left, right, top = across(one.left), across(one.right), up(one.height)
        yield Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"/>').format(
            left, top, round(max(right - left - 0.5, 0.5), 1), round(HEIGHT - BOTTOM - top, 1)
        )


def _lines(plot: Plot, across: _Scale, up: _Scale) -> Iterator[Markup]:
    for number, one in enumerate(plot.series):
        path, pen = [], "M"
        for x, y in one.points:
            if y is None:
                pen = "M"
                continue
            path.append(f"{pen}{across(x)} {up(y)}")
            pen = "L"
        yield Markup('<path class="series s{}" d="{}"/>').format(number, " ".join(path))
        for x, y in one.points:
            if one.dots and y is not None:
                yield Markup('<circle class="dot s{}" cx="{}" cy="{}" r="3"/>').format(
                    number, across(x), up(y)
                )


def _marks(plot: Plot, across: _Scale, up: _Scale) -> Iterator[Markup]:
    for number, one in enumerate(plot.marks):
        if one.x is not None:
            x = across(one.x)
            # Above the plot, in two rows: words would hide what they are about.
            row = 12 + 14 * (number % 2)
            yield _line("mark", x, row - 10, x, HEIGHT - BOTTOM)
            place, anchor = (x + 4, "start") if x < WIDTH / 2 else (x - 4, "end")
            yield _text("marked", place, row, one.label, anchor)
        if one.y is not None:
            y = up(one.y)
            yield _line("mark", LEFT, y, WIDTH - RIGHT, y)
            yield _text("marked", WIDTH - RIGHT - 2, y - 4, one.label, "end")


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, x1, y1, x2, y2)


def _text(kind: str, x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, round(x, 1), round(y, 1), anchor, words
    )
