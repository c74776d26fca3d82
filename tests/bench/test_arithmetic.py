"""Ratios, targets, exponents, tables, plots and the page: what is made of what was measured."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import page
from tests.bench.figures import (
    Figure,
    at_least,
    at_most,
    document,
    markdown_table,
    number,
    plain_table,
    ratio_at_least,
    ratio_at_most,
)
from tests.bench.fit import Series, growth_lines, growth_table, slope
from tests.bench.loops import Loop, timed, turns
from tests.bench.plot import plot

RATE = Figure("ls", "ls", "1/s", (90, 110, 100), "SFTP", (200, 180, 220), ratio_at_least(0.5))
TIME = Figure("submit", "submit", "ms", (30,), "sbatch", (20,), ratio_at_most(1.3))
SMALL = Figure("start", "memory", "MB", (80, 100), target=at_most(90))
GROWN = Series("tasks", "list & read", ((1, 1.0), (10, 2.0), (100, 11.0), (1000, 101.0)))


def test_a_ratio_is_the_median_of_the_gateway_to_that_of_the_floor() -> None:
    assert (RATE.value, RATE.floor_value, RATE.ratio) == (100, 200, 0.5)
    assert SMALL.ratio is None


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (RATE, True),
        (TIME, False),
        (SMALL, True),
        (Figure("x", "x", "1/s", (999,), target=at_least(1000)), False),
        (Figure("x", "x", "ms", (1,)), None),
        (Figure("x", "x", "ms", (1,), target=ratio_at_most(1)), None),
    ],
)
def test_a_target_is_met_at_its_bound_and_on_its_side(figure: Figure, met: bool | None) -> None:
    assert figure.met is met


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (12345, "12 345")],
)
def test_numbers_have_three_figures_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_tables_name_what_was_missed() -> None:
    figures = [RATE, TIME, SMALL]
    lines = plain_table(figures).splitlines()
    assert len(lines) == 4
    assert "NO" in lines[2]
    assert "NO" not in lines[1] + lines[3]
    assert "| submit | 30.0 ms | 20.0 ms | sbatch | 1.50 | ≤ 1.3 × floor | NO |" in (
        markdown_table(figures)
    )
    assert document({}, figures)["figures"][0]["samples"] == (90, 110, 100)


def test_a_loop_knows_its_rate_and_quantiles() -> None:
    loop = Loop(4, 2.0, (0.1, 0.2, 0.3, 0.4), 0.5)
    assert (loop.rate, loop.quantile(0.5), loop.quantile(1)) == (2.0, 0.3, 0.4)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(power: float) -> None:
    points = tuple((count, 3 * count**power) for count in (1, 10, 100, 1000))
    one = Series("users", "call", points)
    assert one.exponent == pytest.approx(power)
    assert one.verdict == ("linear or better" if power <= 1 else "worse than linear")


def test_the_last_decade_counts_where_the_beginning_is_flat() -> None:
    points = tuple((count, 100 + count**2 / 100) for count in (1, 10, 100, 1000, 10_000))
    assert (slope(points) or 0) < 1.15
    assert Series("users", "call", points).verdict == "worse than linear"


def test_nothing_is_said_of_a_single_point_and_nothing_of_zero() -> None:
    assert slope([(5, 1.0)]) is None
    assert slope([(0, 1.0), (5, 1.0)]) is None
    assert Series("jobs", "call", ((0, 1.0), (5, 2.0))).verdict == "too few points"


def test_growth_is_shown_with_its_exponent() -> None:
    assert "| tasks stored | list & read |" in growth_table([GROWN])
    assert "1 000: 101 ms; exponent 0.96, linear or better" in growth_lines([GROWN])


def test_a_plot_is_a_picture_with_every_point_inside() -> None:
    root = ElementTree.fromstring(plot([GROWN, Series("tasks", "floor", ((0, 0.5),), floor=True)]))
    name = "{http://www.w3.org/2000/svg}"
    circles = root.findall(f"{name}circle")
    assert len(circles) == 5
    assert all(0 < float(one.attrib["cx"]) < float(root.attrib["width"]) for one in circles)
    assert all(0 < float(one.attrib["cy"]) < float(root.attrib["height"]) for one in circles)
    heights = [float(one.attrib["cy"]) for one in circles[:4]]
    assert heights == sorted(heights, reverse=True)


def test_only_what_stands_between_the_marks_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "performance.md"
    text = "# A\n<!-- generated: growth -->\nold\n<!-- end: growth -->\nmine\n"
    file.write_text(text)
    page.write_growth("facts", [GROWN], file)
    written = file.read_text()
    assert "old" not in written
    assert written.startswith("# A\n<!-- generated: growth -->\nfacts\n")
    assert written.endswith("<!-- end: growth -->\nmine\n")
    assert (tmp_path / "performance" / "tasks.svg").exists()
    with pytest.raises(ValueError, match="figures"):
        page.write("figures", "new", file)


def test_the_page_has_both_generated_parts() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    for part in ("figures", "growth"):
        assert "new content" in page.replaced(text, part, "new content")


async def test_who_begins_takes_turns_and_the_first_turn_warms_up() -> None:
    asked: list[str] = []

    def clocked(name: str) -> Callable[[], Awaitable[float]]:
        async def once() -> float:
            asked.append(name)
            return float(len(asked)) if name == "g" else -float(len(asked))

        return once

    assert await turns(3, clocked("g"), clocked("f")) == ([1, 4, 5], [-2, -3, -6])
    assert "".join(asked) == "gffggf"
    asked.clear()
    assert await timed(2, clocked("g"), clocked("f")) == ([4, 5], [-3, -6])
