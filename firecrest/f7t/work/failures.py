"""What a failed task says: compute.md C1 to C6, storage.md §3.2 and §4.2."""

from __future__ import annotations

from f7t.errors import CommandTimeout, FirecrestError
from f7t.tasks.kinds import Outcome
from f7t.tasks.model import Json, Status, Task

_INTERNAL = "Internal error, see the gateway's log"


def reason_of(error: Exception) -> str:
    """The text of a failure for its owner: the tool's own words, never a stack trace."""
    if isinstance(error, CommandTimeout):
        return "Command has finished with timeout signal"
    if isinstance(error, FirecrestError):
        return error.message or type(error).__name__
    return _INTERNAL


def describe_failure(task: Task, error: Exception) -> Outcome:
    """Final state of a task whose work raised `error`: the raw message is what clients search."""
    reason = reason_of(error)
    data: Json = reason
    if task.status is Status.PUSH_STARTED and isinstance(task.data, dict):
        return Outcome(Status.PUSH_FAILED, {**task.data, "error": reason})
    return Outcome(Status.FAILED, data)
