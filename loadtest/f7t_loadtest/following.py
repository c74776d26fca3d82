"""A task from its announcement to its end."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import gevent

from f7t_loadtest.calls import Answer, Calls, Unserved
from f7t_loadtest.recorder import Recorder
from f7t_loadtest.work import Place, Work

DONE = frozenset({"114", "117", "200"})
FAILED = frozenset({"118", "302", "400"})
POLLING = "GET /tasks/{id}"


@dataclass(frozen=True)
class Follow:
    """How tasks are followed by one visitor.

    Attributes:
        calls: with the recorder that counts, or without one.
        poll: seconds between two looks.
        patience: seconds until a task is given up.
    """

    calls: Calls
    recorder: Recorder
    poll: float
    patience: float

    def settled(
        self,
        answer: Answer,
        due: float,
        *,
        tells_job: bool = False,
        on_form: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """The settled task that `answer` announced; counted with its polls and its age.

        Args:
            due: when its submission was due.
            tells_job: its end tells the id of a job.
            on_form: called with the task once, when it waits for the client's upload.

        Raises:
            Unserved: it failed, or did not settle in time.
        """
        counted = self.calls.recorder is not None
        task_id = str(answer.json["task_id"])
        began = self.recorder.now()
        stage = self.recorder.task_begun(due) if counted else None
        look_at, polls, waited_for = None, 0, on_form
        while True:
            task = self._look(task_id, look_at, began + self.patience)
            polls += 1
            now = self.recorder.now()
            status = str(task.get("status", ""))
            if status in DONE or status in FAILED:
                break
            if now - began > self.patience:
                raise Unserved(f"task {task_id} had status {status} after {self.patience:g} s")
            if status == "111" and waited_for is not None:
                waited_for(task)
                waited_for = None
            look_at = self.recorder.now() + self.poll
            gevent.sleep(self.poll)
        success = status in DONE
        if counted:
            to_job = now - due if success and tells_job else None
            self.recorder.task_settled(
                stage, success=success, polls=polls, age=now - began, to_job=to_job
            )
        if not success:
            raise Unserved(f"task {task_id} ended with {status}: {str(task.get('data'))[:200]}")
        return task

    def _look(self, task_id: str, due: float | None, deadline: float) -> dict[str, Any]:
        """The task as it is shown now; nothing if the look failed, which is counted.

        A look counts as failed if it shows a failed task, or after the deadline an unsettled one.
        """
        seen: dict[str, Any] = {}

        def refuse(document: Any) -> str:  # noqa: ANN401
            seen.update(document["task"])
            status = str(seen.get("status"))
            if status in FAILED:
                return f"task ended with {status}"
            late = status not in DONE and self.recorder.now() > deadline
            return "task not settled in time" if late else ""

        with suppress(Unserved):
            self.calls.call(
                *("GET", f"/tasks/{task_id}"),
                operation=POLLING,
                due=due,
                wants="task",
                refuse=refuse,
            )
        return seen


def quiet_follow(work: Work, calls: Calls) -> Follow:
    """For calls that nobody counts."""
    return Follow(calls, work.recorder, min(work.plan.poll, 0.25), work.plan.patience)


def submit(work: Work, place: Place, follow: Follow, due: float | None = None) -> str:
    """Submit a held job and wait until its id is known; it is cancelled at the end.

    Args:
        due: when the submission was due; None: now.

    Raises:
        OutOfBudget: no more jobs may be submitted.
        Unserved: it failed.
    """
    work.spend_job()
    moment = work.recorder.now() if due is None else due
    place.submits = True
    answer = follow.calls.call(
        "POST",
        "/compute/jobs/upload",
        due=moment,
        form=work.charged,
        file=("job.sh", work.script),
        wants="task_id",
    )
    task_id = str(answer.json["task_id"])
    place.owned.add(("submission", task_id))
    return own_job(place, task_id, follow.settled(answer, moment, tells_job=True))


def own_job(place: Place, task_id: str, task: dict[str, Any]) -> str:
    """Note the job and the directory of a settled submission; the job's id."""
    data = task["data"]
    job = str(data["jobid"])
    place.owned.add(("job", job))
    directory = posixpath.dirname(str(data.get("job_file", "")))
    if posixpath.basename(directory) == task_id:
        place.owned.add(("directory", directory))
    place.owned.discard(("submission", task_id))
    return job
