"""Jobs: what the scheduler is asked when a compute task is carried out (compute.md).

Every operation is one remote command. Only submissions change anything that a repetition would
change again; they are guarded so that a job is submitted at most once whatever process dies.
"""

from __future__ import annotations

import asyncio
import base64
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, cast

from f7t.errors import AlreadyExists, CommandFailed
from f7t.settings import Settings
from f7t.slurm import commands, parse
from f7t.slurm.models import (
    JOB_INFO_RETURNED,
    AccountedJob,
    JobFiles,
    QueuedJob,
    SubmittedJob,
)
from f7t.ssh.channel import Completed
from f7t.ssh.pool import Session, SshPool
from f7t.systems import System, Systems
from f7t.tasks.kinds import Kind, Outcome, Restart, Resume, TaskContext
from f7t.tasks.model import Json, Status, TaskSpec
from f7t.work.paging import Page, page_of

SUBMIT = "submit-script"
SUBMIT_PATH = "submit-path"
QUEUE = "queue"
CANCEL = "cancel"
ACCOUNTING = "accounting"

_LOOKUPS = 20
_LOOKUP_PAUSE = 0.5
"""A submission that was under way when its worker died may need some seconds to become visible."""

_INTERRUPTED = "The submission was interrupted and no job of it was found; nothing is known to run"
_PATH_INTERRUPTED = (
    "The submission was interrupted; look for the job in the queue before you submit again"
)


_NO_FILE_INFORMATION = "File information is not available"
_NO_FILES = JobFiles("", "", "")


@dataclass(frozen=True)
class JobOutput:
    """Files of an active job and the last bytes of its output, as text."""

    files: JobFiles
    out: str
    err: str


def submission(
    name: str, script: bytes, *, account: str | None, environment: Mapping[str, str]
) -> TaskSpec:
    """Submission of an uploaded script (C1)."""
    encoded = base64.b64encode(script).decode()
    arguments = {"name": name, "script": encoded, "account": account}
    return TaskSpec(SUBMIT, {**arguments, "environment": dict(environment)})


def path_submission(path: str, *, account: str | None, environment: Mapping[str, str]) -> TaskSpec:
    """Submission of a script that is on the system, at the absolute `path` (C2)."""
    arguments = {"path": path, "account": account, "environment": dict(environment)}
    return TaskSpec(SUBMIT_PATH, arguments)


def queue_query(ids: Sequence[str], *, page: Page | None, everybody: bool) -> TaskSpec:
    """Active jobs (C3, C4): those with `ids`, or all of the caller's, or everybody's."""
    shown = asdict(page) if page else None
    return TaskSpec(QUEUE, {"ids": list(ids), "page": shown, "everybody": everybody})


def cancellation(ids: str) -> TaskSpec:
    """Cancelling a job or several, comma-separated (C5)."""
    return TaskSpec(CANCEL, {"ids": ids})


def accounting_query(
    ids: str | None, *, start: datetime | None, end: datetime | None, page: Page | None
) -> TaskSpec:
    """Accounting records (C6) in a period, of `ids` if given."""
    arguments = {
        "ids": ids,
        "start": start.isoformat() if start else None,
        "end": end.isoformat() if end else None,
        "page": asdict(page) if page else None,
    }
    return TaskSpec(ACCOUNTING, arguments)


def _page(arguments: Mapping[str, Any]) -> Page | None:
    return Page(**arguments["page"]) if arguments["page"] else None


@dataclass(frozen=True)
class Jobs:
    """Carries out everything that concerns jobs."""

    settings: Settings
    systems: Systems
    ssh: SshPool

    def kinds(self) -> tuple[Kind, ...]:
        """All kinds of work; queries may be repeated, submissions are looked up."""
        return (
            Kind(SUBMIT, self._submit, Resume(self._submit)),
            Kind(SUBMIT_PATH, self._submit_path, Resume(self._submit_path)),
            Kind(QUEUE, self._queue, Restart()),
            Kind(CANCEL, self._cancel, Restart()),
            Kind(ACCOUNTING, self._accounting, Restart()),
        )

    # -- submission ------------------------------------------------------------------------------

    async def _submit(self, context: TaskContext) -> Outcome:
        """Submit. If the task's directory exists, somebody began before: the job is looked up."""
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        directory = self._directory(context)
        script = base64.b64decode(arguments["script"])
        argv = commands.submit_script(
            directory,
            arguments["name"],
            size=len(script),
            account=arguments["account"],
            environment=arguments["environment"],
        )
        try:
            submitted = parse.parse_submission(await self._run(context, argv, stdin=script))
        except AlreadyExists:
            submitted = await self._found(context, directory)
        return _submitted(submitted)

    async def _found(self, context: TaskContext, directory: str) -> SubmittedJob:
        for _ in range(_LOOKUPS):
            completed = await self._run(context, commands.find_submission(directory))
            found = parse.parse_found_submission(completed)
            if found:
                return found
            await asyncio.sleep(_LOOKUP_PAUSE)
        raise CommandFailed(_INTERRUPTED)

    async def _submit_path(self, context: TaskContext) -> Outcome:
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        argv = commands.submit_path(
            arguments["path"], account=arguments["account"], environment=arguments["environment"]
        )
        if not await context.first_time(SUBMIT_PATH):
            raise CommandFailed(_PATH_INTERRUPTED)
        return _submitted(parse.parse_submission(await self._run(context, argv)))

    def _directory(self, context: TaskContext) -> str:
        """Where the job runs and its files land (D25, T31)."""
        base = self._system(context).job_base
        return posixpath.join(base, context.task.user, "firecrest", context.task.id)

    # -- queue -----------------------------------------------------------------------------------

    async def _queue(self, context: TaskContext) -> Outcome:
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        everybody = bool(arguments["everybody"])
        user = None if everybody else context.task.user
        async with self.ssh.session(context.task.user, self._system(context)) as session:
            completed = await self._run_in(session, commands.queue(arguments["ids"], user=user))
            jobs = page_of(parse.parse_queue(completed), _page(arguments))
            files = {} if everybody or not jobs else await self._files(session, jobs)
        rows = (_queued(job, files.get(job.job_id)) for job in jobs)
        return _finished({str(index): row for index, row in enumerate(rows)})

    async def _files(self, session: Session, jobs: Sequence[QueuedJob]) -> dict[str, JobOutput]:
        """Script, output and error file of each job, and the ends of the latter two."""
        completed = await self._run_in(session, commands.job_files([job.job_id for job in jobs]))
        known = parse.parse_job_files(completed)
        started = {job.job_id for job in jobs if job.state != "PENDING"}
        paths = [
            path
            for job_id, files in known.items()
            if job_id in started
            for path in (files.job_file_out, files.job_file_err)
            if path.startswith("/")
        ]
        tails = await session.files.tails(paths, self.settings.compute.tail_bytes)
        return {
            job_id: JobOutput(
                files, _text(tails, files.job_file_out), _text(tails, files.job_file_err)
            )
            for job_id, files in known.items()
        }

    # -- cancel and accounting -------------------------------------------------------------------

    async def _cancel(self, context: TaskContext) -> Outcome:
        ids = str(context.spec.arguments["ids"])
        return _finished(parse.parse_cancel(await self._run(context, commands.cancel(ids))))

    async def _accounting(self, context: TaskContext) -> Outcome:
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        argv = commands.accounting(
            context.task.user,
            ids=arguments["ids"],
            start=_moment(arguments["start"]),
            end=_moment(arguments["end"]),
        )
        async with self.ssh.session(context.task.user, self._system(context)) as session:
            found = parse.parse_accounting(await self._run_in(session, argv))
            own = [row for row in found if row.user == context.task.user]
            rows = page_of(await self._completed(session, own), _page(arguments))
        # D29: an empty result is an empty object, also where rows would be a list.
        return _finished([_accounted(row) for row in rows] or {})

    async def _completed(
        self, session: Session, rows: Sequence[AccountedJob]
    ) -> Sequence[AccountedJob]:
        """The rows, with what accounting does not know yet from the controller.

        A job that has just ended has neither its name nor its partition in the database for up to
        five seconds; the controller still remembers it then.
        """
        young = [row.job_id for row in rows if not row.partition]
        if not young:
            return rows
        try:
            known = parse.parse_queue(
                await self._run_in(session, commands.queue(young, ended=True))
            )
        except CommandFailed:
            return rows
        jobs = {job.job_id: job for job in known}
        return [
            replace(row, name=jobs[row.job_id].name, partition=jobs[row.job_id].partition)
            if row.job_id in young and row.job_id in jobs
            else row
            for row in rows
        ]

    # -- the machine -----------------------------------------------------------------------------

    def _system(self, context: TaskContext) -> System:
        return self.systems.named(context.task.system)

    async def _run(
        self, context: TaskContext, argv: Sequence[str], *, stdin: bytes | None = None
    ) -> Completed:
        async with self.ssh.session(context.task.user, self._system(context)) as session:
            return await self._run_in(session, argv, stdin=stdin)

    async def _run_in(
        self, session: Session, argv: Sequence[str], *, stdin: bytes | None = None
    ) -> Completed:
        return await session.run(
            argv,
            stdin=stdin,
            environment=commands.ENVIRONMENT,
            time_limit=self.settings.compute.timeout,
            output_limit=self.settings.utilities.max_bytes,
        )


def _queued(job: QueuedJob, found: JobOutput | None) -> dict[str, Json]:
    """C3, with its historically swapped times; file information only for the caller's own jobs."""
    files = found.files if found else _NO_FILES
    return {
        "jobid": job.job_id,
        "partition": job.partition,
        "name": job.name,
        "user": job.user,
        "state": job.state,
        "nodes": job.nodes,
        "nodelist": job.nodelist,
        "start_time": job.time_used,
        "time": job.start_time,
        "time_left": job.time_left,
        "job_file": files.job_file,
        "job_file_out": files.job_file_out,
        "job_file_err": files.job_file_err,
        "job_data_out": found.out if found else "",
        "job_data_err": found.err if found else "",
        "job_info_extra": JOB_INFO_RETURNED if found else _NO_FILE_INFORMATION,
    }


def _accounted(job: AccountedJob) -> dict[str, Json]:
    """C6: the tutorial's swapped names and, since 1.14.0, the proper ones."""
    return {
        "jobid": job.job_id,
        "partition": job.partition,
        "name": job.name,
        "user": job.user,
        "state": job.state,
        "nodes": job.nodes,
        "nodelist": job.nodelist,
        "start_time": job.start_time,
        "time": job.cpu_time,
        "time_left": job.end_time,
        "cpu_time": job.cpu_time,
        "elapsed_time": job.elapsed_time,
        "termination_time": job.end_time,
        "exit_code": job.exit_code,
    }


def _finished(data: Json) -> Outcome:
    return Outcome(Status.FINISHED, data)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(tails: Mapping[str, bytes], path: str) -> str:
    return tails.get(path, b"").decode("utf-8", "replace")


def _submitted(job: SubmittedJob) -> Outcome:
    """C1: the tutorial's two keys and what later versions added."""
    return _finished(
        {
            "result": "Job submitted",
            "jobid": job.job_id,
            "job_file": job.files.job_file,
            "job_file_out": job.files.job_file_out,
            "job_file_err": job.files.job_file_err,
            "job_data_out": "",
            "job_data_err": "",
            "job_info_extra": job.job_info_extra,
        }
    )
