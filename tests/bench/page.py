"""Generated parts of `docs/performance.md`: what stands between two marks is written anew."""

from __future__ import annotations

from pathlib import Path

from tests.bench.surroundings import ROOT

PAGE = ROOT / "docs" / "performance.md"
PLOTS = ROOT / "docs" / "performance"


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
