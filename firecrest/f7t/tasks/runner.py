"""Carries tasks out, and takes over those whose worker died (architecture rule 4).

Every worker process has one `TaskRunner`. A task is leased to the process that carries it out; one
heartbeat per process renews all leases. Every process also sweeps: a task that has not settled and
is leased to nobody is claimed and continued as its kind says. Writes are fenced by the lease, so a
process that was suspended and comes back cannot disturb its successor.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from typing import TypeAlias

from f7t.errors import IllegalTransition, TaskNotFound, TaskStoreUnavailable
from f7t.tasks.kinds import Fail, Kind, Outcome, Restart, Resume, Slot, TaskContext, TaskGone
from f7t.tasks.model import Service, Status, Task, TaskSpec
from f7t.tasks.sharing import Created, question_of
from f7t.tasks.store import LeaseState, TaskStore

_log = logging.getLogger("f7t.tasks")

DescribeFailure: TypeAlias = Callable[[Task, Exception], Outcome]

_SECOND_REQUEST_SECONDS = 2.0
_UNKNOWN_KIND = "This gateway cannot continue the task"
_NEVER_ANNOUNCED = "The task was not accepted"


class TaskRunner:
    """Carries tasks out in this process.

    Args:
        kinds: everything this gateway can carry out.
        describe_failure: the terminal status and data of a task whose handler raised.
        lease: a task whose worker was silent for so many seconds is taken over.
        sweep_interval: seconds between two looks for such tasks.
        concurrency_per_user: tasks of one user carried out at once by this process; more wait.
    """

    def __init__(
        self,
        store: TaskStore,
        *,
        kinds: Iterable[Kind],
        describe_failure: DescribeFailure,
        lease: float = 5.0,
        sweep_interval: float = 1.0,
        concurrency_per_user: int = 16,
    ) -> None:
        self._store = store
        self._kinds = {kind.name: kind for kind in kinds}
        self._describe_failure = describe_failure
        self._lease = lease
        self._sweep_interval = sweep_interval
        self._slots = _Slots(concurrency_per_user)
        self._owner = secrets.token_hex(8)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._contexts: dict[str, TaskContext] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._closing = False

    async def start(self) -> None:
        """Begin to sweep and to renew leases; returns at once."""
        self._chore(self._every(self._sweep_interval, self._sweep), "task sweeper")
        self._chore(self._every(self._lease / 3, self._renew), "task heartbeat")

    async def close(self) -> None:
        """Stop carrying out; what has not settled is released for other workers."""
        self._closing = True
        chores = list(self._chores)
        running = dict(self._running)
        await _stop((*chores, *running.values()))
        try:
            await self._store.release(list(running), self._owner)
        except TaskStoreUnavailable:
            _log.warning("leases of %d tasks are left to expire", len(running))

    async def submit(self, task: Task, spec: TaskSpec) -> Task:
        """Store a new task and begin to carry it out, unless its answer is known; the task.

        Raises:
            TaskStoreUnavailable: the task was not accepted, and its id must not be announced.
            KeyError: no such kind (a programming error).
        """
        kind = self._kinds[spec.kind]
        question = question_of(task, spec) if kind.known else ""
        try:
            created = await self._store.create(
                task,
                spec,
                owner=self._owner,
                lease=self._lease,
                question=question,
                known=kind.known(question) if kind.known else None,
            )
        except TaskStoreUnavailable:
            # It may have been stored although the answer was lost: nobody must carry it out.
            self._chore(self._withdraw(task), f"withdraw {task.id}")
            raise
        if created.settled:
            return created.settled
        if self._closing:
            await self._store.release([task.id], self._owner)
        else:
            self._begin(task, spec, resumed=False, created=created)
        return task

    def carried_out(self, task_id: str) -> Task | None:
        """The record of a task that is carried out here and that nobody else changes meanwhile."""
        context = self._contexts.get(task_id)
        if context is None or context.task.service is Service.STORAGE:
            return None
        return context.task

    # -- carrying out ----------------------------------------------------------------------------

    def _begin(
        self, task: Task, spec: TaskSpec, *, resumed: bool, created: Created | None = None
    ) -> None:
        carrying_out = self._carry_out(task, spec, resumed=resumed, created=created)
        work = asyncio.create_task(carrying_out, name=task.id)
        self._running[task.id] = work
        work.add_done_callback(lambda done: self._ended(task.id, done))

    def _ended(self, task_id: str, work: asyncio.Task[None]) -> None:
        del self._running[task_id]
        if not work.cancelled() and (error := work.exception()) is not None:
            # Its lease runs out now and a sweeper begins again.
            _log.error("task %s: %s", task_id, _trace_of(error))

    async def _carry_out(
        self, task: Task, spec: TaskSpec, *, resumed: bool, created: Created | None
    ) -> None:
        async with self._slots.of(task.user) as slot:
            context = TaskContext(
                self._store,
                task,
                spec,
                owner=self._owner,
                slot=slot,
                resumed=resumed,
                kind=self._kinds.get(spec.kind),
                created=created,
            )
            self._contexts[task.id] = context
            try:
                await _settle(context, await self._outcome(context))
            except TaskGone:
                pass
            finally:
                del self._contexts[task.id]

    async def _outcome(self, context: TaskContext) -> Outcome:
        try:
            return await self._handle(context)
        except TaskGone:
            raise
        except Exception as error:
            _log.info("task %s failed: %s", context.task.id, _trace_of(error))
            return self._described(context.task, error)

    async def _handle(self, context: TaskContext) -> Outcome:
        kind = self._kinds.get(context.spec.kind)
        if kind is None:
            return Outcome(Status.FAILED, _UNKNOWN_KIND)
        if not context.resumed:
            return await kind.run(context)
        match kind.recovery:
            case Restart():
                return await kind.run(context)
            case Resume(handler):
                return await handler(context)
            case Fail(data):
                return Outcome(Status.FAILED, data)

    def _described(self, task: Task, error: Exception) -> Outcome:
        try:
            return self._describe_failure(task, error)
        except Exception as second:
            _log.exception("failure of task %s has no description", task.id, exc_info=second)
            return Outcome(Status.FAILED, Status.FAILED.description)

    async def _withdraw(self, task: Task) -> None:
        """Settle a task that may have been stored unseen, while its lease keeps others away."""
        with contextlib.suppress(TimeoutError, IllegalTransition):
            async with asyncio.timeout(self._lease):
                while True:
                    with contextlib.suppress(TaskStoreUnavailable, TaskNotFound):
                        await self._store.update(task.id, Status.FAILED, _NEVER_ANNOUNCED)
                        return
                    await asyncio.sleep(self._lease / 50)

    # -- watching over each other ----------------------------------------------------------------

    async def _sweep(self) -> None:
        for task_id in await self._store.unfinished_without_lease():
            if task_id in self._running:
                continue
            if not await self._store.claim(task_id, self._owner, self._lease):
                continue
            try:
                task = await self._store.get(task_id)
                spec = await self._store.spec(task_id)
            except TaskNotFound:
                await self._store.release([task_id], self._owner)
                continue
            _log.info("task %s is continued by this worker", task_id)
            self._begin(task, spec, resumed=True)

    async def _renew(self) -> None:
        states = await self._store.renew(list(self._running), self._owner, self._lease)
        for task_id, state in states.items():
            if state is LeaseState.HELD or self._settled_here(task_id):
                continue
            if (work := self._running.get(task_id)) is not None:
                work.cancel()

    def _settled_here(self, task_id: str) -> bool:
        """Whether its handler settled the task by itself and only cleans up behind it."""
        context = self._contexts.get(task_id)
        return context is not None and context.task.is_terminal

    async def _every(self, interval: float, chore: Callable[[], Awaitable[None]]) -> None:
        while not self._closing:
            try:
                await chore()
            except TaskStoreUnavailable as error:
                _log.warning("%s", error.message)
            except Exception as error:
                # The promise to finish every task rests on these loops: they never end.
                _log.exception("task chore failed", exc_info=error)
            await asyncio.sleep(interval)

    def _chore(self, work: Coroutine[None, None, None], name: str) -> None:
        chore = asyncio.create_task(work, name=name)
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)


async def _settle(context: TaskContext, outcome: Outcome) -> None:
    """Write the final state, whatever the handler answered."""
    data = outcome.data
    try:
        if outcome.status.is_terminal:
            await context.update(outcome.status, data)
            return
        _log.error("task %s ended as %s", context.task.id, outcome.status)
    except IllegalTransition as error:
        _log.error("%s", error.message)
    except (TypeError, ValueError) as error:
        _log.error("data of task %s is no JSON: %s", context.task.id, _trace_of(error))
        data = Status.FAILED.description
    await context.update(Status.FAILED, data)


async def _stop(work: Iterable[asyncio.Task[None]]) -> None:
    """Cancel and wait. Asked again where a library swallowed it (`asyncio.wait_for` of 3.11)."""
    pending = set(work)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_SECOND_REQUEST_SECONDS)


def _trace_of(error: BaseException) -> str:
    """Kind and place of an error; its message may quote a presigned URL and is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


class _Slots:
    """The places of every user who has tasks in this process."""

    def __init__(self, per_user: int) -> None:
        self._per_user = per_user
        self._users: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @contextlib.asynccontextmanager
    async def of(self, user: str) -> AsyncIterator[Slot]:
        """Wait for one of the user's places and hold it."""
        places, count = self._users.get(user) or (asyncio.Semaphore(self._per_user), 0)
        self._users[user] = (places, count + 1)
        slot = Slot(places)
        try:
            await slot.take()
            yield slot
        finally:
            slot.give_back()
            count = self._users[user][1] - 1
            if count:
                self._users[user] = (places, count)
            else:
                del self._users[user]
