"""Small plots with logarithmic axes as SVG, for a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from tests.bench.figures import number
from tests.bench.fit import UNITS, Series

_WIDTH, _HEIGHT = 560, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 24, 44
_LEGEND = 18
_COLOURS = ("#1f6fb4", "#c4501b", "#2c8a3d", "#7a4fa3")
_FONT = 'font-family="sans-serif" font-size="12"'


def plot(series: Sequence[Series]) -> str:
    """An SVG picture of series against one and the same number; zeros stand at one."""
    counts = sorted({count for one in series for count, _ in one.points})
    costs = [cost for one in series for _, cost in one.points]
    across = _Axis(max(1, counts[0]), max(1, counts[-1]), _LEFT, _WIDTH - _RIGHT)
    up = _Axis(*_decades(min(costs), max(costs)), _HEIGHT - _BOTTOM, _TOP)
    height = _HEIGHT + _LEGEND * len(series)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" {_FONT}>',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        *_grid(across, up, counts),
        f'<text x="{_LEFT}" y="14" fill="#333">ms per call</text>',
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 8}" fill="#333" '
        f'text-anchor="middle">{escape(UNITS[series[0].against])}</text>',
    ]
    for index, one in enumerate(series):
        parts += _line(one, _COLOURS[index % len(_COLOURS)], across, up)
        parts += _key(one, _COLOURS[index % len(_COLOURS)], _HEIGHT + 4 + _LEGEND * index)
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """From values to places, logarithmically."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._span = math.log(low), (math.log(high) - math.log(low)) or 1.0
        self._start, self._length = start, end - start
        self.low, self.high = low, high

    def place(self, value: float) -> float:
        """Of a positive value, in pixels."""
        return self._start + self._length * (math.log(value) - self._low) / self._span


def _decades(low: float, high: float) -> tuple[float, float]:
    start = 10.0 ** math.floor(math.log10(low))
    end = 10.0 ** math.ceil(math.log10(high))
    return start, end if end > start else start * 10


def _grid(across: _Axis, up: _Axis, counts: Sequence[int]) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    value = up.low
    while value <= up.high * 1.001:
        y = up.place(value)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="#ddd"/>'
        text = f"{value:g}" if value < 1000 else number(value)
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#333">{text}</text>'
        value *= 10
    for count in counts:
        x = across.place(max(1, count))
        yield f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="#eee"/>'
        text = f"{count:,}".replace(",", " ")
        yield (
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" fill="#333">{text}</text>'
        )


def _line(one: Series, colour: str, across: _Axis, up: _Axis) -> Iterator[str]:
    places = [(across.place(max(1, count)), up.place(cost)) for count, cost in one.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dashes = ' stroke-dasharray="5 4"' if one.floor else ""
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _key(one: Series, colour: str, y: float) -> Iterator[str]:
    yield f'<rect x="{_LEFT}" y="{y}" width="14" height="4" fill="{colour}"/>'
    exponent = "" if one.exponent is None else f", exponent {one.exponent:.2f}"
    yield f'<text x="{_LEFT + 22}" y="{y + 6}" fill="#333">{escape(one.what + exponent)}</text>'
