"""Generated parts of `docs/performance.md`: what stands between two marks is written anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.bench.fit import UNITS, Series, growth_table
from tests.bench.plot import plot
from tests.bench.surroundings import ROOT

PAGE = ROOT / "docs" / "performance.md"


def replaced(text: str, part: str, content: str) -> str:
    """The page with `content` as its generated part; raises `ValueError` without its marks."""
    start, end = f"<!-- generated: {part} -->", f"<!-- end: {part} -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no part {part!r} ({start} … {end})")
    return f"{before}{start}\n{content.strip()}\n{end}{after}"


def write(part: str, content: str, page: Path = PAGE) -> None:
    """Write a generated part of the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(replaced(text, part, content), encoding="utf-8")


def write_growth(facts: str, series: Sequence[Series], page: Path = PAGE) -> None:
    """Write the table of growth, and a plot for each thing that grows beside the page."""
    plots = page.parent / page.stem
    plots.mkdir(exist_ok=True)
    pictures = []
    for against in dict.fromkeys(one.against for one in series):
        file = plots / f"{against}.svg"
        file.write_text(plot([one for one in series if one.against == against]), encoding="utf-8")
        pictures.append(f"![cost against {UNITS[against]}]({plots.name}/{file.name})")
    write("growth", "\n\n".join([facts, growth_table(series), *pictures]), page)
