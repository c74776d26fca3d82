"""Questions that share commands: freshness, failures, givers-up, one that hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from f7t.gathering import Gathering


class Answers:
    """Answers each question with its length, when it is let; notes what was asked together."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.open = asyncio.Event()
        self.begun = asyncio.Semaphore(0)

    async def __call__(self, questions: Sequence[str]) -> Sequence[int]:
        self.asked.append(list(questions))
        self.begun.release()
        await self.open.wait()
        if "bad" in questions:
            raise ValueError("bad")
        return [len(one) for one in questions]


async def _busy(gathering: Gathering[int], ask: Answers) -> list[asyncio.Task[int]]:
    """As many commands as there may be at once, none of which ends before `ask.open`."""
    put = []
    for question in ("1", "2", "3", "4"):
        put.append(asyncio.create_task(gathering.answer(question, ask)))
        await ask.begun.acquire()
    return put


def _put(gathering: Gathering[int], ask: Answers, *questions: str) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(gathering.answer(one, ask)) for one in questions]


async def test_what_comes_while_commands_run_goes_together_in_the_next() -> None:
    gathering, ask = Gathering[int](), Answers()
    put = await _busy(gathering, ask)
    put += _put(gathering, ask, "55555", "666666")
    await asyncio.sleep(0)
    assert ask.asked == [["1"], ["2"], ["3"], ["4"]]
    ask.open.set()
    assert await asyncio.gather(*put) == [1, 1, 1, 1, 5, 6]
    assert ask.asked[4:] == [["55555", "666666"]]


@pytest.mark.parametrize("at_once", [1, 4])
async def test_an_answer_begins_after_its_question(at_once: int) -> None:
    """Also when it is put in the very moment in which the last one was answered."""
    gathering, ask = Gathering[int](at_once), Answers()
    ask.open.set()
    for turn in range(1, 4):
        assert await gathering.answer("same", ask) == 4
        assert len(ask.asked) == turn


async def test_no_more_than_so_many_at_once() -> None:
    gathering, ask = Gathering[int](), Answers()
    ask.open.set()
    questions = ["x" * number for number in range(150)]
    assert await asyncio.gather(*_put(gathering, ask, *questions)) == list(range(150))
    assert max(map(len, ask.asked)) == 64


async def test_only_the_one_that_fails_fails() -> None:
    gathering, ask = Gathering[int](), Answers()
    ask.open.set()
    put = _put(gathering, ask, "good", "bad", "fine!")
    found = await asyncio.gather(*put, return_exceptions=True)
    assert [found[0], type(found[1]), found[2]] == [4, ValueError, 5]
    assert ask.asked == [["good", "bad", "fine!"], ["good"], ["bad"], ["fine!"]]


async def test_who_gives_up_is_not_asked_for() -> None:
    gathering, ask = Gathering[int](), Answers()
    put = await _busy(gathering, ask)
    given_up, kept = _put(gathering, ask, "given up", "kept")
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    ask.open.set()
    assert await asyncio.gather(*put, kept) == [1, 1, 1, 1, 4]
    assert ask.asked[4:] == [["kept"]]


async def test_one_that_hangs_holds_up_nobody_else() -> None:
    gathering, hanging, ask = Gathering[int](), Answers(), Answers()
    hung = asyncio.create_task(gathering.answer("hangs", hanging))
    await hanging.begun.acquire()
    ask.open.set()
    put = _put(gathering, ask, *("x" * number for number in range(30)))
    assert await asyncio.gather(*put) == list(range(30))
    assert not hung.done()
    hanging.open.set()
    assert await hung == 5


async def test_an_eager_question_is_asked_without_delay_and_the_next_ones_together() -> None:
    gathering, ask = Gathering[int](at_once=1, eager=True), Answers()
    put = _put(gathering, ask, "1", "22", "333")
    await asyncio.sleep(0)
    assert ask.asked == [["1"]]
    ask.open.set()
    assert await asyncio.gather(*put) == [1, 2, 3]
    assert ask.asked[1:] == [["22", "333"]]


@pytest.mark.parametrize("others", [[], ["22"]])
async def test_an_eager_question_that_fails_or_is_given_up_leaves_its_place(
    others: list[str],
) -> None:
    gathering, ask = Gathering[int](at_once=1, eager=True), Answers()
    given_up, *waiting = _put(gathering, ask, "given up", *others)
    await ask.begun.acquire()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    ask.open.set()
    assert await asyncio.gather(*waiting) == [len(one) for one in others]
    with pytest.raises(ValueError, match="bad"):
        await gathering.answer("bad", ask)
    assert await gathering.answer("4444", ask) == 4
