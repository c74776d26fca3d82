"""`/compute/jobs`: submissions, C0 to C2 of compute.md."""

from __future__ import annotations

import json
import re

from fastapi import APIRouter
from starlette.datastructures import UploadFile

from f7t.errors import BadRequest
from f7t.http.parameters import Form, checked, checked_if_given, form_documentation
from f7t.services.compute.prechecks import reachable
from f7t.services.documentation import CREATED_TASK, success
from f7t.services.routing import OperationRoute, UseForm, UseMachineCall
from f7t.tasks.model import Service
from f7t.work.compute import path_submission, submission

router = APIRouter(route_class=OperationRoute)

_TOO_LARGE = "Failed to upload batch script. The file is over 5 MB"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEFAULT_SCRIPT = "script.sh"
_JOB_FORM = {
    "account": "Account that the job is charged to",
    "env": 'JSON object of variables exported in addition, e.g. {"A": "b c"}',
}


def _script_name(name: str) -> str:
    """The name under which a script is stored: no path, no blanks, no odd characters (C1)."""
    last = re.split(r"[/\\]", name)[-1]
    safe = re.sub(r"[^A-Za-z0-9_.-]", "", re.sub(r"\s+", "_", last.strip()))
    return safe.lstrip("._-")[:200] or _DEFAULT_SCRIPT


def _refused(error: str) -> BadRequest:
    return BadRequest({"description": "Failed to submit job file", "error": error})


async def _script(file: UploadFile | None) -> tuple[str, bytes]:
    """Name and content of the batch script; raises `BadRequest` in the words of C1."""
    if file is None:
        raise _refused("No batch file part")
    if not file.filename:
        raise _refused("No batch file selected")
    content = await file.read()
    if not content:
        raise _refused("Batch file is empty")
    return _script_name(file.filename), content


def _environment(text: str | None, template: str) -> dict[str, str]:
    """Variables of the field `env`; raises `BadRequest` with the reason in `template` (D24)."""
    if text is None:
        return {}
    try:
        variables = json.loads(text)
    except (ValueError, RecursionError):
        variables = None
    if not isinstance(variables, dict) or not all(map(_is_variable, variables.items())):
        error = template.format(text=text)
        raise BadRequest({"description": "Failed to submit job", "error": error})
    return {
        name: value if isinstance(value, str) else str(value) for name, value in variables.items()
    }


def _is_variable(item: tuple[str, object]) -> bool:
    name, value = item
    if isinstance(value, str) and not _is_transferable(value):
        return False
    return isinstance(value, str | int | float) and _VARIABLE.fullmatch(name) is not None


def _is_transferable(text: str) -> bool:
    r"""Whether an environment can hold it: no NUL, and no half of a pair (`\ud800` in JSON)."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _account(form: Form) -> str | None:
    return checked_if_given("account", form.text("account"), description="Invalid account")


@router.post(
    "/jobs",
    operation_id="compute_submit",
    summary="Submit a job script (the tutorial's path)",
    status_code=201,
    responses=success(201, CREATED_TASK),
    openapi_extra=form_documentation(_JOB_FORM, required=("file",), file="Job script"),
)
@router.post(
    "/jobs/upload",
    operation_id="compute_submit_upload",
    summary="Submit a job script",
    status_code=201,
    responses=success(201, CREATED_TASK),
    openapi_extra=form_documentation(_JOB_FORM, required=("file",), file="Job script"),
)
async def submit(
    call: UseMachineCall,
    form: UseForm,
) -> dict[str, str]:
    """C0, C1, T21. The job runs in `<base>/<user>/firecrest/<task id>` (D25)."""
    system = call.system
    name, content = await _script(form.upload("file"))
    account = _account(form)
    environment = _environment(form.text("env"), "Invalid JSON in 'env' variable ({text})")
    await reachable(system, call)
    spec = submission(name, content, account=account, environment=environment)
    return await call.promise(Service.COMPUTE, system, spec)


@router.post(
    "/jobs/path",
    operation_id="compute_submit_path",
    summary="Submit a job script that is on the system",
    status_code=201,
    responses=success(201, CREATED_TASK),
    openapi_extra=form_documentation(
        {"targetPath": "Job script on the system", **_JOB_FORM}, required=("targetPath",)
    ),
)
async def submit_path(
    call: UseMachineCall,
    form: UseForm,
) -> dict[str, str]:
    """C2. The job runs in the directory of its script."""
    if not call.machine:
        raise BadRequest({"description": "Failed to submit job", "error": "No machine name given"})
    system = call.system
    path = checked("targetPath", form.text("targetPath"))
    account = _account(form)
    environment = _environment(form.text("env"), "Invalid JSON environment provided")
    async with call.session(system) as session:
        await session.files.size(path)
        path = await session.files.absolute(path)
    spec = path_submission(path, account=account, environment=environment)
    return await call.promise(Service.COMPUTE, system, spec)
