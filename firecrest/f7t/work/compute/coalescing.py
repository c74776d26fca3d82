"""Questions about jobs that many ask at once: the scheduler is asked once and answers all.

Per question, of one user to one machine, a worker begins at most one command in a second. Whoever
asks within that second gets the same answer. A user's own change (a submission, a cancellation,
through whatever worker) makes every older answer worthless, so that it costs one more command.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

MAXIMUM_AGE = 1.0
"""Seconds between the begin of a command and the last question that its output answers."""


@dataclass
class _Flight(Generic[T]):
    """One command, under way or done.

    Attributes:
        began: as the clock said.
        jobs_changed: the newest change that had been made before it began.
        waiting: callers who are served by it.
    """

    began: float
    jobs_changed: int
    work: asyncio.Task[T]
    waiting: int = field(default=0)

    @property
    def is_usable(self) -> bool:
        """Neither failed nor given up: failures answer those who wait for them, nobody later."""
        return not self.work.done() or not (self.work.cancelled() or self.work.exception())


class Coalescing(Generic[T]):
    """Answers of this process to questions about jobs.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._flights: dict[Hashable, _Flight[T]] = {}

    async def answer(
        self, question: Hashable, ask: Callable[[], Awaitable[T]], *, jobs_changed: int | None
    ) -> T:
        """The answer; raises what `ask` raises.

        One caller's cancellation disturbs no other; the last one's ends the command.

        Args:
            question: names user and machine too, since whoever puts it gets the same answer.
            ask: begins the command; called at most once.
            jobs_changed: see `TaskContext.jobs_changed`; None takes no other caller's answer.
        """
        flight = None if jobs_changed is None else self._shared(question, jobs_changed)
        if flight is None:
            flight = self._begin(question, ask, jobs_changed or 0)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.work)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.work.done():
                self._forget(question, flight)
                flight.work.cancel()

    def _shared(self, question: Hashable, jobs_changed: int) -> _Flight[T] | None:
        """A flight that may answer, None if a new one must begin."""
        flight = self._flights.get(question)
        if flight is None or self._clock() - flight.began > MAXIMUM_AGE:
            return None
        return flight if flight.jobs_changed >= jobs_changed and flight.is_usable else None

    def _begin(
        self, question: Hashable, ask: Callable[[], Awaitable[T]], jobs_changed: int
    ) -> _Flight[T]:
        async def work() -> T:
            return await ask()

        flight = _Flight(self._clock(), jobs_changed, asyncio.create_task(work()))
        self._flights[question] = flight
        asyncio.get_running_loop().call_later(MAXIMUM_AGE, self._forget, question, flight)
        return flight

    def _forget(self, question: Hashable, flight: _Flight[T]) -> None:
        if self._flights.get(question) is flight:
            del self._flights[question]
