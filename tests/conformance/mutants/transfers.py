"""Faults of transfers and reservations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from starlette.types import ASGIApp

from f7t.slurm import batch
from f7t.staging.area import StagingArea
from f7t.staging.form import UploadForm
from f7t.staging.transfer import pull_argv
from f7t.tasks import model
from f7t.tasks.store import TaskStore
from f7t.work import internal_transfers as internal
from f7t.work import transfer as external
from tests.conformance.mutants.altering import Asked, Reply, answering
from tests.conformance.mutants.model import Layer, Mutant, patching
from tests.conformance.mutants.work import Record, each_task


def _leaking(record: Record) -> Record:
    if record["service"] != "storage" or not isinstance(record["data"], dict):
        return record
    return record | {"data": {**record["data"], "cert": ["ssh-rsa-cert-v01@openssh.com AAAA"]}}


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


async def _kept(self: StagingArea, user: str, task_id: str) -> int:
    return 0


MUTANTS = (
    Mutant(
        "certificate-in-task-data",
        "data of transfers has the user's certificate",
        each_task(_leaking),
        ("F7T-SEC-025", "F7T-XFER-02"),
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
        each_task(_unsigned_link),
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
