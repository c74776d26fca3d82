"""Answers that tasks share: who asks what was answered a moment ago is given the same answer.

All points in time are microseconds of Redis' clock, so that all workers agree.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from f7t.tasks.model import Json, Status, Task, TaskSpec


@dataclass(frozen=True)
class Answer:
    """The task whose data answers a question, or will do so once it has settled.

    Attributes:
        began: when it was created; its command began later.
        task_id: its id.
    """

    began: int
    task_id: str

    @classmethod
    def read(cls, raw: bytes | None) -> Answer | None:
        """What the store keeps of it, None if there is none."""
        began, _, task_id = (raw or b"").decode().partition(" ")
        return cls(int(began), task_id) if task_id else None


@dataclass(frozen=True)
class Known:
    """An answer that this worker has.

    Attributes:
        began: of the task that asked it, as in `Answer`.
        status, data: how such a task ends.
        text: `data` as it is stored, if that is at hand.
    """

    began: int
    status: Status
    data: Json = field(repr=False)
    text: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Created:
    """What the store knew when it took a task in.

    Attributes:
        at: when that was.
        jobs_changed: when the user's jobs were last changed by a task; 0 if that is long ago.
        answer: the newest answer to the same question; None if this task must find it out.
        settled: the task with the answer that its worker knew, if that still held.
    """

    at: int
    jobs_changed: int
    answer: Answer | None = None
    settled: Task | None = None


def question_of(task: Task, spec: TaskSpec) -> str:
    """Names what the task asks: the same user, system, kind and arguments give the same text."""
    asked = [task.user, task.system, spec.kind, spec.arguments]
    text = json.dumps(asked, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()
