"""`/storage`: transfers through the staging area (storage.md)."""

from __future__ import annotations

import posixpath
from typing import Annotated

from fastapi import APIRouter, Header

from f7t.errors import (
    BadRequest,
    InvalidParameter,
    NotADirectory,
    NotFound,
    TaskNotFound,
)
from f7t.http.parameters import checked, form_documentation
from f7t.services.documentation import CREATED_TASK, example, success
from f7t.services.routing import Call, OperationRoute, UseCall, UseForm, UseMachineCall
from f7t.ssh.files import RemoteFiles
from f7t.systems import System
from f7t.tasks.model import Service, Status, Task
from f7t.work import transfer as work

router = APIRouter(prefix="/storage", tags=["storage"], route_class=OperationRoute)


def _system(call: Call) -> System:
    """The named system; the first one when none is named (D11)."""
    return call.system if call.machine else call.parts.systems.first


def _last_component(name: str, path: str) -> str:
    last = path.rstrip("/").rpartition("/")[2]
    if not last or last in {".", ".."}:
        raise InvalidParameter(name, "has no file name")
    return last


async def _target_file(files: RemoteFiles, target: str, name: str) -> str:
    """Where the file will be: `target/name`, or `target` itself if only its parent is a directory.

    Raises:
        RemoteError: neither is a directory that the user may write to (storage.md §3).
    """
    try:
        await files.writable_directory(target)
    except (NotFound, NotADirectory):
        if target.endswith("/"):
            raise
        await files.writable_directory(posixpath.dirname(target) or ".")
        return target
    return posixpath.join(target, name)


@router.post(
    "/xfer-external/upload",
    operation_id="storage_upload",
    summary="Upload a large file through the staging area",
    status_code=201,
    responses=success(201, CREATED_TASK),
    openapi_extra=form_documentation(
        {
            "targetPath": "Directory on the system, or full path of the file",
            "sourcePath": "Path on the client; its last component is the file's name",
        },
        required=("targetPath", "sourcePath"),
    ),
)
async def upload(
    call: UseMachineCall,
    form: UseForm,
) -> dict[str, str]:
    """X1, T33 to T43. The task tells how to post the file; the cluster fetches it as the user."""
    system = _system(call)
    target = checked("targetPath", form.text("targetPath"))
    source = checked("sourcePath", form.text("sourcePath"))
    name = _last_component("sourcePath", source)
    async with call.session(system) as session:
        path = await session.files.absolute(await _target_file(session.files, target, name))
    spec = work.upload(name, source_path=source, target_path=path)
    return await call.promise(Service.STORAGE, system, spec)


@router.post(
    "/xfer-external/download",
    operation_id="storage_download",
    summary="Download a large file through the staging area",
    status_code=201,
    responses=success(201, CREATED_TASK),
    openapi_extra=form_documentation(
        {"sourcePath": "File on the system"}, required=("sourcePath",)
    ),
)
async def download(
    call: UseMachineCall,
    form: UseForm,
) -> dict[str, str]:
    """X2, T44 to T47, T49. The finished task holds a link that needs no token."""
    system = _system(call)
    source = checked("sourcePath", form.text("sourcePath"))
    name = _last_component("sourcePath", source)
    async with call.session(system) as session:
        await session.files.size(source)
        path = await session.files.absolute(source)
    spec = work.download(name, source_path=path)
    return await call.promise(Service.STORAGE, system, spec)


async def _own_transfer(task_id: str | None, call: Call) -> Task:
    """The storage task that a header names; raises `BadRequest` in the words of X3."""
    if not task_id:
        raise BadRequest({"error": "Header X-Task-Id missing"})
    if not (task_id.isascii() and task_id.isalnum()):
        raise BadRequest({"error": "Header X-Task-Id is not alphanumeric"})
    try:
        task = await call.parts.store.get(task_id)
    except TaskNotFound:
        raise BadRequest({"error": "Invalid X-Task-Id"}) from None
    if not task.owned_by(call.user) or task.service is not Service.STORAGE:
        raise BadRequest({"error": "Invalid X-Task-Id"})
    return task


@router.post(
    "/xfer-external/invalidate",
    operation_id="storage_invalidate",
    summary="Withdraw the link of a download",
    status_code=201,
    responses=success(201, example({"success": "URL invalidated successfully"})),
)
async def invalidate(
    call: UseCall,
    task_id: Annotated[
        str | None, Header(alias="X-Task-Id", description="Id of the transfer's task")
    ] = None,
) -> dict[str, str]:
    """X3, D15. Every object of the task is deleted; nothing left is success, too."""
    task = await _own_transfer(task_id, call)
    if task.status is not Status.INVALIDATED:
        # First the record: a worker that still moves the file must not bring the object back.
        await call.parts.store.update(task.id, Status.INVALIDATED, "")
    await call.parts.staging.delete_task_objects(task.user, task.id)
    return {"success": "URL invalidated successfully"}
