"""Utilities that change files (utilities.md)."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from f7t.errors import BadRequest, InvalidParameter
from f7t.http.parameters import Form, checked, form_documentation, verdict
from f7t.services.documentation import example, success
from f7t.services.routing import OperationRoute, UseForm, UseMachineCall

router = APIRouter(route_class=OperationRoute)

_TOO_LARGE = "Failed to upload file. The file is over 5242880 bytes"


def _uploaded(file: UploadFile | None) -> tuple[str, UploadFile]:
    """Name and part of the uploaded file; raises `BadRequest` in the words of U10."""
    if file is None:
        raise _upload_refused("No file in query")
    name = file.filename or ""
    wrong = verdict(name) or ("has invalid char" if "/" in name or name in {".", ".."} else "")
    if wrong:
        raise _upload_refused(f"Filename {wrong}")
    return name, file


def _upload_refused(error: str) -> BadRequest:
    return BadRequest({"description": "Failed to upload file", "error": error})


@router.post(
    "/upload",
    operation_id="utilities_upload",
    summary="Upload a small file",
    status_code=201,
    responses=success(201, example({"description": "File upload successful", "output": ""})),
    openapi_extra=form_documentation(
        {"targetPath": "Directory on the system"},
        required=("targetPath", "file"),
        file="The file; stored under its own name",
    ),
)
async def upload(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U10, T16 to T20. Returns when the file is complete; overwrites."""
    system = call.system
    directory = checked("targetPath", form.text("targetPath"))
    name, file = _uploaded(form.upload("file"))
    content = await file.read()
    async with call.session(system) as session:
        await session.files.write(directory, name, content)
    return {"description": "File upload successful", "output": ""}


def _done(operation: str) -> dict[str, str]:
    """The answer of a change that has nothing to show."""
    return {"description": f"Success to {operation} file.", "output": ""}


def _paths(form: Form) -> tuple[str, str]:
    """Source and target."""
    source = checked("sourcePath", form.text("sourcePath"))
    return source, checked("targetPath", form.text("targetPath"))


_FILE = "Path of the file or directory"
_MOVED = {
    "sourcePath": _FILE,
    "targetPath": "Its new path, or an existing directory to put it in; files are replaced",
}


@router.post(
    "/mkdir",
    operation_id="utilities_mkdir",
    summary="Make a directory",
    status_code=201,
    responses=success(201, example(_done("mkdir"))),
    openapi_extra=form_documentation(
        {
            "targetPath": "Path of the new directory",
            "p": "If present, whatever its value: make missing parents, and accept an existing one",
        },
        required=("targetPath",),
    ),
)
async def mkdir(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U2. The mode follows the user's umask."""
    system = call.system
    path = checked("targetPath", form.text("targetPath"))
    async with call.session(system) as session:
        if form.text("p") is None:
            await session.changes.make_directory(path)
        else:
            await session.files.make_directories(path)
    return _done("mkdir")


@router.put(
    "/rename",
    operation_id="utilities_rename",
    summary="Move or rename a file or directory",
    responses=success(200, example(_done("rename"))),
    openapi_extra=form_documentation(_MOVED, required=("sourcePath", "targetPath")),
)
async def rename(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U3. Overwrites without asking."""
    system = call.system
    source, target = _paths(form)
    async with call.session(system) as session:
        await session.changes.rename(source, target)
    return _done("rename")


@router.post(
    "/copy",
    operation_id="utilities_copy",
    summary="Copy a file or directory",
    status_code=201,
    responses=success(201, example(_done("copy"))),
    openapi_extra=form_documentation(_MOVED, required=("sourcePath", "targetPath")),
)
async def copy(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U6. Recursive, keeps attributes, copies links as links, overwrites without asking."""
    system = call.system
    source, target = _paths(form)
    async with call.session(system) as session:
        await session.changes.copy(source, target)
    return _done("copy")


@router.post(
    "/symlink",
    operation_id="utilities_symlink",
    summary="Make a symbolic link",
    status_code=201,
    responses=success(201, example(_done("symlink"))),
    openapi_extra=form_documentation(
        {
            "targetPath": "What the link points to; need not exist, and a relative path begins in "
            "the link's directory",
            "linkPath": "Path of the new link",
        },
        required=("targetPath", "linkPath"),
    ),
)
async def symlink(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U9. Nothing is replaced."""
    system = call.system
    target = checked("targetPath", form.text("targetPath"))
    link = form.text("linkPath") or ""
    wrong = verdict(form.text("linkPath"))
    if wrong:
        raise InvalidParameter("linkPath", f"value {wrong}", description="Failed to create symlink")
    async with call.session(system) as session:
        await session.changes.make_link(target, link)
    return _done("symlink")


@router.delete(
    "/rm",
    operation_id="utilities_rm",
    summary="Remove a file, or a directory with all that is in it",
    status_code=204,
    response_class=Response,
    responses=success(204, {"description": "It is gone"}),
    openapi_extra=form_documentation({"targetPath": _FILE}, required=("targetPath",)),
)
async def rm(call: UseMachineCall, form: UseForm) -> Response:
    """U12. Never asks. The form is in the body."""
    system = call.system
    path = checked("targetPath", form.text("targetPath"))
    async with call.session(system) as session:
        await session.changes.remove(path)
    return Response(status_code=204)
