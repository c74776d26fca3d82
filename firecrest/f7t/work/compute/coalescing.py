"""Questions about jobs that many ask at once: the scheduler is asked once and answers all.

Per question, of one user to one machine, one command is begun in a second, whoever asks and
whatever worker is asked. A user's own change (a submission, a cancellation) makes every older
answer worthless, so that it costs one more command.

The first task that asks becomes the answer (`TaskStore.create`): other workers wait for it and take
its data. So nobody is answered with less than he was before, whatever worker he comes to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from f7t.tasks.sharing import Answer, Created
from f7t.tasks.store import ANSWER_LIFETIME

T = TypeVar("T")
Fetch = Callable[[Answer], Awaitable[T | None]]
"""What another worker answers; None if nothing comes of it."""


@dataclass
class _Flight(Generic[T]):
    """One command, under way or done.

    Attributes:
        began: as the clock said.
        created: the same by Redis' clock, in microseconds; 0 if that is not known.
        work: its outcome.
        waiting: callers who are served by it.
    """

    began: float
    created: int
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
        self,
        question: Hashable,
        ask: Callable[[], Awaitable[T]],
        fetch: Fetch[T],
        created: Created | None,
    ) -> T:
        """The answer; raises what `ask` raises.

        One caller's cancellation disturbs no other; the last one's ends the command.

        Args:
            question: names user and machine too, since whoever puts it gets the same answer.
            ask: begins the command; called at most once.
            fetch: of the answer of another worker.
            created: of the caller's task; None takes nobody else's answer.
        """
        flight = None
        # The task that is the answer waits for nobody: others may be waiting for it already.
        if created is not None and created.answer is not None:
            flight = self._shared(question, created, created.answer)
        if flight is None:
            flight = self._begin(question, ask, fetch, created)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.work)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.work.done():
                self._forget(question, flight)
                flight.work.cancel()

    def known(self, question: Hashable) -> tuple[int, T] | None:
        """An answer that is there, and when its task was created by Redis' clock.

        Whether it still holds only Redis can tell.
        """
        flight = self._flights.get(question)
        if flight is None or not (flight.created and flight.work.done() and flight.is_usable):
            return None
        return flight.created, flight.work.result()

    def _shared(self, question: Hashable, created: Created, newest: Answer) -> _Flight[T] | None:
        """A flight that may answer, None if a new one must begin."""
        flight = self._flights.get(question)
        if flight is None or self._clock() - flight.began > ANSWER_LIFETIME:
            return None
        new_enough = flight.created > created.jobs_changed and flight.created >= newest.began
        return flight if new_enough and flight.is_usable else None

    def _begin(
        self,
        question: Hashable,
        ask: Callable[[], Awaitable[T]],
        fetch: Fetch[T],
        created: Created | None,
    ) -> _Flight[T]:
        at = created.at if created else 0
        other = created.answer if created else None
        known = other.began if other else at

        async def work() -> T:
            found = await fetch(other) if other else None
            return await ask() if found is None else found

        age = (at - known) / 1e6
        flight = _Flight(self._clock() - age, known, asyncio.create_task(work()))
        self._flights[question] = flight
        left = max(0.0, ANSWER_LIFETIME - age)
        asyncio.get_running_loop().call_later(left, self._forget, question, flight)
        return flight

    def _forget(self, question: Hashable, flight: _Flight[T]) -> None:
        if self._flights.get(question) is flight:
            del self._flights[question]
