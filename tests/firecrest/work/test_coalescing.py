"""Questions about jobs that share a command: age, own changes, users, failures, givers-up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from f7t.tasks.sharing import Answer, Created
from f7t.tasks.store import ANSWER_LIFETIME
from f7t.work.compute.coalescing import Coalescing


@dataclass
class Scheduler:
    """Answers how often it was asked, when it is let."""

    asked: int = 0
    now: float = 100.0
    failing: bool = False
    cancelled: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    elsewhere: dict[str, int] = field(default_factory=dict)
    """What other workers answered, by task."""

    newest: dict[str, Answer] = field(default_factory=dict)

    def created(
        self, question: str = "q", changed: int = 0, answer: Answer | None = None
    ) -> Created:
        """A task that is created now; as in the store, the first one is the answer for a while."""
        at = round(self.now * 1e6)
        known = answer or self.newest.get(question, Answer(0, ""))
        if known.began > changed and at - known.began <= ANSWER_LIFETIME * 1e6:
            return Created(at, changed, known)
        self.newest[question] = Answer(at, f"task of {at}")
        return Created(at, changed)

    async def fetch(self, answer: Answer) -> int | None:
        """What another worker answered, if it is still there."""
        return self.elsewhere.get(answer.task_id)

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failing:
            raise ValueError(str(number))
        return number


@pytest.fixture
def scheduler() -> Scheduler:
    made = Scheduler()
    made.open.set()
    return made


@pytest.fixture
def answers(scheduler: Scheduler) -> Coalescing[int]:
    return Coalescing(lambda: scheduler.now)


async def _put(
    answers: Coalescing[int],
    scheduler: Scheduler,
    question: str = "q",
    *,
    changed: int = 0,
    answer: Answer | None = None,
) -> int:
    created = scheduler.created(question, changed, answer)
    return await answers.answer(question, scheduler, scheduler.fetch, created)


async def test_many_at_once_are_answered_by_one_command(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    assert await asyncio.gather(*(_put(answers, scheduler) for _ in range(20))) == [1] * 20


async def test_no_answer_is_older_than_the_maximum_age(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    """The age counts from the command's begin, also when it takes long."""
    scheduler.open.clear()
    first = asyncio.create_task(_put(answers, scheduler))
    await asyncio.sleep(0)
    scheduler.now += ANSWER_LIFETIME
    second = asyncio.create_task(_put(answers, scheduler))
    await asyncio.sleep(0)
    scheduler.now += 0.001
    third = asyncio.create_task(_put(answers, scheduler))
    await asyncio.sleep(0)
    scheduler.open.set()
    assert [await one for one in (first, second, third)] == [1, 1, 2]


async def test_what_the_user_changed_is_in_every_answer_after_it(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    before, after = round(scheduler.now * 1e6) - 1, round(scheduler.now * 1e6)
    assert await _put(answers, scheduler, changed=before) == 1
    scheduler.now += 0.1
    assert await _put(answers, scheduler, changed=after) == 2
    assert await _put(answers, scheduler, changed=after) == 2
    assert await _put(answers, scheduler, changed=before) == 2


async def test_a_command_under_way_does_not_answer_for_a_later_change(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    scheduler.open.clear()
    changed = round(scheduler.now * 1e6)
    before = asyncio.create_task(_put(answers, scheduler))
    await asyncio.sleep(0)
    scheduler.now += 0.1
    after = asyncio.create_task(_put(answers, scheduler, changed=changed))
    await asyncio.sleep(0)
    scheduler.open.set()
    assert [await before, await after] == [1, 2]


async def test_who_does_not_know_of_changes_asks_anew(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    assert await _put(answers, scheduler) == 1
    assert await answers.answer("q", scheduler, scheduler.fetch, None) == 2


async def test_questions_are_kept_apart(answers: Coalescing[int], scheduler: Scheduler) -> None:
    assert await _put(answers, scheduler, "of test1") == 1
    assert await _put(answers, scheduler, "of test2") == 2


async def test_a_failure_is_for_those_who_wait_and_nobody_later(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    scheduler.failing = True
    both = (_put(answers, scheduler), _put(answers, scheduler))
    failures = await asyncio.gather(*both, return_exceptions=True)
    assert [str(one) for one in failures] == ["1", "1"]
    scheduler.failing = False
    assert await _put(answers, scheduler) == 2


async def test_who_gives_up_takes_the_answer_from_nobody(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    scheduler.open.clear()
    first, second = (asyncio.create_task(_put(answers, scheduler)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    scheduler.open.set()
    assert await second == 1
    assert first.cancelled()


async def test_a_command_that_nobody_waits_for_ends_and_is_forgotten(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    scheduler.open.clear()
    alone = asyncio.create_task(_put(answers, scheduler))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.wait([alone])
    scheduler.open.set()
    assert await _put(answers, scheduler) == 2
    assert scheduler.cancelled == 1


async def test_the_newest_answer_of_any_worker_is_taken(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    """Else a client that comes to another worker would see a job's past again."""
    assert await _put(answers, scheduler) == 1
    scheduler.now += 0.2
    other = Answer(round(scheduler.now * 1e6), "other")
    scheduler.elsewhere["other"] = 77
    scheduler.now += 0.2
    assert await _put(answers, scheduler, answer=other) == 77
    assert await _put(answers, scheduler, answer=other) == 77
    assert scheduler.asked == 1
    scheduler.now += ANSWER_LIFETIME - 0.1
    assert await _put(answers, scheduler) == 2


async def test_an_answer_that_is_gone_is_asked_for_again(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    scheduler.now += 0.2
    assert await _put(answers, scheduler, answer=Answer(round(scheduler.now * 1e6), "gone")) == 1


async def test_the_task_that_is_the_answer_waits_for_nobody(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    """One that came after it may have been quicker to begin, and wait for it."""
    first = scheduler.created()
    settled = asyncio.Event()

    async def fetch(answer: Answer) -> int:
        await settled.wait()
        return 55

    second = asyncio.create_task(answers.answer("q", scheduler, fetch, scheduler.created()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await answers.answer("q", scheduler, fetch, first) == 1
    settled.set()
    assert await second == 55


async def test_what_is_known_is_what_was_answered(
    answers: Coalescing[int], scheduler: Scheduler
) -> None:
    """Not while it is being asked, nor a failure, nor of another question, nor where Redis'
    clock is not known."""
    assert answers.known("q") is None
    scheduler.open.clear()
    created = scheduler.created()
    asking = asyncio.create_task(answers.answer("q", scheduler, scheduler.fetch, created))
    await asyncio.sleep(0)
    assert answers.known("q") is None
    scheduler.open.set()
    assert await asking == 1
    assert answers.known("q") == (created.at, 1)
    assert answers.known("another") is None
    await answers.answer("r", scheduler, scheduler.fetch, None)
    assert answers.known("r") is None
    scheduler.failing = True
    with pytest.raises(ValueError, match="3"):
        await answers.answer("s", scheduler, scheduler.fetch, scheduler.created("s"))
    assert answers.known("s") is None
