"""Faults of tasks and jobs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.types import ASGIApp

from f7t.services.compute import submission as submitting
from f7t.slurm import commands
from f7t.tasks import model
from f7t.tasks.kinds import TaskContext
from f7t.tasks.store import TaskStore
from f7t.work.compute import jobs, scheduler
from f7t.work.compute.submission import Submissions, submission
from f7t.work.paging import page_of
from tests.conformance.mutants.altering import Altered, Asked, Reply, answering, asking
from tests.conformance.mutants.model import Layer, Mutant, patching

_TASKS = "/tasks.*"
Record = dict[str, Any]


def each_task(change: Callable[[Record], Record]) -> Layer:
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

    return each_task(task)


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

    return each_task(change)(app)


def _wrapped(record: Record) -> Record:
    return record | {"data": json.dumps(record["data"])}


def _renumbered(record: Record) -> Record:
    return record | {"status": int(record["status"])}


async def _everybodys(self: TaskStore, user: str) -> AsyncIterator[Sequence[model.Task]]:
    keys: Sequence[bytes] = await self._connections.command("KEYS", "*task*")
    yield await self._read({key.decode().rpartition(":")[2] for key in keys})


async def _unowned(self: TaskStore, user: str, ids: Any) -> dict[str, model.Task]:
    return {task.id: task for task in await self._read(ids)}


_queue = commands.queue
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

    return each_task(lambda record: record | {"data": change(record["data"])})(app)


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
        each_task(_renumbered),
        ("F7T-TASK-00",),
    ),
    Mutant(
        "task-data-as-text",
        "data of a task is text with JSON in it",
        each_task(_wrapped),
        ("F7T-JOB-039", "F7T-JOB-11"),
    ),
    Mutant(
        "task-without-last-modify",
        "tasks do not tell when they changed",
        each_task(_without_key("last_modify")),
        ("F7T-TASK-00",),
    ),
    Mutant(
        "task-of-nobody",
        "tasks do not tell whose they are",
        each_task(_without_key("user")),
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
        patching(TaskStore, "batches", _everybodys),
        ("F7T-TASK-025", "F7T-SEC-018"),
    ),
    Mutant(
        "foreign-task-in-filter",
        "the list of tasks has everybody's, if their ids are asked for",
        patching(TaskStore, "get_many", _unowned),
        ("F7T-TASK-026", "F7T-SEC-018"),
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
)
