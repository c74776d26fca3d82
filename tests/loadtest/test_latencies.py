"""Quantiles and histograms of latencies, against the sorted list."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f7t_loadtest.latencies import Latencies

SECONDS = st.floats(min_value=0, max_value=500, allow_nan=False)


@given(st.lists(SECONDS, min_size=1, max_size=200), st.floats(min_value=0, max_value=1))
def test_a_quantile_is_that_of_the_sorted_list(values: list[float], share: float) -> None:
    exact = sorted(values)[max(1, math.ceil(share * len(values) - 1e-9)) - 1]
    got = Latencies(values).quantile(share)
    assert got == pytest.approx(exact, rel=0.012, abs=1e-5)


@given(st.lists(SECONDS, min_size=1, max_size=200))
def test_the_histogram_holds_every_latency_once(values: list[float]) -> None:
    latencies = Latencies(values)
    buckets = latencies.buckets()
    assert sum(one.count for one in buckets) == len(values)
    bounds = [one.upper for one in buckets]
    assert bounds == sorted(set(bounds))
    assert max(values) <= bounds[-1] * 1.000001
    for bucket in buckets:
        # Four buckets an octave; the first one holds everything up to ten microseconds.
        lower = bucket.upper / 2**0.25 if bucket.upper > 1.00001e-5 else -1
        within = [one for one in values if lower * 1.000001 < one <= bucket.upper * 0.999999]
        assert len(within) <= bucket.count


@given(st.lists(SECONDS, max_size=50), st.lists(SECONDS, max_size=50))
def test_merged_sets_are_one_set(first: list[float], second: list[float]) -> None:
    merged = Latencies(first)
    merged.merge(Latencies(second))
    whole = Latencies([*first, *second])
    assert merged.buckets() == whole.buckets()
    assert merged.quantile(0.95) == whole.quantile(0.95)
    assert merged.mean == pytest.approx(whole.mean)


def test_the_summary_of_known_latencies() -> None:
    summary = Latencies(number / 1000 for number in range(1, 101)).summary()
    assert summary is not None
    assert (summary.count, summary.maximum) == (100, 0.1)
    assert summary.mean == pytest.approx(0.0505)
    assert summary.p50 == pytest.approx(0.05, rel=0.012)
    assert summary.p95 == pytest.approx(0.095, rel=0.012)
    assert summary.p99 == pytest.approx(0.099, rel=0.012)


def test_nothing_measured_is_no_figure() -> None:
    assert Latencies().summary() is None
    assert Latencies().quantile(0.5) is None
    assert Latencies().buckets() == []
    assert Latencies([-1.0]).quantile(0.5) == 0.0
