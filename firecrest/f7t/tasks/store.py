"""Where task records live: Redis, shared by all workers (tasks.md §5, architecture rule 4).

Keys::

    f7t:task:<id>        the record as JSON; its time to live restarts at every update
    f7t:spec:<id>        what there is to carry out, until the task settles
    f7t:lease:<id>       the worker that carries it out, while that worker is alive
    f7t:marks:<id>       steps that must not be begun twice, until the task settles
    f7t:user:<user>      ids of a user's tasks, scored by the time they expire
    f7t:changed:<user>   when a task of the user last changed what jobs there are
    f7t:answer:<hash>    the newest answer to a question about jobs, for a second
    f7t:unfinished       ids of all tasks that have not settled
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from enum import IntEnum

from f7t.errors import IllegalTransition, TaskError, TaskNotFound
from f7t.gathering import Gathering
from f7t.tasks import scripts
from f7t.tasks.changes import CHANNEL, ChangeFeed, Watch
from f7t.tasks.connections import Connections
from f7t.tasks.encoding import decoded, encoded, encoded_spec
from f7t.tasks.model import Json, Service, Status, Task, TaskSpec, may_move
from f7t.tasks.sharing import Answer, Created, Known

_RECORD = "f7t:task:"
_SPEC = "f7t:spec:"
_LEASE = "f7t:lease:"
_MARKS = "f7t:marks:"
_USER = "f7t:user:"
_CHANGED = "f7t:changed:"
_ANSWER = "f7t:answer:"
_UNFINISHED = "f7t:unfinished"

INVALIDATED_LIFETIME = 300.0

ANSWER_LIFETIME = 1.0
"""Seconds between the creation of a task that asks the scheduler and of the last one that is given
the same answer."""
BATCH = 200
"""Records that are read at once of a long list."""
_CHANGE_REMEMBERED = 60.0
"""Seconds; far longer than an answer about jobs is used again."""


class LeaseLost(TaskError):
    """Another worker carries this task out now; `message` is the task's id."""


class LeaseState(IntEnum):
    """What `TaskStore.renew` found."""

    LOST = 0
    HELD = 1
    SETTLED = 2


class TaskStore:
    """The task records. Every method raises `TaskStoreUnavailable` when Redis does not answer.

    Args:
        url: `unix:///path/redis.sock` or `redis://host:port/0`.
        lifetimes: seconds that a record outlives its last update, per service (tasks.md §5).
        password: of the Redis server, when it is not part of the URL.
        timeout: seconds until one command counts as failed, its wait for a connection not counted.
            A disk that is busy with other things holds up a write for seconds where every write is
            on disk before it is answered (`appendfsync always`).
    """

    def __init__(
        self,
        url: str,
        *,
        lifetimes: Mapping[Service, float],
        password: str = "",
        max_connections: int = 32,
        timeout: float = 10.0,
    ) -> None:
        self._connections = Connections(
            url, password=password, most=max_connections, timeout=timeout
        )
        self._lifetimes = lifetimes
        self._feed = ChangeFeed(self._connections.redis)
        self._reading: Gathering[bytes | None] = Gathering(at_once=1, eager=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._feed.close()
        await self._connections.close()

    async def ping(self) -> None:
        """Returns when the store answers."""
        await self._connections.command("PING")

    # -- records ---------------------------------------------------------------------------------

    async def create(
        self,
        task: Task,
        spec: TaskSpec,
        *,
        owner: str = "",
        lease: float = 0,
        question: str = "",
        known: Known | None = None,
    ) -> Created:
        """Store a new task; from here on it is a promise.

        Args:
            owner, lease: the worker that carries it out from the start, and for how many seconds
                it may stay silent; without them any worker may claim it.
            question: what it asks, if the answer is shared: for `ANSWER_LIFETIME` the task is the
                answer to it, unless one is there that is newer than the last change.
            known: an answer to it, with which the task is settled at once if it still holds.

        Raises:
            IllegalTransition: the id is taken.
        """
        code, _, created = await self._write(
            task,
            expected=b"",
            spec=spec,
            owner=owner,
            lease=lease,
            question=question,
            known=known,
        )
        if code != 1:
            raise IllegalTransition(f"Task {task.id} exists already")
        return created

    async def get(self, task_id: str) -> Task:
        """Raises `TaskNotFound` for an unknown or expired id."""
        return decoded(await self._raw(task_id))

    async def get_many(self, user: str, ids: Collection[str]) -> dict[str, Task]:
        """Those of the user's tasks that exist; foreign and unknown ids are absent (K2)."""
        found = await self._read(ids)
        return {task.id: task for task in found if task.owned_by(user)}

    async def list(self, user: str) -> dict[str, Task]:
        """All of the user's tasks, by id, in no particular order."""
        return {task.id: task async for batch in self.batches(user) for task in batch}

    async def batches(self, user: str) -> AsyncIterator[Sequence[Task]]:
        """All of the user's tasks like `list`, at most `BATCH` at once."""
        ids: Sequence[bytes] = await self._connections.command("ZRANGE", _USER + user, 0, -1)
        for start in range(0, len(ids), BATCH):
            wanted = [task_id.decode() for task_id in ids[start : start + BATCH]]
            found = await self.get_many(user, wanted)
            if found:
                yield list(found.values())

    async def spec(self, task_id: str) -> TaskSpec:
        """What there is to carry out; raises `TaskNotFound` once the task has settled."""
        raw: bytes | None = await self._connections.command("GET", _SPEC + task_id)
        if raw is None:
            raise TaskNotFound(task_id)
        record = json.loads(raw)
        return TaskSpec(kind=record["kind"], arguments=record["arguments"])

    async def update(
        self,
        task_id: str,
        status: Status,
        data: Json,
        *,
        expect: Collection[Status] | None = None,
        owner: str = "",
        known: Task | None = None,
        changes_jobs: bool = False,
    ) -> Task:
        """Move a task to `status`; atomic, whoever else tries at the same time.

        Args:
            expect: only when the task is in one of these states.
            owner: only when no other worker holds the lease.
            known: the record as it was written last, which saves reading it.
            changes_jobs: the user's jobs are others now, which later tasks learn when they are
                created.

        Raises:
            IllegalTransition: tasks.md §4 does not allow it from where the task is now.
            LeaseLost: another worker holds the lease.
            TaskNotFound: unknown or expired.
        """
        raw = await self._raw(task_id) if known is None else encoded(known)
        while True:
            task = decoded(raw)
            allowed = expect is None or task.status in expect
            if not allowed or not may_move(task.service, task.status, status):
                raise IllegalTransition(f"Task {task_id} is {task.status}: not to {status}")
            moved = task.moved(status, data)
            code, current, _ = await self._write(
                moved,
                expected=raw,
                owner=owner,
                changes_jobs=changes_jobs,
            )
            if code == 1:
                return moved
            if code == -1:
                raise LeaseLost(task_id)
            if current is None:
                raise TaskNotFound(task_id)
            raw = current

    def watching(self, ids: Iterable[str]) -> contextlib.AbstractContextManager[Watch]:
        """For `wait_change`: tasks that are read from now on, so that no change is missed."""
        return self._feed.watching(ids)

    async def wait_change(
        self, seen: Sequence[Task], timeout: float, watch: Watch | None = None
    ) -> dict[str, Task]:
        """Long poll: the present records of `seen`, as soon as one differs or after `timeout` s.

        Records that expired meanwhile are absent.

        Args:
            watch: begun before `seen` was read; without it all are read once more first.
        """
        known = {task.id: task for task in seen}
        if watch is None:
            with self.watching(known) as watch:
                for task_id in known:
                    watch.tell(task_id)
                return await self.wait_change(seen, timeout, watch)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while (current := await self._after(await watch.news(), known)) == known:
                    pass
                return dict(current)
        return await self._by_id(known)

    # -- leases ----------------------------------------------------------------------------------

    async def claim(self, task_id: str, owner: str, lease: float) -> bool:
        """Take the task for `lease` seconds; False when another worker has it."""
        answer = await self._connections.run(
            scripts.CLAIM, [_LEASE + task_id], owner, _milliseconds(lease)
        )
        return bool(answer == 1)

    async def renew(self, ids: Sequence[str], owner: str, lease: float) -> dict[str, LeaseState]:
        """Keep the tasks for another `lease` seconds; one round trip for all."""
        if not ids:
            return {}
        leases = (_LEASE + task_id for task_id in ids)
        answer = await self._connections.run(
            scripts.RENEW, [_UNFINISHED, *leases], owner, _milliseconds(lease), *ids
        )
        return {task_id: LeaseState(state) for task_id, state in zip(ids, answer, strict=True)}

    async def release(self, ids: Sequence[str], owner: str) -> None:
        """Give the tasks up, so that another worker may claim them at once."""
        if not ids:
            return
        leases = [_LEASE + task_id for task_id in ids]
        await self._connections.run(scripts.RELEASE, leases, owner)

    async def unfinished_without_lease(self) -> Sequence[str]:
        """Ids of the tasks that nobody carries out."""
        found: Sequence[bytes] = await self._connections.run(
            scripts.ABANDONED, [_UNFINISHED], _RECORD, _LEASE
        )
        return [task_id.decode() for task_id in found]

    async def first_time(self, task_id: str, step: str, owner: str) -> bool:
        """True exactly once in the life of a task for each `step`, whoever asks.

        Raises:
            LeaseLost: another worker holds the lease.
            TaskNotFound: unknown or expired.
        """
        # The value tells a repeated command (its answer was lost) from a second caller.
        nonce = secrets.token_hex(8)
        keys = [_MARKS + task_id, _LEASE + task_id, _RECORD + task_id]
        answer = await self._connections.run(scripts.MARK, keys, step, nonce, owner)
        if answer == -1:
            raise LeaseLost(task_id)
        if answer == -2:
            raise TaskNotFound(task_id)
        return bool(answer == 1)

    # -- inside ----------------------------------------------------------------------------------

    async def _raw(self, task_id: str) -> bytes:
        raw = await self._reading.answer(task_id, self._raws)
        if raw is None:
            raise TaskNotFound(task_id)
        return raw

    async def _raws(self, ids: Iterable[str]) -> Sequence[bytes | None]:
        keys = [_RECORD + task_id for task_id in ids]
        found: Sequence[bytes | None] = await self._connections.command("MGET", *keys)
        return found

    async def _read(self, ids: Iterable[str]) -> Sequence[Task]:
        once = dict.fromkeys(ids)
        found = await self._raws(once) if once else []
        return [decoded(raw) for raw in found if raw is not None]

    async def _after(
        self, news: Mapping[str, Task | None], known: Mapping[str, Task]
    ) -> Mapping[str, Task]:
        """The present records of `known`, read if the news are not sure to be later."""
        later = {
            task_id: task
            for task_id, task in news.items()
            if task and task_id in known and task.updated_at > known[task_id].updated_at
        }
        return {**known, **later} if len(later) == len(news) else await self._by_id(known)

    async def _by_id(self, ids: Iterable[str]) -> dict[str, Task]:
        return {task.id: task for task in await self._read(ids)}

    async def _write(
        self,
        task: Task,
        *,
        expected: bytes,
        spec: TaskSpec | None = None,
        owner: str = "",
        lease: float = 0,
        changes_jobs: bool = False,
        question: str = "",
        known: Known | None = None,
    ) -> tuple[int, bytes | None, Created]:
        answered = task.moved(known.status, known.data) if known else None
        answer_text = encoded(answered, known.text) if answered and known else b""
        if task.status is Status.INVALIDATED:
            lifetime = INVALIDATED_LIFETIME
        else:
            lifetime = self._lifetimes[task.service]
        names = [_RECORD + task.id, _USER + task.user, _UNFINISHED]
        code, current, changed, now, answer = await self._connections.run(
            scripts.WRITE,
            [
                *names,
                _LEASE + task.id,
                _SPEC + task.id,
                _MARKS + task.id,
                _CHANGED + task.user,
                _ANSWER + question,
            ],
            task.id,
            expected,
            encoded(task),
            _milliseconds(lifetime),
            int(task.is_terminal),
            owner,
            CHANNEL,
            "" if spec is None else encoded_spec(spec),
            _milliseconds(lease),
            int(changes_jobs),
            _milliseconds(_CHANGE_REMEMBERED),
            _milliseconds(ANSWER_LIFETIME) if question else 0,
            answer_text,
            known.began if known else 0,
        )
        self._feed.notify(task.id, task if code == 1 and expected else None)
        newest = Answer.read(answer)
        if newest and newest.task_id == task.id:  # its creation was repeated
            newest = None
        settled = answered if current == answer_text else None
        return int(code), current, Created(int(now), int(changed), newest, settled)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000)) if seconds else 0
