"""`/storage/xfer-internal`: transfers within the centre, as jobs (storage.md §6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter

from f7t.archives import compress_argv, extract_argv, kind_of
from f7t.errors import BadRequest, CommandFailed
from f7t.http.parameters import Form, checked, checked_if_given, form_documentation, is_true
from f7t.services.documentation import CREATED_TASK, Responses, success
from f7t.services.routing import Call, OperationRoute, UseForm, UseMachineCall
from f7t.slurm.batch import BatchJob, is_time_limit
from f7t.slurm.commands import is_job_id
from f7t.ssh.pool import Session
from f7t.systems import System
from f7t.tasks.model import Service
from f7t.work import internal_transfers as work

router = APIRouter(prefix="/storage/xfer-internal", tags=["storage"], route_class=OperationRoute)

_DEFAULT_TIME = "02:00:00"
_OUTPUT_LIMIT = 4096
_SOURCE = {"sourcePath": "Path on the system"}
_TARGET = {"targetPath": "Path on the system"}
_EXTENSION = (
    "Format: .zip, .tar, .tgz, .gz, .bz2, with or without the dot; auto: by the name of sourcePath"
)
_JOB = {
    "jobName": "Name of the job; by default the operation's, with -job",
    "time": f"Time limit: M, M:S, H:M:S, D-H, D-H:M or D-H:M:S; default {_DEFAULT_TIME}",
    "stageOutJobId": "The job begins when this one has succeeded",
    "account": "Account that the job is charged to",
}


def _form(*fields: Mapping[str, str]) -> dict[str, Any]:
    """Documentation of the form: paths are required, everything else has a default."""
    described = {name: text for group in fields for name, text in group.items()}
    required = tuple(name for name in described if name.endswith("Path"))
    return form_documentation(described | _JOB, required=required)


def _answers(operation: str) -> Responses:
    return success(201, CREATED_TASK)


@dataclass(frozen=True)
class _Job:
    """What a request says of its job."""

    name: str
    time: str
    after: str
    account: str | None


def _checked_job(form: Form, operation: str) -> _Job:
    """Raises `InvalidParameter` and `BadRequest` in the words and the order of storage.md §6."""
    # pyfirecrest's asynchronous client spells it without a capital.
    name = form.text("jobName") or form.text("jobname") or f"{operation}-job"
    name = checked("jobName", name, description="Invalid jobName")
    time = form.text("time")
    if time is not None and not is_time_limit(time):
        raise BadRequest({"error": "Not supported time format"})
    wrong_id = "Invalid stageOutJobId"
    after = checked_if_given("stageOutJobId", form.text("stageOutJobId"), description=wrong_id)
    if after is not None and not is_job_id(after):
        raise BadRequest({"description": wrong_id, "error": f"{after} is not a valid job ID"})
    account = checked_if_given("account", form.text("account"), description="Invalid account")
    return _Job(name, time or _DEFAULT_TIME, after or "", account)


def _target(call: Call, form: Form) -> str:
    """The parameter that all have; the machine's name is checked before it."""
    _ = call.system
    return checked("targetPath", form.text("targetPath"))


def _paths(call: Call, form: Form) -> tuple[str, str]:
    """Source and target, as the client named them; the target is checked first."""
    target = _target(call, form)
    return checked("sourcePath", form.text("sourcePath")), target


def _job_system(call: Call) -> System:
    """Where the jobs run: the operator's choice, else the named system."""
    machine = call.parts.settings.storage.internal.machine
    return call.parts.systems.named(machine) if machine else call.system


async def _primary_group(session: Session, call: Call) -> str:
    """Name of the user's primary group; raises `RemoteError` if the machine does not tell."""
    completed = await session.run(
        ["id", "-gn"],
        time_limit=call.parts.settings.utilities.timeout,
        output_limit=_OUTPUT_LIMIT,
    )
    if completed.exit_status != 0:
        text = completed.stderr.decode("utf-8", "backslashreplace").strip()
        raise CommandFailed(text, exit_status=completed.exit_status)
    name = completed.stdout.decode("utf-8", "backslashreplace").removesuffix("\n")
    return checked("account", name, description="Invalid account")


async def _submitted(
    call: Call,
    form: Form,
    operation: str,
    command: Callable[..., Sequence[str]],
    *paths: str,
) -> dict[str, str]:
    """Promise the submission of a job that runs `command` of the absolute `paths`."""
    asked = _checked_job(form, operation)
    internal = call.parts.settings.storage.internal
    system = _job_system(call)
    async with call.session(system) as session:
        absolute = [await session.files.absolute(path) for path in paths]
        account = asked.account
        if account is None and internal.use_sched_project:
            account = await _primary_group(session, call)
    job = BatchJob(
        name=asked.name,
        time=asked.time,
        partition=internal.partition,
        constraint=internal.constraint,
        after=asked.after,
        account=account or "",
    )
    spec = work.transfer(job, command(*absolute), title=operation)
    return await call.promise(Service.COMPUTE, system, spec)


@router.post(
    "/cp",
    operation_id="storage_internal_cp",
    summary="Copy with a job",
    status_code=201,
    responses=_answers("cp"),
    openapi_extra=_form(_SOURCE, _TARGET),
)
async def copy(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """X4. Everything below, attributes kept, links as links."""
    return await _submitted(call, form, "cp", work.copy_argv, *_paths(call, form))


@router.post(
    "/mv",
    operation_id="storage_internal_mv",
    summary="Move with a job",
    status_code=201,
    responses=_answers("mv"),
    openapi_extra=_form(_SOURCE, _TARGET),
)
async def move(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """X5."""
    return await _submitted(call, form, "mv", work.move_argv, *_paths(call, form))


@router.post(
    "/rsync",
    operation_id="storage_internal_rsync",
    summary="Synchronise with a job",
    status_code=201,
    responses=_answers("rsync"),
    openapi_extra=_form(_SOURCE, _TARGET),
)
async def synchronise(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """X6. What was transferred is in the job's output."""
    return await _submitted(call, form, "rsync", work.synchronise_argv, *_paths(call, form))


@router.post(
    "/rm",
    operation_id="storage_internal_rm",
    summary="Delete with a job",
    status_code=201,
    responses=_answers("rm"),
    openapi_extra=_form(_TARGET),
)
async def remove(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """X7. With everything below."""
    return await _submitted(call, form, "rm", work.remove_argv, _target(call, form))


@router.post(
    "/compress",
    operation_id="storage_internal_compress",
    summary="Pack into a .tar.gz with a job",
    status_code=201,
    responses=_answers("compress"),
    openapi_extra=_form(_SOURCE, _TARGET, {"dereference": "true: pack what links point to"}),
)
async def compress(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """X8. The archive holds the last component of sourcePath."""
    dereference = is_true(form.text("dereference"))

    def command(source: str, target: str) -> list[str]:
        return compress_argv(source, target, dereference=dereference)

    return await _submitted(call, form, "compress", command, *_paths(call, form))


@router.post(
    "/extract",
    operation_id="storage_internal_extract",
    summary="Unpack an archive with a job",
    status_code=201,
    responses=_answers("extract"),
    openapi_extra=_form(
        _SOURCE, _TARGET, {"extension": _EXTENSION, "type": "The same, where extension is absent"}
    ),
)
async def extract(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """X9, D17. Into the directory targetPath."""
    source, target = _paths(call, form)
    kind = kind_of(form.text("extension") or form.text("type"), source)

    def command(archive: str, directory: str) -> list[str]:
        return extract_argv(archive, directory, kind)

    return await _submitted(call, form, "extract", command, source, target)
