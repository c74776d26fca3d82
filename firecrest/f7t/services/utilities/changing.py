"""Utilities that change files (utilities.md)."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.datastructures import UploadFile

from f7t.errors import BadRequest
from f7t.http.parameters import checked, form_documentation, verdict
from f7t.services.documentation import example, remote_errors, success
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
    responses=success(201, example({"description": "File upload successful", "output": ""}))
    | remote_errors("Error on upload operation", too_large=_TOO_LARGE),
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
