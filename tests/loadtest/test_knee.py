"""The search for the knee on servers whose capacity is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from f7t_loadtest.knee import Ladder, Tried, bounds, found, missed
from f7t_loadtest.model import Generator, Latency, Objective, Stage

OBJECTIVE = Objective(p95=0.5, error_rate=0.01)
IDLE = Generator(cpu_mean=0, cpu_maximum=0, late_mean=0, late_p99=0, processes=1)


def searched(ladder: Ladder, carries: Callable[[float], bool]) -> list[Tried]:
    """All steps of a search on a server that carries these loads."""
    tried: list[Tried] = []
    while (load := ladder.next(tried)) is not None:
        tried.append(Tried(load, carries(load)))
        assert len(tried) <= ladder.steps
    return tried


@pytest.mark.parametrize("capacity", [11, 37.5, 100, 333, 1000])
def test_the_knee_is_found_within_the_precision(capacity: float) -> None:
    tried = searched(Ladder(start=10, steps=20), lambda load: load <= capacity)
    carried, broken = bounds(tried)
    assert carried is not None
    assert broken is not None
    assert carried <= capacity < broken
    assert broken - carried <= 0.1 * carried
    assert len(tried) <= 13


@pytest.mark.parametrize("capacity", [1, 2, 5, 23, 64, 1000])
def test_users_are_whole(capacity: int) -> None:
    ladder = Ladder(start=4, steps=20, whole=True)
    carried, broken = bounds(searched(ladder, lambda load: load <= capacity))
    assert carried is not None
    assert broken is not None
    assert carried <= capacity < broken
    assert carried == int(carried)
    assert broken - carried <= max(1, 0.1 * carried)


def test_steps_are_used_up_and_no_load_is_tried_twice() -> None:
    tried = searched(Ladder(start=10, steps=4), lambda load: load <= 100)
    assert [one.load for one in tried] == [10, 20, 40, 80]
    whole = searched(Ladder(start=1, steps=50, whole=True), lambda load: load <= 3)
    assert [one.load for one in whole] == [1, 2, 4, 3]


def test_growing_ends_at_the_limit() -> None:
    tried = searched(Ladder(start=10, limit=35), lambda load: True)
    assert [one.load for one in tried] == [10, 20, 35]
    assert bounds(tried) == (35, None)


def test_a_server_that_carries_nothing_is_asked_for_less_and_less() -> None:
    tried = searched(Ladder(start=8, whole=True), lambda load: False)
    assert [one.load for one in tried] == [8, 4, 2, 1]
    assert bounds(tried) == (None, 1)


def test_a_carried_load_above_a_broken_one_is_no_knee() -> None:
    tried = [Tried(10, True), Tried(20, False), Tried(40, True)]
    assert bounds(tried) == (10, 20)


def stage(offered: float, *, p95: float, failures: int = 0, users: int | None = None) -> Stage:
    latency = Latency(count=100, mean=p95, p50=p95, p90=p95, p95=p95, p99=p95, maximum=p95)
    one = Stage(
        name=f"step at {offered:g}",
        begins=0,
        seconds=10,
        users=users,
        offered=None if users else offered,
        requests=100,
        failures=failures,
        rate=offered,
        latency=latency,
        operations=[],
        tasks=None,
        ssh=None,
        generator=IDLE,
        within_objective=False,
    )
    return one.model_copy(update={"within_objective": not missed(one, OBJECTIVE)})


def test_what_was_missed_is_told() -> None:
    assert missed(stage(10, p95=0.5), OBJECTIVE) == ""
    assert missed(stage(10, p95=0.6), OBJECTIVE) == "p95 was 0.6 s (allowed: 0.5 s)"
    both = missed(stage(10, p95=0.6, failures=2), OBJECTIVE)
    assert both.startswith("2.0% of the requests failed (allowed: 1.0%) and p95")
    nothing = stage(10, p95=0.1).model_copy(update={"requests": 0, "latency": None})
    assert missed(nothing, OBJECTIVE) == "nothing was answered"


def test_the_knee_of_a_run() -> None:
    knee = found([stage(10, p95=0.1), stage(20, p95=0.2), stage(40, p95=0.9)], OBJECTIVE)
    assert (knee.load, knee.carried, knee.rate, knee.broken) == ("offered", 20, 20, 40)
    assert knee.reason == "at 40 arrivals per second p95 was 0.9 s (allowed: 0.5 s)"
    unbroken = found([stage(8, p95=0.1, users=8)], OBJECTIVE)
    assert (unbroken.load, unbroken.carried, unbroken.broken) == ("users", 8, None)
    assert "the highest step that was tried" in unbroken.reason
    hopeless = found([stage(10, p95=0.9)], OBJECTIVE)
    assert (hopeless.carried, hopeless.rate, hopeless.broken) == (None, None, 10)
