"""Times of the accounting call (compute.md C6, D10)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f7t.slurm.times import FORMATS, parse_time

NOW = datetime(2026, 3, 15, 14, 30, 45, 123456)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("09:05", "2026-03-15T09:05:00"),
        ("9:05", "2026-03-15T09:05:00"),
        ("23:59:58", "2026-03-15T23:59:58"),
        ("12:00 AM", "2026-03-15T00:00:00"),
        ("12:00PM", "2026-03-15T12:00:00"),
        ("01:02:03 pm", "2026-03-15T13:02:03"),
        ("0314", "2026-03-14T00:00:00"),
        ("0315", "2026-03-15T00:00:00"),
        ("0316", "2025-03-16T00:00:00"),
        ("122425", "2025-12-24T00:00:00"),
        ("03/14", "2026-03-14T00:00:00"),
        ("3/4/26", "2026-03-04T00:00:00"),
        ("03/14/2024", "2024-03-14T00:00:00"),
        ("12/31", "2025-12-31T00:00:00"),
        ("03.14", "2026-03-14T00:00:00"),
        ("03.14.25", "2025-03-14T00:00:00"),
        ("03/14-09:05", "2026-03-14T09:05:00"),
        ("03/14/25-09:05:59", "2025-03-14T09:05:59"),
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("2026-01-05T10:00", "2026-01-05T10:00:00"),
        ("2026-01-05T10:00:07", "2026-01-05T10:00:07"),
        (" 2026-01-05 ", "2026-01-05T00:00:00"),
    ],
)
def test_every_documented_format_is_understood(text: str, expected: str) -> None:
    assert parse_time(text, NOW).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "yesterday",
        "now-1hour",
        "24:00",
        "12:60",
        "13:00 PM",
        "0:30 AM",
        "1332",
        "0230",
        "02/30",
        "2026-13-01",
        "2025-02-29",
        "2026-01-05 10:00",
        "2026-01-05T10",
        "2026-01-05T10:00:00Z",
        "20260105",
        "1",
        "12345",
        "١٢:٠٠",
        "$(id)",
        "--help",
    ],
)
def test_anything_else_is_an_error_that_names_the_formats(text: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_time(text, NOW)
    assert FORMATS in str(refused.value)


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{1,4}[/.:-][0-9]{1,4}([/.:T-][0-9:]{1,6})?"))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    with suppress(ValueError):
        assert parse_time(text, NOW).microsecond == 0
