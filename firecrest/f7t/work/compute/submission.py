"""Submissions (compute.md C0 to C2): guarded so that a job is submitted at most once."""

from __future__ import annotations

import asyncio
import base64
import posixpath
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from f7t.errors import (
    AlreadyExists,
    CommandFailed,
    RemoteError,
)
from f7t.slurm import commands, parse
from f7t.slurm.models import FILES_NOT_AVAILABLE, SubmittedJob
from f7t.ssh.pool import Session
from f7t.tasks.kinds import Kind, Outcome, Resume, TaskContext
from f7t.tasks.model import TaskSpec
from f7t.work.compute.scheduler import Scheduler, finished

SUBMIT = "submit-script"
SUBMIT_PATH = "submit-path"

_LOOKUPS = 20
_LOOKUP_PAUSE = 0.5
"""A submission that was under way when its worker died may need some seconds to become visible."""

_LONGEST_SAID = 16 * 1024
"""Bytes of a script. A shell may read what it is told byte by byte."""

_INTERRUPTED = "The submission was interrupted and no job of it was found; nothing is known to run"
_PATH_INTERRUPTED = (
    "The submission was interrupted; look for the job in the queue before you submit again"
)


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


@dataclass(frozen=True)
class Submissions:
    """Submits scripts; whatever process dies, no job is submitted twice.

    Attributes:
        saying: ids of the tasks whose scripts are being said to shells.
    """

    scheduler: Scheduler
    saying: set[str] = field(default_factory=set)

    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of work of this module; an interrupted submission is looked up."""
        return (
            Kind(SUBMIT, self._submit, Resume(self._submit), changes_jobs=True),
            Kind(SUBMIT_PATH, self._submit_path, Resume(self._submit_path), changes_jobs=True),
        )

    async def _submit(self, context: TaskContext) -> Outcome:
        """Submit. If the task's script exists, somebody began before: the job is looked up."""
        directory = self._directory(context)
        script = base64.b64decode(str(context.spec.arguments["script"]))
        try:
            if len(script) > _LONGEST_SAID or b"\0" in script:
                return _submitted(await self._copied(context, directory, script))
            return _submitted(await self._said(context, directory, script))
        except AlreadyExists:
            return _submitted(await self._found(context, directory))

    async def _copied(self, context: TaskContext, directory: str, script: bytes) -> SubmittedJob:
        """With a command of its own that reads the script."""
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        argv = commands.submit_script(
            directory,
            arguments["name"],
            size=len(script),
            account=arguments["account"],
            environment=arguments["environment"],
            options=self._options(),
        )
        return parse.parse_submission(await self.scheduler.run(context, argv, stdin=script))

    async def _said(self, context: TaskContext, directory: str, script: bytes) -> SubmittedJob:
        """With programs that stay, which saves the time that it takes to start three."""
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        argv = commands.submit_text(
            directory,
            arguments["name"],
            script.decode("utf-8", "surrogateescape"),
            account=arguments["account"],
            environment=arguments["environment"],
            options=self._options(),
        )
        async with self.scheduler.session(context) as session:
            making = asyncio.create_task(_make(session, directory))
            described = _Described(lambda job_id: self._describe(context, session, job_id))
            self.saying.add(context.task.id)
            try:
                # The shell makes the directory itself if it is quicker, which costs it a process:
                # one alone is not to wait for that, many together are done sooner.
                if len(self.saying) > 1:
                    await making
                completed = await self.scheduler.ask_in(session, argv, described.heard)
                return await described.of(parse.parse_begun(completed))
            finally:
                self.saying.discard(context.task.id)
                described.give_up()
                await making

    async def _describe(self, context: TaskContext, session: Session, job_id: int) -> SubmittedJob:
        try:
            description = await self.scheduler.describe_in(context, session, [str(job_id)])
            if description is None:
                description = await self.scheduler.run_in(session, commands.job_details(job_id))
        except RemoteError as error:  # it is submitted: no failure of the task
            return SubmittedJob(job_id, FILES_NOT_AVAILABLE, error.message)
        return parse.parse_description(job_id, description)

    async def _found(self, context: TaskContext, directory: str) -> SubmittedJob:
        for _ in range(_LOOKUPS):
            completed = await self.scheduler.run(context, commands.find_submission(directory))
            found = parse.parse_found_submission(completed)
            if found:
                return found
            await asyncio.sleep(_LOOKUP_PAUSE)
        raise CommandFailed(_INTERRUPTED)

    async def _submit_path(self, context: TaskContext) -> Outcome:
        arguments = cast(Mapping[str, Any], context.spec.arguments)
        argv = commands.submit_path(
            arguments["path"],
            account=arguments["account"],
            environment=arguments["environment"],
            options=self._options(),
        )
        if not await context.first_time(SUBMIT_PATH):
            raise CommandFailed(_PATH_INTERRUPTED)
        return _submitted(parse.parse_submission(await self.scheduler.run(context, argv)))

    def _options(self) -> tuple[str, ...]:
        """Options of the operator's choice."""
        option = self.scheduler.settings.spank_plugin_option
        return (option,) if option else ()

    def _directory(self, context: TaskContext) -> str:
        """Where the job runs and its files land (D25, T31)."""
        base = self.scheduler.system(context).job_base
        return posixpath.join(base, context.task.user, "firecrest", context.task.id)


class _Described:
    """The description of a job, asked for as soon as sbatch has said its id: ending takes sbatch
    and its shell a while longer."""

    def __init__(self, describe: Callable[[int], Coroutine[Any, Any, SubmittedJob]]) -> None:
        self._describe = describe
        self._asking: dict[int, asyncio.Task[SubmittedJob]] = {}

    def heard(self, stdout: bytes) -> None:
        """There is so much of sbatch's output."""
        job_id = parse.begun_job(stdout)
        if job_id is not None and not self._asking:
            self._begin(job_id)

    async def of(self, job_id: int) -> SubmittedJob:
        """The description of this job."""
        return await (self._asking.get(job_id) or self._begin(job_id))

    def give_up(self) -> None:
        """Nobody waits for it any longer."""
        for asking in self._asking.values():
            asking.cancel()

    def _begin(self, job_id: int) -> asyncio.Task[SubmittedJob]:
        self._asking[job_id] = asyncio.create_task(self._describe(job_id))
        return self._asking[job_id]


async def _make(session: Session, directory: str) -> None:
    with suppress(RemoteError):  # what is wrong the machine says better
        await session.changes.make_new_directory(directory)


def _submitted(job: SubmittedJob) -> Outcome:
    """C1: the tutorial's two keys and what later versions added."""
    return finished(
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
