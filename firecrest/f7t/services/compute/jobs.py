"""`/compute/jobs`, `/compute/acct`: queue, cancellation and accounting, C3 to C6 of compute.md."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from f7t.errors import BadRequest
from f7t.http.parameters import checked, checked_if_given, is_true
from f7t.services.compute.prechecks import reachable
from f7t.services.documentation import CREATED_TASK, success
from f7t.services.routing import Call, OperationRoute, UseMachineCall
from f7t.slurm.commands import is_job_id
from f7t.slurm.times import parse_time
from f7t.systems import System
from f7t.tasks.model import Service
from f7t.work.compute import accounting_query, cancellation, queue_query
from f7t.work.paging import Page

router = APIRouter(route_class=OperationRoute)


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
JobId = Annotated[str, Path(description="The job's id")]


@router.get(
    "/jobs",
    operation_id="compute_jobs",
    summary="Active jobs",
    responses=success(200, CREATED_TASK),
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
    await reachable(system, call)
    spec = queue_query(
        ids,
        page=_page(page_size, page_number),
        everybody=user_jobs is not None and not is_true(user_jobs),
    )
    return await call.promise(Service.COMPUTE, system, spec)


@router.get(
    "/jobs/{jobid}",
    operation_id="compute_job",
    summary="One active job",
    responses=success(200, CREATED_TASK),
)
async def job(
    jobid: JobId,
    call: UseMachineCall,
) -> dict[str, str]:
    """C4, T25 to T27 (D09)."""
    system = call.system
    ids = _checked_job_ids(checked("jobid", jobid))
    await reachable(system, call)
    spec = queue_query(ids, page=None, everybody=False)
    return await call.promise(Service.COMPUTE, system, spec)


@router.delete(
    "/jobs/{jobid}",
    operation_id="compute_cancel",
    summary="Cancel a job",
    responses=success(200, CREATED_TASK),
)
async def cancel(
    jobid: JobId,
    call: UseMachineCall,
) -> dict[str, str]:
    """C5. A comma list cancels several."""
    system = call.system
    ids = checked("jobid", jobid)
    await reachable(system, call)
    return await call.promise(Service.COMPUTE, system, cancellation(ids))


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
    responses=success(200, CREATED_TASK),
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
    spec = accounting_query(ids, start=start, end=end, page=page)
    return await call.promise(Service.COMPUTE, system, spec)
