"""Faults of tasks, jobs, transfers and reservations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.types import ASGIApp

from f7t.services.compute import submission as submitting
from f7t.slurm import batch, commands
from f7t.staging.area import StagingArea
from f7t.staging.form import UploadForm
from f7t.staging.transfer import pull_argv
from f7t.tasks import model
from f7t.tasks.kinds import TaskContext
from f7t.tasks.store import TaskStore
from f7t.work import internal_transfers as internal
from f7t.work import transfer as external
from f7t.work.compute import jobs, scheduler
from f7t.work.compute.submission import Submissions, submission
from f7t.work.paging import page_of
from tests.conformance.mutants.altering import Altered, Asked, Reply, answering, asking
from tests.conformance.mutants.model import Layer, Mutant, patching

_TASKS = "/tasks.*"
Record = dict[str, Any]


def _each_task(change: Callable[[Record], Record]) -> Layer:
    """Another record wherever a task is shown."""

    def answer(asked: Asked, reply: Reply) -> Reply:
        body = reply.json
        if reply.status != 200 or not isinstance(body, dict):
            return reply
        if isinstance(body.get("task"), dict):
            return reply.with_json(body | {"task": change(body["task"])})
        if isinstance(body.get("tasks"), dict):
            shown = {name: change(one) for name, one in body["tasks"].items()}
            return reply.with_json(body | {"tasks": shown})
        return reply

    return answering("GET", _TASKS, answer)


def _each_data(change: Callable[[Record], Any]) -> Layer:
    """Another `data` of tasks where it is an object."""

    def task(record: Record) -> Record:
        data = record.get("data")
        return record | {"data": change(data)} if isinstance(data, dict) else record

    return _each_task(task)


def _without_key(name: str) -> Callable[[Record], Record]:
    return lambda record: {key: value for key, value in record.items() if key != name}


def _falling(app: ASGIApp) -> ASGIApp:
    """Who asks again for a settled task is told that it is queued."""
    seen: set[str] = set()

    def change(record: Record) -> Record:
        known = record["hash_id"] in seen
        if record["status"] in {"200", "400"}:
            seen.add(record["hash_id"])
        return record | {"status": "100", "description": "Queued"} if known else record

    return _each_task(change)(app)


def _wrapped(record: Record) -> Record:
    return record | {"data": json.dumps(record["data"])}


def _renumbered(record: Record) -> Record:
    return record | {"status": int(record["status"])}


def _leaking(record: Record) -> Record:
    if record["service"] != "storage" or not isinstance(record["data"], dict):
        return record
    return record | {"data": {**record["data"], "cert": ["ssh-rsa-cert-v01@openssh.com AAAA"]}}


async def _everybodys(self: TaskStore, user: str) -> dict[str, model.Task]:
    keys = [key async for key in self._redis.scan_iter(match="*task*")]
    ids = {key.decode().rpartition(":")[2] for key in keys}
    return {task.id: task for task in await self._read(ids)}


async def _unowned(self: TaskStore, user: str, ids: Any) -> dict[str, model.Task]:
    return {task.id: task for task in await self._read(ids)}


_queue = commands.queue
_submit_script = commands.submit_script
_sbatch = commands._sbatch


def _queue_of_all(
    ids: Sequence[str] = (), *, user: str | None = None, ended: bool = False
) -> list[str]:
    return _queue(ids, user=None, ended=ended)


def _with_steps(app: ASGIApp) -> ASGIApp:
    """After each row of a job one of its batch step."""

    def change(data: Any) -> Any:
        rows = data if isinstance(data, list) else []
        jobs_only = [row for row in rows if isinstance(row, dict) and "exit_code" in row]
        if not jobs_only:
            return data
        steps = ({**row, "jobid": f"{row['jobid']}.batch", "name": "batch"} for row in rows)
        return [one for pair in zip(rows, steps, strict=True) for one in pair]

    return _each_task(lambda record: record | {"data": change(record["data"])})(app)


def _without_environment(
    account: str | None, environment: Mapping[str, str], options: Sequence[str]
) -> list[str]:
    return _sbatch(account, {}, options)


def _only_environment(
    account: str | None, environment: Mapping[str, str], options: Sequence[str]
) -> list[str]:
    """Values after --export, where commas separate."""
    words = ",".join(f"{name}={value}" for name, value in environment.items())
    exported = [f"--export=ALL,{words}"] if environment else []
    return [*_sbatch(account, {}, options), *exported]


def _without_account(
    account: str | None, environment: Mapping[str, str], options: Sequence[str]
) -> list[str]:
    return _sbatch(None, environment, options)


async def _nothing_cancelled(self: jobs.Jobs, context: TaskContext) -> Any:
    ids = context.spec.arguments["ids"]
    return scheduler.finished(f"scancel: Terminating job {ids}")


_queued = jobs._queued


def _unswapped(job: Any, found: Any) -> Record:
    row = dict(_queued(job, found))
    return row | {"start_time": row["time"], "time": row["start_time"]}


def _page_before(rows: Any, page: Any) -> Any:
    return page_of(rows, page and replace(page, number=page.number - 1))


def _in_one_directory(self: Submissions, context: TaskContext) -> str:
    base = self.scheduler.system(context).job_base
    return f"{base}/{context.task.user}/firecrest/x{context.task.id[1:]}"


def _script_cut(name: str, script: bytes, **rest: Any) -> Any:
    return submission(name, script[:-1], **rest)


_batch_script = batch.batch_script


def _not_waiting(job: batch.BatchJob, argv: Sequence[str], *, title: str) -> bytes:
    return _batch_script(replace(job, after=""), argv, title=title)


def _one_level(target: str) -> list[str]:
    return ["rm", "-f", "--", target]


_as_message = UploadForm.as_message


def _of_form(change: Callable[[UploadForm], UploadForm]) -> Layer:
    return patching(UploadForm, "as_message", lambda self: _as_message(change(self)))


def _without_field(form: UploadForm) -> UploadForm:
    return replace(form, fields={k: v for k, v in form.fields.items() if k != "x-amz-date"})


def _elsewhere(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://localhost:9/{rest.partition('/')[2]}"


_download_url = StagingArea.download_url


def _link_elsewhere(self: StagingArea, *arguments: Any) -> str:
    return _elsewhere(_download_url(self, *arguments))


def _unsigned_link(record: Record) -> Record:
    data = record["data"]
    if record["status"] != "117":
        return record
    url = data if isinstance(data, str) else data.get("url", "")
    bare = url.partition("?")[0]
    return record | {"data": bare if isinstance(data, str) else {**data, "url": bare}}


def _separate_link(app: ASGIApp) -> ASGIApp:
    """Client links lead elsewhere; what the cluster itself fetches is as it was."""
    app = patching(StagingArea, "internal_get_url", _download_url)(app)
    return patching(StagingArea, "download_url", _link_elsewhere)(app)


async def _kept(self: StagingArea, user: str, task_id: str) -> int:
    return 0


def _still_valid(app: ASGIApp) -> ASGIApp:
    """The objects go, the task stays as it was."""
    update = TaskStore.update

    async def unchanged(self: TaskStore, task_id: str, status: Any, data: Any, **rest: Any) -> Any:
        if status is model.Status.INVALIDATED:
            return await self.get(task_id)
        return await update(self, task_id, status, data, **rest)

    return patching(TaskStore, "update", unchanged)(app)


def _pull_cut(url: str, target: str, task_id: str) -> Any:
    transfer = pull_argv(url, target, task_id)
    script = transfer.argv[2].replace("mv -fT", 'truncate --size=-1 -- "$part"\nmv -fT')
    return replace(transfer, argv=("sh", "-c", script, *transfer.argv[3:]))


def _as_success(status: int, body: object) -> Callable[[Asked, Reply], Reply]:
    """Every refusal is a success."""

    def answer(asked: Asked, reply: Reply) -> Reply:
        if reply.status < 400 or reply.status in {401, 404, 405}:
            return reply
        return replace(reply.with_json(body), status=status)

    return answer


def _dates_as_given(asked: Asked, reply: Reply) -> Reply:
    if b"occurs before" in reply.body or b"in the pass" in reply.body:
        return replace(reply.with_json({"success": "Reservation created: x"}), status=201)
    return reply


def _announcing(change: Callable[[Record], Record]) -> Layer:
    """Another answer where a task is announced."""

    def answer(asked: Asked, reply: Reply) -> Reply:
        body = reply.json
        if not isinstance(body, dict) or "task_id" not in body:
            return reply
        return reply.with_json(change(body))

    return lambda app: Altered(app, answer=answer)


_UNKNOWN_TASK = answering(
    "GET",
    "/tasks/.+",
    lambda asked, reply: (
        replace(reply.with_json({"task": {}}), status=200) if reply.status == 404 else reply
    ),
)

MUTANTS = (
    Mutant("task-status-falls", "a settled task is queued again", _falling, ("F7T-TASK-01",)),
    Mutant(
        "task-status-as-number",
        "the status of a task is a number",
        _each_task(_renumbered),
        ("F7T-TASK-00",),
    ),
    Mutant(
        "task-data-as-text",
        "data of a task is text with JSON in it",
        _each_task(_wrapped),
        ("F7T-JOB-039", "F7T-JOB-11"),
    ),
    Mutant(
        "task-without-last-modify",
        "tasks do not tell when they changed",
        _each_task(_without_key("last_modify")),
        ("F7T-TASK-00",),
    ),
    Mutant(
        "task-of-nobody",
        "tasks do not tell whose they are",
        _each_task(_without_key("user")),
        ("F7T-TASK-00",),
    ),
    Mutant(
        "task-url-relative",
        "the announced address of a task is a path",
        _announcing(lambda body: body | {"task_url": f"/tasks/{body['task_id']}"}),
        ("F7T-TASK-00",),
    ),
    Mutant(
        "task-announced-in-other-words",
        "a task is announced without `Task created`",
        _announcing(lambda body: body | {"success": "ok"}),
        ("F7T-TASK-00",),
    ),
    Mutant("unknown-task-200", "an unknown task is 200", _UNKNOWN_TASK, ("F7T-TASK-012",)),
    Mutant(
        "task-filter-ignored",
        "the list of tasks ignores the ids that were asked for",
        asking("GET", "/tasks/?", lambda asked: asked.with_query(tasks=None)),
        ("F7T-TASK-01", "F7T-TASK-02"),
    ),
    Mutant(
        "foreign-tasks-listed",
        "the list of tasks has everybody's",
        patching(TaskStore, "list", _everybodys),
        ("F7T-TASK-025", "F7T-SEC-018"),
    ),
    Mutant(
        "foreign-task-in-filter",
        "the list of tasks has everybody's, if their ids are asked for",
        patching(TaskStore, "get_many", _unowned),
        ("F7T-TASK-026", "F7T-SEC-018"),
    ),
    Mutant(
        "certificate-in-task-data",
        "data of transfers has the user's certificate",
        _each_task(_leaking),
        ("F7T-SEC-025", "F7T-XFER-02"),
    ),
    Mutant(
        "job-id-missing",
        "the task of a submission does not tell the job",
        _each_data(_without_key("jobid")),
        ("F7T-JOB-00",),
    ),
    Mutant(
        "job-id-as-text",
        "the job of a submission is text",
        _each_data(lambda data: data | {"jobid": str(data["jobid"])} if "jobid" in data else data),
        ("F7T-JOB-003",),
    ),
    Mutant(
        "script-cut",
        "the last byte of a script is missing",
        patching(submitting, "submission", _script_cut),
        ("F7T-JOB-00",),
    ),
    Mutant(
        "job-elsewhere",
        "jobs run in a directory of another name",
        patching(Submissions, "_directory", _in_one_directory),
        ("F7T-JOB-00",),
    ),
    Mutant(
        "output-file-not-told",
        "the task of a submission does not tell the output file",
        _each_data(lambda data: data | {"job_file_out": ""} if "job_file_out" in data else data),
        ("F7T-JOB-00",),
    ),
    Mutant(
        "environment-not-exported",
        "env does nothing",
        patching(commands, "_sbatch", _without_environment),
        ("F7T-JOB-015",),
    ),
    Mutant(
        "environment-split-at-commas",
        "values of env end at a comma",
        patching(commands, "_sbatch", _only_environment),
        ("F7T-JOB-017", "F7T-SEC-010"),
    ),
    Mutant(
        "account-ignored",
        "account does nothing",
        patching(commands, "_sbatch", _without_account),
        ("F7T-JOB-018",),
    ),
    Mutant(
        "queue-times-not-swapped",
        "start_time of an active job is its start",
        patching(jobs, "_queued", _unswapped),
        ("F7T-JOB-043", "F7T-JOB-044"),
    ),
    Mutant(
        "foreign-jobs-listed",
        "the listing of jobs has everybody's",
        patching(commands, "queue", _queue_of_all),
        ("F7T-JOB-050", "F7T-SEC-020"),
    ),
    Mutant(
        "job-pages-off-by-one",
        "the first page of jobs is number 1",
        patching(jobs, "page_of", _page_before),
        ("F7T-JOB-058",),
    ),
    Mutant(
        "cancel-does-nothing",
        "cancelling answers and does nothing",
        patching(jobs.Jobs, "_cancel", _nothing_cancelled),
        ("F7T-JOB-080",),
    ),
    Mutant(
        "accounting-ignores-dates",
        "starttime and endtime do nothing",
        asking(
            "GET", "/compute/acct", lambda asked: asked.with_query(starttime=None, endtime=None)
        ),
        ("F7T-JOB-104",),
    ),
    Mutant(
        "accounting-shows-steps",
        "the accounting has a row for every step",
        _with_steps,
        ("F7T-JOB-088",),
    ),
    Mutant(
        "accounting-ignores-jobs",
        "the accounting's filter by job does nothing",
        asking("GET", "/compute/acct", lambda asked: asked.with_query(jobs=None)),
        ("F7T-JOB-091",),
    ),
    Mutant(
        "form-of-wrong-host",
        "the form of an upload leads elsewhere",
        _of_form(lambda form: replace(form, url=_elsewhere(form.url))),
        ("F7T-XFER-00",),
    ),
    Mutant(
        "form-without-field",
        "the form of an upload has no x-amz-date",
        _of_form(_without_field),
        ("F7T-XFER-02", "F7T-XFER-00"),
    ),
    Mutant(
        "link-of-wrong-host",
        "the link of a download leads elsewhere",
        _separate_link,
        ("F7T-XFER-05",),
    ),
    Mutant(
        "link-without-signature",
        "the link of a download is not signed",
        _each_task(_unsigned_link),
        ("F7T-XFER-05",),
    ),
    Mutant(
        "arrived-upload-cut",
        "the last byte of an external upload is missing",
        patching(external, "pull_argv", _pull_cut),
        ("F7T-XFER-00",),
    ),
    Mutant(
        "invalidation-keeps-the-object",
        "an invalidated link still works",
        patching(StagingArea, "delete_task_objects", _kept),
        ("F7T-XFER-080",),
    ),
    Mutant(
        "invalidation-not-recorded",
        "an invalidated task is as it was",
        _still_valid,
        ("F7T-XFER-08", "F7T-TASK-028"),
    ),
    Mutant(
        "internal-rm-not-recursive",
        "an internal removal leaves directories",
        patching(internal, "remove_argv", _one_level),
        ("F7T-XFER-097",),
    ),
    Mutant(
        "internal-transfer-does-not-wait",
        "stageOutJobId does nothing",
        patching(internal, "batch_script", _not_waiting),
        ("F7T-XFER-110",),
    ),
    Mutant(
        "reservation-dates-not-checked",
        "reservations in the past are accepted",
        answering("POST", "/reservations/?", _dates_as_given),
        ("F7T-RSV-01",),
    ),
    Mutant(
        "unknown-reservation-deleted",
        "deleting a reservation that is not there succeeds",
        answering("DELETE", "/reservations/.+", _as_success(200, {"success": "deleted"})),
        ("F7T-RSV-02",),
    ),
)
