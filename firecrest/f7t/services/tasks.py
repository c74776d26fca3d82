"""`/tasks`: the records of what was accepted, and how far it came (tasks.md)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from f7t.as_json import as_json
from f7t.errors import NotTaskOwner
from f7t.http.parameters import checked
from f7t.parts import Parts
from f7t.services.documentation import example, success
from f7t.services.routing import Call, OperationRoute, UseCall
from f7t.tasks.changes import Watch
from f7t.tasks.model import Endpoint, Status, Task, render

router = APIRouter(tags=["tasks"], route_class=OperationRoute)

_TASK_EXAMPLE = {
    "hash_id": "af516f55496faf473d3bcaa042c52431",
    "task_id": "af516f55496faf473d3bcaa042c52431",
    "user": "test1",
    "service": "compute",
    "system": "cluster",
    "status": "200",
    "description": "Finished successfully",
    "data": {"result": "Job submitted", "jobid": 2},
    "created_at": "2026-01-05T10:00:00",
    "updated_at": "2026-01-05T10:00:01",
    "last_modify": "2026-01-05T10:00:01",
    "task_url": "http://127.0.0.1:8000/tasks/af516f55496faf473d3bcaa042c52431",
}


def _is_moving(task: Task) -> bool:
    """Whether the server will change the task by itself soon: 111 waits for the client."""
    return not task.is_terminal and task.status is not Status.FORM_READY


async def _held(tasks: Sequence[Task], parts: Parts, watch: Watch) -> dict[str, Task]:
    """The tasks, after a moment in which unfinished ones may change (long polling)."""
    seconds = parts.settings.tasks.long_poll
    if seconds and any(_is_moving(task) for task in tasks):
        return await parts.store.wait_change(tasks, seconds, watch)
    return {task.id: task for task in tasks}


def _rendered(task: Task, endpoint: Endpoint, call: Call) -> dict[str, Any]:
    shape = call.parts.settings.tasks.data_shape
    return render(task, shape=shape, endpoint=endpoint, public_url=call.public_url)


@router.get(
    "/tasks",
    operation_id="tasks_list",
    summary="The caller's tasks, by id",
    responses=success(200, example({"tasks": {_TASK_EXAMPLE["task_id"]: _TASK_EXAMPLE}})),
    response_model=dict[str, Any],
)
@router.get(
    "/tasks/",
    operation_id="tasks_list",
    include_in_schema=False,
    response_model=dict[str, Any],
)
async def tasks_list(
    call: UseCall,
    tasks: Annotated[str | None, Query(description="Only these task ids, comma-separated")] = None,
) -> dict[str, Any] | Response:
    """K2, T24. Unknown, expired and foreign ids are absent."""
    if tasks is None:
        batches = call.parts.store.batches(call.user)
        begin: list[Sequence[Task]] = []
        async for batch in batches:
            begin.append(batch)
            if len(begin) > 1:
                document = _streamed(begin, batches, call)
                return StreamingResponse(document, media_type="application/json")
        return {"tasks": _listed((one for batch in begin for one in batch), call)}
    ids = [stripped for one in checked("tasks", tasks).split(",") if (stripped := one.strip())]
    store = call.parts.store
    with store.watching(ids) as watch:
        own = await store.get_many(call.user, ids)
        found = await _held(list(own.values()), call.parts, watch)
    return {"tasks": _listed(found.values(), call)}


def _listed(tasks: Iterable[Task], call: Call) -> dict[str, Any]:
    return {one.id: _rendered(one, "list", call) for one in tasks}


async def _streamed(
    begin: Sequence[Sequence[Task]], others: AsyncIterator[Sequence[Task]], call: Call
) -> AsyncIterator[bytes]:
    """The document batch by batch. A failure breaks the connection: its end is missing."""
    yield b'{"tasks":{' + b",".join(as_json(_listed(batch, call))[1:-1] for batch in begin)
    async for batch in others:
        yield b"," + as_json(_listed(batch, call))[1:-1]
    yield b"}}"


@router.get(
    "/tasks/{taskid}",
    operation_id="tasks_get",
    summary="One task",
    responses={
        200: example({"task": _TASK_EXAMPLE}),
        403: example({"description": "Operation not permitted. Invalid task owner."}, "Not yours"),
        404: example({"error": "Task IDONTEXIST does not exist"}, "Unknown or expired"),
    },
)
async def tasks_get(
    taskid: Annotated[str, Path(description="Id of the task")], call: UseCall
) -> dict[str, Any]:
    """K1, T22, T34, T41, T45."""
    store = call.parts.store
    with store.watching([taskid]) as watch:
        task = call.parts.runner.carried_out(taskid) or await store.get(taskid)
        if not task.owned_by(call.user):
            raise NotTaskOwner(taskid)
        current = (await _held([task], call.parts, watch)).get(task.id, task)
    return {"task": _rendered(current, "one", call)}
