"""Jobs that are there: queue, cancellation, accounting (compute.md C3 to C6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from f7t.errors import CommandFailed, TaskNotFound, TaskStoreUnavailable
from f7t.slurm import commands, parse
from f7t.slurm.models import JOB_INFO_RETURNED, AccountedJob, JobFiles, QueuedJob
from f7t.ssh.pool import Session
from f7t.tasks.kinds import Handler, Kind, Outcome, Restart, TaskContext
from f7t.tasks.model import Json, Status, TaskSpec
from f7t.tasks.sharing import Answer, Known, question_of
from f7t.work.compute.coalescing import Coalescing
from f7t.work.compute.scheduler import Scheduler, finished
from f7t.work.paging import Page, page_of

QUEUE = "queue"
CANCEL = "cancel"
ACCOUNTING = "accounting"

_NO_FILE_INFORMATION = "File information is not available"
_NO_FILES = JobFiles("", "", "")
_PATIENCE = 2.0
"""Seconds for which a worker waits for what another one asks; then it asks by itself."""
_TOLD = 32
"""Jobs that an scontrol that stays is asked for, at 2 ms each."""
_ASKED_ALONE = 8
"""Jobs, where there is none. Each is a process of 9 ms; all jobs of a centre in one cost that with
some thousands."""


@dataclass(frozen=True)
class JobOutput:
    """Files of an active job and the last bytes of its output, as text."""

    files: JobFiles
    out: str
    err: str


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
    """Carries out what concerns jobs that are there; all of it may be repeated.

    Attributes:
        answers: what was asked a moment ago, so that many pollers cost one command.
    """

    scheduler: Scheduler
    answers: Coalescing[Outcome] = field(default_factory=Coalescing)

    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of work of this module."""
        return (
            Kind(QUEUE, self._together(self._queue), Restart(), known=self._known),
            Kind(CANCEL, self._cancel, Restart(), changes_jobs=True),
            Kind(ACCOUNTING, self._accounting, Restart()),
        )

    def _together(self, ask: Callable[[TaskContext], Awaitable[Outcome]]) -> Handler:
        """`ask`, but equal questions of one user to one machine share a command."""

        async def handler(context: TaskContext) -> Outcome:
            return await self.answers.answer(
                question_of(context.task, context.spec),
                lambda: ask(context),
                lambda answer: _given(context, answer),
                context.created,
            )

        return handler

    def _known(self, question: str) -> Known | None:
        found = self.answers.known(question)
        if found is None:
            return None
        began, outcome = found
        return Known(began, outcome.status, outcome.data, outcome.text)

    async def _queue(self, context: TaskContext) -> Outcome:
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        everybody = bool(arguments["everybody"])
        user = None if everybody else context.task.user
        async with self.scheduler.session(context) as session:
            completed = await self.scheduler.ask_in(
                session, commands.queue(arguments["ids"], user=user)
            )
            jobs = page_of(parse.parse_queue(completed), _page(arguments))
            files = {} if everybody or not jobs else await self._files(context, session, jobs)
        rows = (_queued(job, files.get(job.job_id)) for job in jobs)
        return finished({str(index): row for index, row in enumerate(rows)})

    async def _files(
        self, context: TaskContext, session: Session, jobs: Sequence[QueuedJob]
    ) -> dict[str, JobOutput]:
        """Script, output and error file of each job, and the ends of the latter two."""
        known = await self._known_files(context, session, [job.job_id for job in jobs])
        started = {job.job_id for job in jobs if job.state != "PENDING"}
        paths = [
            path
            for job_id, files in known.items()
            if job_id in started
            for path in (files.job_file_out, files.job_file_err)
            if path.startswith("/")
        ]
        tails = await session.files.tails(paths, self.scheduler.settings.tail_bytes)
        return {
            job_id: JobOutput(
                files, _text(tails, files.job_file_out), _text(tails, files.job_file_err)
            )
            for job_id, files in known.items()
        }

    async def _known_files(
        self, context: TaskContext, session: Session, ids: Sequence[str]
    ) -> Mapping[str, JobFiles]:
        if len(ids) <= _TOLD:
            asked = commands.asked_of(ids)
            described = await self.scheduler.describe_in(context, session, asked)
            if described is not None:
                return parse.parse_described(described, ids)
        if len(ids) <= _ASKED_ALONE:
            completed = await self.scheduler.run_in(session, commands.job_files(ids))
            return parse.parse_job_files(completed)
        completed = await self.scheduler.run_in(session, commands.many_job_files(ids))
        known, doubtful = parse.parse_many_job_files(completed, ids)
        if doubtful:
            again = await self.scheduler.run_in(session, commands.job_files(doubtful))
            known |= parse.parse_job_files(again)
        return known

    async def _cancel(self, context: TaskContext) -> Outcome:
        ids = str(context.spec.arguments["ids"])
        return finished(parse.parse_cancel(await self.scheduler.run(context, commands.cancel(ids))))

    async def _accounting(self, context: TaskContext) -> Outcome:
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        argv = commands.accounting(
            context.task.user,
            ids=arguments["ids"],
            start=_moment(arguments["start"]),
            end=_moment(arguments["end"]),
        )
        async with self.scheduler.session(context) as session:
            found = parse.parse_accounting(await self.scheduler.run_in(session, argv))
            own = [row for row in found if row.user == context.task.user]
            rows = page_of(await self._completed(session, own), _page(arguments))
        # D29: an empty result is an empty object, also where rows would be a list.
        return finished([_accounted(row) for row in rows] or {})

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
                await self.scheduler.run_in(session, commands.queue(young, ended=True))
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


async def _given(context: TaskContext, answer: Answer) -> Outcome | None:
    """What another worker answers or has answered a moment ago; failures are its own."""
    try:
        task = await context.settled(answer, _PATIENCE)
    except (TaskNotFound, TaskStoreUnavailable):
        return None
    return Outcome(task.status, task.data) if task and task.status is Status.FINISHED else None


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


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _text(tails: Mapping[str, bytes], path: str) -> str:
    return tails.get(path, b"").decode("utf-8", "replace")
