"""`/compute`: jobs. Every call is a task; the scheduler's answer is in the task (compute.md)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.datastructures import UploadFile

from f7t.errors import BadRequest
from f7t.http.parameters import (
    Form,
    checked,
    checked_if_given,
    form_documentation,
    is_true,
)
from f7t.services.documentation import CREATED_TASK, remote_errors, success
from f7t.services.routing import Call, OperationRoute, UseForm, UseMachineCall
from f7t.slurm.commands import is_job_id
from f7t.slurm.times import parse_time
from f7t.systems import System
from f7t.tasks.model import Service
from f7t.work import compute as work
from f7t.work.paging import Page

router = APIRouter(prefix="/compute", tags=["compute"], route_class=OperationRoute)

_TOO_LARGE = "Failed to upload batch script. The file is over 5 MB"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEFAULT_SCRIPT = "script.sh"
_JOB_FORM = {
    "account": "Account that the job is charged to",
    "env": 'JSON object of variables exported in addition, e.g. {"A": "b c"}',
}


async def _reachable(system: System, call: Call) -> None:
    """The pre-check of all operations: a session of the user can be had (compute.md)."""
    async with call.session(system):
        pass


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
    if isinstance(value, str) and "\0" in value:
        return False
    return isinstance(value, str | int | float) and _VARIABLE.fullmatch(name) is not None


def _account(form: Form) -> str | None:
    return checked_if_given("account", form.text("account"), description="Invalid account")


@router.post(
    "/jobs",
    operation_id="compute_submit",
    summary="Submit a job script (the tutorial's path)",
    status_code=201,
    responses=success(201, CREATED_TASK)
    | remote_errors("Failed to submit job file", too_large=_TOO_LARGE),
    openapi_extra=form_documentation(_JOB_FORM, required=("file",), file="Job script"),
)
@router.post(
    "/jobs/upload",
    operation_id="compute_submit_upload",
    summary="Submit a job script",
    status_code=201,
    responses=success(201, CREATED_TASK)
    | remote_errors("Failed to submit job file", too_large=_TOO_LARGE),
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
    await _reachable(system, call)
    spec = work.submission(name, content, account=account, environment=environment)
    return await call.promise(Service.COMPUTE, system, spec)


@router.post(
    "/jobs/path",
    operation_id="compute_submit_path",
    summary="Submit a job script that is on the system",
    status_code=201,
    responses=success(201, CREATED_TASK) | remote_errors("Failed to submit job"),
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
    spec = work.path_submission(path, account=account, environment=environment)
    return await call.promise(Service.COMPUTE, system, spec)


def _checked_job_ids(text: str) -> tuple[str, ...]:
    ids = tuple(text.split(","))
    for one in ids:
        if not one or not is_job_id(one):
            error = f"{one} is not a valid job ID" if one else "Jobs list wrong format"
            raise BadRequest({"description": "Failed to retrieve job information", "error": error})
    return ids


def _page(size: str | None, number: str | None) -> Page | None:
    """0-based page; either parameter switches paging on, no integer is the default (§7)."""
    if size is None and number is None:
        return None
    return Page(size=max(_integer(size, 25), 0) or 25, number=_integer(number, 0))


def _integer(text: str | None, default: int) -> int:
    if text is None or not re.fullmatch(r"-?[0-9]{1,18}", text.strip()):
        return default
    return int(text)


PageSize = Annotated[str | None, Query(alias="pageSize", description="Entries a page, default 25")]
PageNumber = Annotated[str | None, Query(alias="pageNumber", description="0 is the first page")]
Jobs = Annotated[str | None, Query(description="Job ids, comma-separated")]


@router.get(
    "/jobs",
    operation_id="compute_jobs",
    summary="Active jobs",
    responses=success(200, CREATED_TASK) | remote_errors("Failed to retrieve jobs information"),
)
async def jobs(
    call: UseMachineCall,
    jobs: Jobs = None,
    page_size: PageSize = None,
    page_number: PageNumber = None,
    user_jobs: Annotated[
        str | None, Query(alias="userJobs", description="false: everybody's jobs")
    ] = None,
) -> dict[str, str]:
    """C3, T28."""
    system = call.system
    ids = () if jobs is None else _checked_job_ids(checked("jobs", jobs))
    await _reachable(system, call)
    spec = work.queue_query(
        ids,
        page=_page(page_size, page_number),
        everybody=user_jobs is not None and not is_true(user_jobs),
    )
    return await call.promise(Service.COMPUTE, system, spec)


@router.get(
    "/jobs/{jobid}",
    operation_id="compute_job",
    summary="One active job",
    responses=success(200, CREATED_TASK) | remote_errors("Failed to retrieve job information"),
)
async def job(
    jobid: str,
    call: UseMachineCall,
) -> dict[str, str]:
    """C4, T25 to T27 (D09)."""
    system = call.system
    ids = _checked_job_ids(checked("jobid", jobid))
    await _reachable(system, call)
    spec = work.queue_query(ids, page=None, everybody=False)
    return await call.promise(Service.COMPUTE, system, spec)


@router.delete(
    "/jobs/{jobid}",
    operation_id="compute_cancel",
    summary="Cancel a job",
    responses=success(200, CREATED_TASK) | remote_errors("Failed to delete job"),
)
async def cancel(
    jobid: str,
    call: UseMachineCall,
) -> dict[str, str]:
    """C5. A comma list cancels several."""
    system = call.system
    ids = checked("jobid", jobid)
    await _reachable(system, call)
    return await call.promise(Service.COMPUTE, system, work.cancellation(ids))


async def _period(call: Call, system: System, **given: str | None) -> list[datetime | None]:
    """The moments of the given parameters, in the machine's local time (D10).

    Raises:
        InvalidParameter: see `checked`.
        BadRequest: a text in none of the documented formats.
        RemoteError: no session of the user can be had (the pre-check of all operations).
    """
    texts = {name: checked_if_given(name, text) for name, text in given.items()}
    async with call.session(system) as session:
        now = await session.files.local_time() if any(texts.values()) else datetime.min
    return [_moment(name, text, now) for name, text in texts.items()]


def _moment(name: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_time(text, now)
    except ValueError as error:
        raise BadRequest(
            {
                "description": "Failed to retrieve account information",
                "error": f"'{name}' is not a valid time. {error}",
            }
        ) from error


@router.get(
    "/acct",
    operation_id="compute_acct",
    summary="Accounting of jobs",
    responses=success(200, CREATED_TASK) | remote_errors("Failed to retrieve account information"),
)
async def acct(
    call: UseMachineCall,
    jobs: Jobs = None,
    starttime: Annotated[str | None, Query(description="Begin of the period")] = None,
    endtime: Annotated[str | None, Query(description="End of the period")] = None,
    page_size: PageSize = None,
    page_number: PageNumber = None,
) -> dict[str, str]:
    """C6, T29, T30."""
    system = call.system
    ids = checked_if_given("jobs", jobs)
    start, end = await _period(call, system, starttime=starttime, endtime=endtime)
    page = _page(page_size, page_number)
    spec = work.accounting_query(ids, start=start, end=end, page=page)
    return await call.promise(Service.COMPUTE, system, spec)
