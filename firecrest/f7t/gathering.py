"""Small questions that are asked together: one round trip answers many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
Ask: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[T]]]
"""From questions to their answers, in the same order; raises if any of them has none."""

_TOGETHER = 64


class Gathering(Generic[T]):
    """Questions that come while others are being asked share the next round trip.

    A remote command costs a process on the machine whatever it is asked, and a command to Redis
    costs a client more than its answer. Every answer is to a question that was asked after it was
    put, so nothing is ever stale.

    Args:
        at_once: round trips at the same time; one that hangs holds up only those it was asked with.
        eager: a question that finds nothing under way is asked by itself and without delay, instead
            of with what else is put in the same turn of the event loop. For cheap round trips.
    """

    def __init__(self, at_once: int = 4, *, eager: bool = False) -> None:
        self._at_once = at_once
        self._eager = eager
        self._waiting: deque[tuple[str, asyncio.Future[T]]] = deque()
        self._busy = 0
        self._asking: set[asyncio.Task[None]] = set()

    async def answer(self, question: str, ask: Ask[T]) -> T:
        """The answer to `question`; raises what `ask` raises when it is asked alone.

        Args:
            question: one of those that `ask` takes.
            ask: of this caller; whoever comes first lends it to all who are asked with him.
        """
        if self._eager and self._busy < self._at_once:
            return await self._asked_alone(question, ask)
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, turn))
        if self._busy < self._at_once:
            self._busy += 1
            self._ask_others(ask)
        return await turn

    async def _asked_alone(self, question: str, ask: Ask[T]) -> T:
        """Without a task of its own, which would begin a turn of the event loop later."""
        self._busy += 1
        try:
            (answer,) = await ask([question])
        finally:
            if self._waiting:
                self._ask_others(ask)
            else:
                self._busy -= 1
        return answer

    def _ask_others(self, ask: Ask[T]) -> None:
        asking = asyncio.create_task(self._ask_while_any_wait(ask))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)

    async def _ask_while_any_wait(self, ask: Ask[T]) -> None:
        try:
            while self._waiting:
                together: list[tuple[str, asyncio.Future[T]]] = []
                while self._waiting and len(together) < _TOGETHER:
                    question, turn = self._waiting.popleft()
                    if not turn.done():
                        together.append((question, turn))
                await _asked(together, ask)
        finally:
            # Here, and not when the task is seen to be done: a question that is put in between
            # would be left to nobody.
            self._busy -= 1


async def _asked(together: Sequence[tuple[str, asyncio.Future[T]]], ask: Ask[T]) -> None:
    """Settle each turn; where asking all at once fails, each is asked alone."""
    if not together:
        return
    try:
        answers: Sequence[T] = await ask([question for question, _ in together])
    except Exception as error:
        if len(together) > 1:
            await asyncio.gather(*(_asked([one], ask) for one in together))
        elif not together[0][1].done():
            together[0][1].set_exception(error)
        return
    for (_, turn), answer in zip(together, answers, strict=True):
        if not turn.done():
            turn.set_result(answer)
