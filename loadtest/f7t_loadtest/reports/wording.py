"""Numbers and a server's words as people read them, the same in every report."""

from __future__ import annotations

import re

NOTHING = "–"
"""Shown where nothing was measured."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """A server's text: what would steer a terminal or turn the line is shown as an escape."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def seconds(value: float | None) -> str:
    """A duration with three digits that count: `870 µs`, `12.3 ms`, `4.56 s`, `2 min 5 s`."""
    if value is None:
        return NOTHING
    if value >= 120:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    if value >= 1:
        return f"{_three(value)} s"
    if value >= 0.001:
        return f"{_three(value * 1000)} ms"
    return f"{_three(value * 1_000_000)} µs"


def rate(value: float | None) -> str:
    """So many per second, without the unit."""
    return NOTHING if value is None else _three(value)


def size(value: float | None) -> str:
    """Bytes in powers of ten."""
    if value is None:
        return NOTHING
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{_three(value / factor)} {unit}"
    return f"{value:.0f} B"


def share(part: int, whole: int) -> str:
    """`part` of `whole` in percent; what is not nothing is never shown as 0 %."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    if not part:
        return "0 %"
    if percent < 0.01:
        return "< 0.01 %"
    return f"{percent:.2g} %" if percent < 10 else f"{percent:.0f} %"


def number(value: float | None) -> str:
    """A plain number with three digits that count."""
    return NOTHING if value is None else _three(value)


def _three(value: float) -> str:
    if value >= 99.95:
        return f"{value:,.0f}".replace(",", "\u202f")
    if value >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.0995 else f"{value:.2g}"


def brief_seconds(value: float) -> str:
    """A tick of an axis: `2 ms`, not `2.00 ms`."""
    if value >= 1:
        return f"{value:g} s"
    if value >= 0.001:
        return f"{value * 1000:g} ms"
    return f"{value * 1_000_000:g} µs" if value else "0"
