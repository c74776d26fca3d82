"""Tasks as bytes: how the store keeps them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import orjson

from f7t.as_json import as_json, plain
from f7t.tasks.model import Json, Service, Status, Task, TaskSpec

# ASCII: file names that are no UTF-8 arrive as lone surrogates and must survive. The standard
# library's, since it refuses what is no JSON (RFC 8259 §6), such as NaN.
_ENCODER = json.JSONEncoder(separators=(",", ":"), default=plain, allow_nan=False)


def encoded(task: Task, data: bytes | None = None) -> bytes:
    """A record as it is stored; the same task gives the same bytes.

    Args:
        data: `encoded_data` of its data, if that is at hand.
    """
    known = {
        "id": task.id,
        "user": task.user,
        "service": task.service,
        "system": task.system,
        "status": task.status,
        "created_at": task.created_at.isoformat(),
        "updated_at": task.updated_at.isoformat(),
    }
    text = encoded_data(task.data) if data is None else data
    return b'%s,"data":%s}' % (as_json(known)[:-1], text)


def encoded_data(data: Json) -> bytes:
    """A task's data as part of its record."""
    return _json(data)


def encoded_spec(spec: TaskSpec) -> bytes:
    """What there is to carry out, as it is stored."""
    return _json({"kind": spec.kind, "arguments": spec.arguments})


def _json(value: Json) -> bytes:
    return _ENCODER.encode(value).encode()


def _record(raw: bytes) -> Any:  # noqa: ANN401
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:  # lone surrogates
        return json.loads(raw)


def decoded(raw: bytes) -> Task:
    """The task of a stored record."""
    record = _record(raw)
    return Task(
        id=record["id"],
        user=record["user"],
        service=Service(record["service"]),
        system=record["system"],
        status=Status(record["status"]),
        data=record["data"],
        created_at=datetime.fromisoformat(record["created_at"]),
        updated_at=datetime.fromisoformat(record["updated_at"]),
    )
