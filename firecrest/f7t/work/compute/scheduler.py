"""The scheduler of a task's machine, asked as the task's user."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from f7t.errors import CommandTimeout, ConnectionRefused
from f7t.settings import ComputeSettings
from f7t.slurm import commands
from f7t.ssh.channel import Completed
from f7t.ssh.conversation import Heard
from f7t.ssh.pool import Session, SshPool
from f7t.ssh.quoting import path_bytes, shell_command
from f7t.systems import System, Systems
from f7t.tasks.kinds import Outcome, TaskContext
from f7t.tasks.model import Json, Status
from f7t.work.compute.programs import SCONTROL, SHELL

_PATIENCE = 2.0
"""Seconds for an scontrol that is asked line by line, some hundred times what it takes."""
_MUTE = 60.0
"""Seconds for which it is then started anew for every job."""


@dataclass(frozen=True)
class Scheduler:
    """Runs scheduler commands.

    Attributes:
        output_limit: most bytes that a command may print.
        mute_until: systems whose scontrol did not answer when it was asked line by line (a wrapper,
            or a controller that is away), and until when that is remembered.
    """

    settings: ComputeSettings
    systems: Systems
    ssh: SshPool
    output_limit: int
    mute_until: dict[str, float] = field(default_factory=dict)

    def system(self, context: TaskContext) -> System:
        """The machine that the task is about."""
        return self.systems.named(context.task.system)

    def session(self, context: TaskContext) -> AbstractAsyncContextManager[Session]:
        """A session of the task's user there; raises `RemoteError` if there is none to be had."""
        return self.ssh.session(context.task.user, self.system(context))

    async def run(
        self, context: TaskContext, argv: Sequence[str], *, stdin: bytes | None = None
    ) -> Completed:
        """Run one command in a session of its own; raises `RemoteError`."""
        async with self.session(context) as session:
            return await self.run_in(session, argv, stdin=stdin)

    async def run_in(
        self, session: Session, argv: Sequence[str], *, stdin: bytes | None = None
    ) -> Completed:
        """Run one command of `f7t.slurm.commands`; raises `RemoteError`."""
        return await session.run(
            argv,
            stdin=stdin,
            environment=commands.ENVIRONMENT,
            time_limit=self.settings.timeout,
            output_limit=self.output_limit,
        )

    async def ask_in(
        self, session: Session, argv: Sequence[str], heard: Heard | None = None
    ) -> Completed:
        """Like `run_in`, in a shell that stays: no login shell is begun for it."""
        return await session.ask(
            SHELL,
            path_bytes(shell_command(argv)),
            time_limit=self.settings.timeout,
            output_limit=self.output_limit,
            heard=heard,
        )

    async def describe_in(
        self, context: TaskContext, session: Session, ids: Iterable[str]
    ) -> Completed | None:
        """What an scontrol that stays says of jobs, for `parse.parse_description` or
        `parse.parse_described`; None if there is none that answers.

        Raises `RemoteError`.
        """
        system = context.task.system
        if time.monotonic() < self.mute_until.get(system, 0.0):
            return None
        try:
            return await session.ask_together(
                SCONTROL,
                "\n".join(f"show job {one}" for one in ids),
                time_limit=min(_PATIENCE, self.settings.timeout),
                output_limit=self.output_limit,
            )
        except (CommandTimeout, ConnectionRefused):
            self.mute_until[system] = time.monotonic() + _MUTE
            return None


def finished(data: Json) -> Outcome:
    """The end of a task that went well."""
    return Outcome(Status.FINISHED, data)
