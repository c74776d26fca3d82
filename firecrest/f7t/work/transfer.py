"""External transfers: what happens between the request and the file's arrival (storage.md §3, §4).

The cluster moves the bytes itself, as the user, with presigned URLs (architecture rule 5).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from f7t.errors import CommandFailed, RemoteError, StagingError
from f7t.settings import Settings
from f7t.ssh.pool import SshPool
from f7t.staging.area import StagingArea
from f7t.staging.arrivals import Arrivals
from f7t.staging.transfer import Transfer, pull_argv, push_argv
from f7t.systems import Systems
from f7t.tasks.kinds import Kind, Outcome, Restart, Resume, TaskContext, TaskGone
from f7t.tasks.model import Json, Status, TaskSpec
from f7t.tasks.store import TaskStore
from f7t.work.failures import reason_of

UPLOAD = "external-upload"
DOWNLOAD = "external-download"

_OUTPUT_LIMIT = 65536
_FIRST_RETRY = 1.0
_LONGEST_RETRY = 60.0
_DELETED = "File was deleted from staging area. Start a new upload process"
_NEVER_CAME = "No file was uploaded to the staging area in time"
_WAITING = "Waiting for Presigned URL to upload file to staging area (Amazon S3 - Signature v4)"


def upload(name: str, *, source_path: str, target_path: str) -> TaskSpec:
    """An upload of the client's `source_path` to the file `target_path` (absolute)."""
    arguments = {"name": name, "source_path": source_path, "target_path": target_path}
    return TaskSpec(UPLOAD, arguments)


def download(name: str, *, source_path: str) -> TaskSpec:
    """A download of the cluster's file `source_path` (absolute)."""
    return TaskSpec(DOWNLOAD, {"name": name, "source_path": source_path})


@dataclass(frozen=True)
class ExternalTransfers:
    """Carries out both directions."""

    settings: Settings
    systems: Systems
    ssh: SshPool
    store: TaskStore
    staging: StagingArea
    arrivals: Arrivals

    def kinds(self) -> tuple[Kind, Kind]:
        """Both kinds of work; a pull and a push may be repeated, so both simply go on."""
        return (
            Kind(UPLOAD, self._upload, Resume(self._upload)),
            Kind(DOWNLOAD, self._download, Restart()),
        )

    # -- client to cluster -----------------------------------------------------------------------

    async def _upload(self, context: TaskContext) -> Outcome:
        """From wherever the task stands (a fresh one stands at 100) to 114 or 400."""
        if context.task.status in {Status.QUEUED, Status.FORM_REQUESTED}:
            await self._offer_form(context)
        if context.task.status is Status.FORM_READY:
            async with context.parked():
                arrived = await self._arrival(context)
            if not arrived:
                return Outcome(Status.FAILED, _NEVER_CAME)
            await context.update(Status.OBJECT_ARRIVED, context.task.data)
        return await self._pull_until_done(context)

    async def _offer_form(self, context: TaskContext) -> None:
        arguments = context.spec.arguments
        common = self._upload_data(context)
        await context.update(
            Status.FORM_REQUESTED, {**common, "status": Status.FORM_REQUESTED, "msg": _WAITING}
        )
        form = await self.staging.upload_form(
            context.task.user,
            context.task.id,
            str(arguments["name"]),
            str(arguments["source_path"]),
            self.settings.storage.tempurl_lifetime,
        )
        data = {**common, "status": Status.FORM_READY, "msg": form.as_message()}
        await context.update(Status.FORM_READY, data)

    async def _arrival(self, context: TaskContext) -> bool:
        """Whether the client posted the object while its form was valid."""
        lifetime = timedelta(seconds=self.settings.storage.tempurl_lifetime)
        left = context.task.updated_at + lifetime - datetime.now(UTC)
        name = str(context.spec.arguments["name"])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(left.total_seconds(), 1)):
                await self.arrivals.wait_for(context.task.user, context.task.id, name)
                return True
        return False

    async def _pull_until_done(self, context: TaskContext) -> Outcome:
        task, name = context.task, str(context.spec.arguments["name"])
        pause = _FIRST_RETRY
        while True:
            data = self._move_data(context)
            await context.update(Status.PULL_STARTED, data)
            try:
                if await self.staging.size_of(task.user, task.id, name) is None:
                    return Outcome(Status.FAILED, _DELETED)
                await self._run(context, self._pull(context))
            except (RemoteError, StagingError) as error:
                reason = reason_of(error)
                failed = {**self._upload_data(context), "status": Status.PULL_FAILED}
                await context.update(Status.PULL_FAILED, {**failed, "msg": reason, "error": reason})
                async with context.parked():
                    await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_RETRY)
                continue
            # Settled first: were the object deleted before, a crash in between would turn a
            # finished transfer into a failed one.
            await context.update(Status.PULL_FINISHED, data)
            await self.staging.delete_task_objects(task.user, task.id)
            return Outcome(Status.PULL_FINISHED, data)

    def _pull(self, context: TaskContext) -> Transfer:
        task, arguments = context.task, context.spec.arguments
        url = self.staging.internal_get_url(
            task.user, task.id, str(arguments["name"]), self._move_ttl
        )
        return pull_argv(url, str(arguments["target_path"]), task.id)

    def _upload_data(self, context: TaskContext) -> dict[str, Json]:
        """The superset of storage.md §3.2 for 110, 111 and 115, without `status` and `msg`."""
        task, arguments = context.task, context.spec.arguments
        return {
            "hash_id": task.id,
            "user": task.user,
            "source": arguments["name"],
            "target": arguments["target_path"],
            "system": self._address(task.system),
            "system_name": task.system,
            "system_addr": self._address(task.system),
            "trace_id": task.id,
        }

    def _move_data(self, context: TaskContext) -> dict[str, Json]:
        """113 and 114: storage.md §3.2."""
        task, arguments = context.task, context.spec.arguments
        return {
            "source": arguments["name"],
            "target": arguments["target_path"],
            "system_name": task.system,
            "system_addr": self._address(task.system),
        }

    # -- cluster to client -----------------------------------------------------------------------

    async def _download(self, context: TaskContext) -> Outcome:
        task, arguments = context.task, context.spec.arguments
        name, source = str(arguments["name"]), str(arguments["source_path"])
        data: Mapping[str, Json] = {"source": source, "system_name": task.system}
        await context.update(Status.PUSH_STARTED, data)
        try:
            url = await self.staging.upload_url(task.user, task.id, name, self._move_ttl)
            await self._run(context, push_argv(url, source))
        except (RemoteError, StagingError) as error:
            text = f"Upload to Staging area has failed. Object: {name}. {reason_of(error)}"
            return Outcome(Status.PUSH_FAILED, {**data, "error": text})
        lifetime = self.settings.storage.tempurl_lifetime
        link = self.staging.download_url(task.user, task.id, name, lifetime)
        finished = Outcome(Status.PUSH_FINISHED, {**data, "url": link})
        try:
            await context.update(finished.status, finished.data)
        except TaskGone:
            await self._withdraw(task.id)
            raise
        return finished

    async def _withdraw(self, task_id: str) -> None:
        """Delete what a push brought after its task was invalidated (D15)."""
        task = await self.store.get(task_id)
        if task.status is Status.INVALIDATED:
            await self.staging.delete_task_objects(task.user, task.id)

    # -- both ------------------------------------------------------------------------------------

    async def _run(self, context: TaskContext, transfer: Transfer) -> None:
        """Run a transfer on the cluster as the user; raises `RemoteError` when it fails."""
        system = self.systems.named(context.task.system)
        async with self.ssh.session(context.task.user, system) as session:
            completed = await session.run(
                transfer.argv,
                stdin=transfer.stdin,
                time_limit=self.settings.storage.transfer_timeout,
                output_limit=_OUTPUT_LIMIT,
            )
        if completed.exit_status != 0:
            text = completed.stderr.decode("utf-8", "backslashreplace").strip()
            raise CommandFailed(
                text or f"exit status {completed.exit_status}", exit_status=completed.exit_status
            )

    @property
    def _move_ttl(self) -> int:
        """Seconds that the cluster's own URL is valid: it must only begin in time, and does."""
        return int(min(max(self.settings.storage.transfer_timeout, 60), 604800))

    def _address(self, system: str) -> str:
        found: Any = self.systems.find(system)
        return f"{found.host}:{found.port}" if found else ""
