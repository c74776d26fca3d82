"""What users do, each a measured call or a few: the scenarios are put together from these."""

from __future__ import annotations

import http.client
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from gevent.pool import Pool

from f7t_loadtest import objects
from f7t_loadtest.calls import Answer, Unserved, kind_of
from f7t_loadtest.following import quiet_follow, submit
from f7t_loadtest.visitor import Visitor
from f7t_loadtest.work import Place, Work

SMALL = 4096
_TOGETHER = 4
_STORE_POST = "POST to the staging area"
_STORE_GET = "GET from the staging area"
_UPLOAD = "/storage/xfer-external/upload"
_DOWNLOAD = "/storage/xfer-external/download"


def fill_directory(work: Work, place: Place, entries: int) -> None:
    """Small files in the caller's directory, for listings and downloads; not measured."""
    calls = work.quiet(place)

    def one(number: int) -> None:
        if not work.stop.is_set():
            file = (f"entry{number:05}", bytes(SMALL))
            calls.call("POST", "/utilities/upload", form={"targetPath": place.root}, file=file)

    for _ in Pool(_TOGETHER).imap_unordered(one, range(entries)):
        pass


def list_directory(one: Visitor) -> None:
    """`ls` of the caller's directory."""
    one.get("/utilities/ls", "output", targetPath=one.place.root)


def stat(one: Visitor) -> None:
    """`stat` of a file in it."""
    one.get("/utilities/stat", "output", targetPath=_entry(one))


def download_small(one: Visitor) -> None:
    """Download a small file."""
    one.work.spend_bytes(SMALL)
    one.calls.call(
        "GET", "/utilities/download", due=one.moment(), query={"sourcePath": _entry(one)}
    )


def upload_small(one: Visitor) -> None:
    """Upload a small file; each visitor overwrites its own."""
    one.work.spend_bytes(SMALL)
    file = (f"visitor{one.number:05}", one.draw.randbytes(SMALL))
    form = {"targetPath": one.place.root}
    one.calls.call("POST", "/utilities/upload", due=one.moment(), form=form, file=file)


def _entry(one: Visitor) -> str:
    number = one.draw.randrange(one.work.plan.entries)
    return posixpath.join(one.place.root, f"entry{number:05}")


def submit_job(one: Visitor) -> None:
    """Submit a held job and follow the task until the job's id is known."""
    submit(one.work, one.place, one.follow, one.moment())


def list_jobs(one: Visitor, **query: str) -> None:
    """The caller's active jobs."""
    due = one.moment()
    answer = one.calls.call("GET", "/compute/jobs", due=due, query=query, wants="task_id")
    one.follow.settled(answer, due)


def accounts(one: Visitor) -> None:
    """The caller's jobs in accounting."""
    due = one.moment()
    answer = one.calls.call("GET", "/compute/acct", due=due, wants="task_id")
    one.follow.settled(answer, due)


def look_at_task(one: Visitor) -> None:
    """Read one settled task."""
    task_id = one.draw.choice(one.place.tasks)
    one.calls.call(
        *("GET", f"/tasks/{task_id}"), operation="GET /tasks/{id}", due=one.moment(), wants="task"
    )


def look_at_tasks(one: Visitor) -> None:
    """Read several settled tasks in one call, as clients do that wait for many."""
    ids = ",".join(one.place.tasks)
    one.calls.call(
        *("GET", "/tasks"),
        operation="GET /tasks?tasks=…",
        due=one.moment(),
        query={"tasks": ids},
        wants="tasks",
    )


def settle_tasks(work: Work, place: Place, count: int) -> None:
    """Settled tasks to look at; not measured. They fade with the server's own time limit."""
    calls = work.quiet(place)
    follow = quiet_follow(work, calls)
    for _ in range(count):
        answer = calls.call("GET", "/compute/jobs", wants="task_id")
        follow.settled(answer, 0.0)
        place.tasks.append(str(answer.json["task_id"]))


def upload_big(one: Visitor) -> None:
    """Upload one file of `--size` through the staging area, until it lies on the system."""
    work, size = one.work, one.work.plan.size
    work.spend_bytes(size)
    due = one.moment()
    form = {"targetPath": one.place.root, "sourcePath": f"up{one.number:05}"}
    answer = one.calls.call("POST", _UPLOAD, due=due, form=form, wants="task_id")

    def post(task: dict[str, Any]) -> None:
        message = task["data"]["msg"]
        _streamed(one, _STORE_POST, lambda: objects.upload(message, size, timeout=_limit(one)), 1)

    one.follow.settled(answer, due, on_form=post)


def download_big(one: Visitor) -> None:
    """Download the prepared file of `--size` through the staging area."""
    work, place = one.work, one.place
    work.spend_bytes(work.plan.size)
    due = one.moment()
    form = {"sourcePath": posixpath.join(place.root, "big")}
    answer = one.calls.call("POST", _DOWNLOAD, due=due, form=form, wants="task_id")
    task_id = str(answer.json["task_id"])
    place.owned.add(("transfer", task_id))
    data = one.follow.settled(answer, due)["data"]
    url = str(data["url"] if isinstance(data, Mapping) else data)
    _streamed(one, _STORE_GET, lambda: objects.download(url, timeout=_limit(one)), 0)
    one.calls.call("POST", "/storage/xfer-external/invalidate", headers={"X-Task-Id": task_id})
    place.owned.discard(("transfer", task_id))


def place_big_file(work: Work, place: Place) -> None:
    """The file that is downloaded, brought there as users would; not measured."""
    calls = work.quiet(place)
    form = {"targetPath": f"{place.root}/big", "sourcePath": "big"}
    answer: Answer = calls.call("POST", _UPLOAD, form=form, wants="task_id")

    def post(task: dict[str, Any]) -> None:
        try:
            objects.upload(task["data"]["msg"], work.plan.size, timeout=work.plan.timeout)
        except (OSError, http.client.HTTPException, objects.Refused) as error:
            raise Unserved(f"the staging area: {type(error).__name__}: {error}") from error

    quiet_follow(work, calls).settled(answer, 0.0, on_form=post)


def _limit(one: Visitor) -> float:
    return one.work.plan.timeout


def _streamed(one: Visitor, operation: str, carry: Callable[[], int], sending: int) -> None:
    """Measure one stream to or from the staging area; raises `Unserved` if it failed."""
    recorder = one.work.recorder
    due = recorder.now()
    carried, failure = 0, None
    try:
        carried = carry()
    except objects.Refused as error:
        failure = (str(error), "the staging area did not accept it")
    except (OSError, http.client.HTTPException) as error:
        failure = (kind_of(error), f"the staging area: {type(error).__name__}")
    recorder.request(
        operation,
        due,
        due,
        sent=carried if sending else 0,
        received=0 if sending else carried,
        failure=failure,
    )
    if failure:
        raise Unserved(f"{operation}: {failure[0]}")
