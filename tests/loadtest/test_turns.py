"""Whose turn it is, closed loop and open arrival; gevent without its replacements."""

from __future__ import annotations

import itertools
import time

import gevent
import pytest

from f7t_loadtest.turns import Turns, arrivals


def no_pause() -> float:
    return 0.0


def test_paced_arrivals_are_evenly_spaced() -> None:
    assert list(itertools.islice(arrivals(4, "x", paced=True), 3)) == [0.25, 0.5, 0.75]


def test_poisson_arrivals_have_the_rate_and_are_the_same_for_a_seed() -> None:
    moments = list(itertools.islice(arrivals(50, "seed", paced=False), 20_000))
    assert moments == list(itertools.islice(arrivals(50, "seed", paced=False), 20_000))
    assert moments != list(itertools.islice(arrivals(50, "other", paced=False), 20_000))
    assert len(moments) / moments[-1] == pytest.approx(50, rel=0.03)
    gaps = sorted(b - a for a, b in itertools.pairwise(moments))
    # Of an exponential distribution: the median gap is ln 2 of the mean.
    assert gaps[len(gaps) // 2] == pytest.approx(0.6931 / 50, rel=0.05)


def test_arrivals_that_find_nobody_free_keep_the_moment_at_which_they_were_due() -> None:
    turns = Turns(time.perf_counter)
    taken: list[float] = []
    start = time.perf_counter()

    def busy() -> None:
        for _ in range(3):
            taken.append(turns.take(0, no_pause))
            gevent.sleep(0.05)

    visitor = gevent.spawn(busy)
    gevent.sleep(0)
    begun = time.perf_counter()
    turns.let_arrive(iter([0.0, 0.001, 0.002]))
    visitor.join(timeout=10)
    assert visitor.successful()
    assert [round(one - taken[0], 6) for one in taken] == [0, 0.001, 0.002]
    assert start <= begun <= taken[0] <= time.perf_counter()


def test_arrivals_that_were_never_begun_are_told() -> None:
    turns = Turns(time.perf_counter)
    turns.let_arrive(iter([0.0, 0.0, 0.0]))
    gevent.sleep(0.01)
    assert turns.close(overdue=60) == 0
    turns.let_arrive(iter([0.0, 0.0, 0.0]))
    gevent.sleep(0.01)
    assert turns.close() == 3
    assert turns.close() == 0


def test_only_so_many_users_have_turns() -> None:
    turns = Turns(time.perf_counter)
    counts = [0, 0, 0]

    def visit(number: int) -> None:
        while True:
            turns.take(number, no_pause)
            counts[number] += 1
            gevent.sleep(0)

    visitors = [gevent.spawn(visit, number) for number in range(3)]
    turns.let_users(2)
    gevent.sleep(0.01)
    turns.close()
    gevent.sleep(0.01)
    assert turns.busy == 0
    assert counts[0] > 0
    assert counts[1] > 0
    assert counts[2] == 0
    turns.let_users(3)
    gevent.sleep(0.01)
    assert counts[2] > 0
    gevent.killall(visitors)
