"""What a task is: status codes, transitions and the record that a client sees (contract tasks.md).

Pure: no I/O. The texts are the contract's, their spelling included.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal, TypeAlias

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"


class Service(StrEnum):
    """The FirecREST service that a task belongs to."""

    COMPUTE = "compute"
    STORAGE = "storage"


class Status(StrEnum):
    """All status codes of tasks.md §3; clients compare them as strings."""

    QUEUED = "100"
    IN_PROGRESS = "101"
    FORM_REQUESTED = "110"
    FORM_READY = "111"
    OBJECT_ARRIVED = "112"
    PULL_STARTED = "113"
    PULL_FINISHED = "114"
    PULL_FAILED = "115"
    PUSH_STARTED = "116"
    PUSH_FINISHED = "117"
    PUSH_FAILED = "118"
    FINISHED = "200"
    DELETED = "300"
    EXPIRING = "301"
    INVALIDATED = "302"
    FAILED = "400"

    @property
    def description(self) -> str:
        """The fixed text of this code; also its default `data`."""
        return _DESCRIPTIONS[self]

    @property
    def is_terminal(self) -> bool:
        """No work is left to do. 115 is not terminal: the pull is tried again (tasks.md §4)."""
        return self in _TERMINAL


_DESCRIPTIONS = {
    Status.QUEUED: "Queued",
    Status.IN_PROGRESS: "In progress",
    Status.FORM_REQUESTED: "Waiting for Form URL from Object Storage to be retrieved",
    Status.FORM_READY: "Form URL from Object Storage received",
    Status.OBJECT_ARRIVED: "Object Storage confirms that upload to Object Storage has finished",
    Status.PULL_STARTED: "Download from Object Storage to server has started",
    Status.PULL_FINISHED: "Download from Object Storage to server has finished",
    Status.PULL_FAILED: "Download from Object Storage error",
    Status.PUSH_STARTED: "Started upload from filesystem to Object Storage",
    Status.PUSH_FINISHED: "Upload from filesystem to Object Storage has finished succesfully",
    Status.PUSH_FAILED: "Upload from filesystem to Object Storage has finished with errors",
    Status.FINISHED: "Finished successfully",
    Status.DELETED: "Deleted on request",
    Status.EXPIRING: "Marked for expiration in persistence",
    Status.INVALIDATED: "Task not longer valid",
    Status.FAILED: "Finished with errors",
}

_TERMINAL = frozenset(
    {
        Status.PULL_FINISHED,
        Status.PUSH_FINISHED,
        Status.PUSH_FAILED,
        Status.FINISHED,
        Status.DELETED,
        Status.EXPIRING,
        Status.INVALIDATED,
        Status.FAILED,
    }
)

_NEXT: Mapping[Service, Mapping[Status, frozenset[Status]]] = {
    Service.COMPUTE: {Status.QUEUED: frozenset({Status.FINISHED, Status.FAILED})},
    Service.STORAGE: {
        Status.QUEUED: frozenset({Status.FORM_REQUESTED, Status.PUSH_STARTED, Status.FAILED}),
        Status.FORM_REQUESTED: frozenset({Status.FORM_READY, Status.FAILED}),
        Status.FORM_READY: frozenset({Status.OBJECT_ARRIVED, Status.FAILED}),
        Status.OBJECT_ARRIVED: frozenset({Status.PULL_STARTED, Status.FAILED}),
        Status.PULL_STARTED: frozenset({Status.PULL_FINISHED, Status.PULL_FAILED, Status.FAILED}),
        Status.PULL_FAILED: frozenset({Status.PULL_STARTED, Status.FAILED}),
        Status.PUSH_STARTED: frozenset({Status.PUSH_FINISHED, Status.PUSH_FAILED, Status.FAILED}),
    },
}

_STORAGE_CODES = frozenset(_NEXT[Service.STORAGE]) | {
    Status.PULL_FINISHED,
    Status.PUSH_FINISHED,
    Status.PUSH_FAILED,
    Status.FAILED,
}


def may_move(service: Service, old: Status, new: Status) -> bool:
    """Whether a task may go from `old` to `new` (tasks.md §4, D27).

    Keeping the status and changing `data` is allowed until the task has settled. A storage task may
    be invalidated in every state; nothing leaves 302.
    """
    if new is Status.INVALIDATED:
        return service is Service.STORAGE and old in _STORAGE_CODES
    edges = _NEXT[service]
    if old is new:
        return old in edges
    return new in edges.get(old, frozenset())


@dataclass(frozen=True)
class TaskSpec:
    """What there is to carry out: never part of a rendered task.

    Attributes:
        kind: name of a registered `f7t.tasks.kinds.Kind`.
        arguments: everything that another process needs to continue after a crash.
    """

    kind: str
    arguments: Mapping[str, Json] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Task:
    """One task record. `data` is canonical (objects); `render` gives the shape of an endpoint.

    Attributes:
        id: 32 lower-case hexadecimal digits, 128 random bits.
        system: public name of the machine.
        created_at, updated_at: aware, UTC.
    """

    id: str
    user: str
    service: Service
    system: str
    status: Status
    data: Json = field(repr=False)
    created_at: datetime
    updated_at: datetime

    @property
    def is_terminal(self) -> bool:
        return self.status.is_terminal

    def owned_by(self, user: str) -> bool:
        return self.user == user

    def moved(self, status: Status, data: Json) -> Task:
        """This task in another state, changed now."""
        # A clock that was set back must not let a record look older than it was.
        now = max(datetime.now(UTC), self.updated_at)
        return replace(self, status=status, data=data, updated_at=now)


def new_task(user: str, service: Service, system: str) -> Task:
    """A queued task with a fresh id; nothing is stored yet."""
    now = datetime.now(UTC)
    return Task(
        id=secrets.token_hex(16),
        user=user,
        service=service,
        system=system,
        status=Status.QUEUED,
        data=Status.QUEUED.description,
        created_at=now,
        updated_at=now,
    )


DataShape: TypeAlias = Literal["auto", "object", "string"]
Endpoint: TypeAlias = Literal["one", "list"]

# D12, D26, tasks.md §7: whatever a worker put there, these never leave the gateway.
_PRIVATE = frozenset({"cert", "certificate", "action", "download_url"})
_PULLING = frozenset({Status.PULL_STARTED, Status.PULL_FINISHED})


def render(task: Task, *, shape: DataShape, endpoint: Endpoint, public_url: str) -> dict[str, Json]:
    """The task as `GET /tasks/{id}` (`one`) or `GET /tasks` (`list`) shows it (tasks.md §2).

    Args:
        shape: `auto` is the tutorial's string on `one` and the object on `list` (D13, D14).
        public_url: base of the absolute `task_url` (D08).
    """
    updated = _time_stamp(task.updated_at)
    as_string = shape == "string" or (shape == "auto" and endpoint == "one")
    return {
        "hash_id": task.id,
        "task_id": task.id,
        "user": task.user,
        "service": task.service.value,
        "system": task.system,
        "status": task.status.value,
        "description": task.status.description,
        "data": _rendered_data(task, as_string=as_string),
        "created_at": _time_stamp(task.created_at),
        "updated_at": updated,
        "last_modify": updated,
        "task_url": f"{public_url.rstrip('/')}/tasks/{task.id}",
    }


def _rendered_data(task: Task, *, as_string: bool) -> Json:
    if task.service is not Service.STORAGE:
        return task.data
    data = _redacted(task.data)
    if not isinstance(data, Mapping):
        return data
    if task.status is Status.PUSH_FINISHED and as_string:
        return data.get("url", "")
    if task.status in _PULLING:
        return task.status.description if as_string else {"msg": task.status.description, **data}
    return data


def _redacted(data: Json) -> Json:
    if isinstance(data, Mapping):
        return {key: _redacted(value) for key, value in data.items() if key not in _PRIVATE}
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [_redacted(value) for value in data]
    return data


def _time_stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").removesuffix("+00:00")
