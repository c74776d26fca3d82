"""Kinds of work: how each is carried out, and how it goes on after its worker died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

from f7t.errors import IllegalTransition, TaskError, TaskNotFound, TaskStoreUnavailable
from f7t.tasks.encoding import encoded_data
from f7t.tasks.model import Json, Status, Task, TaskSpec
from f7t.tasks.sharing import Answer, Created, Known
from f7t.tasks.store import LeaseLost, TaskStore

_log = logging.getLogger("f7t.tasks")
T = TypeVar("T")

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


class TaskGone(TaskError):
    """The task was settled elsewhere (invalidated), taken over or expired: stop working on it."""


@dataclass(frozen=True)
class Outcome:
    """How a task ended: a terminal status and its canonical data."""

    status: Status
    data: Json

    @cached_property
    def text(self) -> bytes:
        """`data` as it is stored: many tasks may end with it."""
        return encoded_data(self.data)


class Slot:
    """One of the places that a user's running tasks share."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._held = False

    async def take(self) -> None:
        await self._places.acquire()
        self._held = True

    def give_back(self) -> None:
        if self._held:
            self._held = False
            self._places.release()


class TaskContext:
    """What a handler may do with the task it carries out.

    Its methods never raise `TaskStoreUnavailable`: what was achieved on the cluster must not be
    forgotten because the store was restarted, so they wait until it answers.

    Attributes:
        task: the record as this worker wrote it last.
        spec: what to carry out.
        resumed: another worker, or this one before a restart, may have begun.
        created: what was known as the task was created; None if another process created it.
    """

    def __init__(
        self,
        store: TaskStore,
        task: Task,
        spec: TaskSpec,
        *,
        owner: str,
        slot: Slot,
        resumed: bool,
        kind: Kind | None = None,
        created: Created | None = None,
    ) -> None:
        self._store = store
        self._owner = owner
        self._slot = slot
        self.task = task
        self.spec = spec
        self.resumed = resumed
        self.created = created
        self._changes_jobs = kind is not None and kind.changes_jobs

    async def settled(self, answer: Answer, patience: float) -> Task | None:
        """The task that answers the same question; None if it has not settled after so many s.

        Raises:
            TaskNotFound: it expired.
            TaskStoreUnavailable: see there.
        """
        end = time.monotonic() + patience
        with self._store.watching([answer.task_id]) as watch:
            task = await self._store.get(answer.task_id)
            while not task.is_terminal and (left := end - time.monotonic()) > 0:
                task = (await self._store.wait_change([task], left, watch)).get(task.id, task)
        return task if task.is_terminal else None

    async def update(self, status: Status, data: Json) -> Task:
        """Move the task on.

        Raises:
            TaskGone: it is no longer this worker's.
            IllegalTransition: tasks.md §4 knows no such step.
        """
        self.task = await _until_stored(lambda: self._update(status, data))
        return self.task

    async def first_time(self, step: str) -> bool:
        """True exactly once in the task's life, over all workers and restarts.

        Ask immediately before doing what must not happen twice (a submission); on False it may
        have happened: look it up.

        Raises:
            TaskGone: it is no longer this worker's.
        """
        return await _until_stored(lambda: self._first_time(step))

    @contextlib.asynccontextmanager
    async def parked(self) -> AsyncIterator[None]:
        """While inside, the task does not count against its user's limit.

        For waiting on the client, who may take days to post a file.
        """
        self._slot.give_back()
        try:
            yield
        finally:
            await self._slot.take()

    async def _update(self, status: Status, data: Json) -> Task:
        try:
            return await self._store.update(
                self.task.id,
                status,
                data,
                owner=self._owner,
                known=self.task,
                changes_jobs=self._changes_jobs,
            )
        except (LeaseLost, TaskNotFound) as error:
            raise TaskGone(self.task.id) from error
        except IllegalTransition as error:
            if await self._is_settled():
                raise TaskGone(self.task.id) from error
            raise

    async def _first_time(self, step: str) -> bool:
        try:
            first = await self._store.first_time(self.task.id, step, self._owner)
        except (LeaseLost, TaskNotFound) as error:
            raise TaskGone(self.task.id) from error
        if await self._is_settled():
            raise TaskGone(self.task.id)
        return first

    async def _is_settled(self) -> bool:
        try:
            return (await self._store.get(self.task.id)).is_terminal
        except TaskNotFound:
            return True


async def _until_stored(attempt: Callable[[], Awaitable[T]]) -> T:
    pause = _FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except TaskStoreUnavailable as error:
            _log.warning("%s; trying again", error.message)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


Handler: TypeAlias = Callable[[TaskContext], Awaitable[Outcome]]


@dataclass(frozen=True)
class Restart:
    """Run it again from the start: for work that only reads."""


@dataclass(frozen=True)
class Resume:
    """Continue with another handler, which finds out how far the work came."""

    handler: Handler


@dataclass(frozen=True)
class Fail:
    """Give up with status 400 and this `data`."""

    data: Json = Status.FAILED.description


@dataclass(frozen=True)
class Kind:
    """One kind of work.

    Attributes:
        name: as in `TaskSpec.kind`; stored, so it must not change between versions.
        run: carries a fresh task out; what it raises is described by the runner's caller.
        recovery: what happens when the worker died in the middle.
        changes_jobs: the user's jobs may be others after every step of it.
        known: given if it only asks, so that equal questions of one user may share an answer: the
            one that this worker has to a question (`sharing.question_of`), if it has any.
    """

    name: str
    run: Handler
    recovery: Restart | Resume | Fail
    changes_jobs: bool = False
    known: Callable[[str], Known | None] | None = None
