"""Whose turn it is: a closed loop of users, or arrivals that come whether anybody is free."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator

import gevent
from gevent.event import AsyncResult


def arrivals(rate: float, seed: str, *, paced: bool) -> Iterator[float]:
    """Moments of arrivals in seconds from the beginning, without end.

    Args:
        rate: arrivals per second.
        seed: the same one gives the same moments.
        paced: evenly spaced; otherwise a Poisson process.
    """
    draw = random.Random(seed)
    moment = 0.0
    while True:
        moment += 1 / rate if paced else draw.expovariate(rate)
        yield moment


class Turns:
    """Visitors ask for their next turn; when it was due counts, not when somebody took it.

    Closed loop: visitors with a number below the number of users go on as soon as they have done,
    the others wait. Open arrival: the visitor that became free last takes the next arrival, and
    arrivals that find nobody free wait in a queue with the moment at which they were due.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._users = 0
        self._open = False
        self._idle: list[AsyncResult[float | None]] = []
        self._queue: deque[float] = deque()
        self._busy: set[int] = set()

    @property
    def busy(self) -> int:
        """Visitors that are in the middle of a turn."""
        return len(self._busy)

    def take(self, number: int, pause: Callable[[], float]) -> float:
        """Wait for a turn; the moment at which it was due.

        Args:
            number: of the visitor.
            pause: think time before a turn of the closed loop, seconds.
        """
        self._busy.discard(number)
        while True:
            due: float | None
            if self._queue:
                due = self._queue.popleft()
            elif number < self._users:
                seconds = pause()
                due = self._now() + seconds
                gevent.sleep(seconds)
                if number >= self._users:
                    continue
            else:
                handed: AsyncResult[float | None] = AsyncResult()
                self._idle.append(handed)
                due = handed.get()
            if due is not None:
                self._busy.add(number)
                return due

    def let_users(self, users: int) -> None:
        """Closed loop of so many users from now on."""
        self._users = users
        waiting, self._idle = self._idle, []
        for one in waiting:
            one.set(None)

    def let_arrive(self, moments: Iterator[float]) -> None:
        """Arrivals at these moments, in seconds from now, until `close`."""
        self._open = True
        gevent.spawn(self._arrive, self._now(), moments)

    def _arrive(self, start: float, moments: Iterator[float]) -> None:
        mine = moments
        self._moments = mine
        for moment in mine:
            gevent.sleep(max(0.0, start + moment - self._now()))
            if not self._open or self._moments is not mine:
                return
            if self._idle:
                self._idle.pop().set(start + moment)
            else:
                self._queue.append(start + moment)

    def close(self, overdue: float = 0.0) -> int:
        """No more turns; how many arrivals have waited for longer than `overdue` seconds."""
        self._users, self._open = 0, False
        waiting = sum(1 for due in self._queue if self._now() - due > overdue)
        self._queue.clear()
        return waiting
