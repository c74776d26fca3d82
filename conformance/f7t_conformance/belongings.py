"""What a run makes on the system, and its removal."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from f7t_conformance.api import Answer, Api, OutOfBudget, Unexpected
from f7t_conformance.ledger import Kind, Ledger

ENDED = frozenset({"114", "115", "117", "118", "200", "302", "400"})
_PAUSES = (0.05, 0.1, 0.2, 0.25)


def until(probe: Callable[[], Any], *, seconds: float, what: str) -> Any:  # noqa: ANN401
    """The first answer of `probe` that is not None; raises `Unexpected` after `seconds`."""
    deadline = time.monotonic() + seconds
    turn = 0
    while True:
        got = probe()
        if got is not None:
            return got
        if time.monotonic() > deadline:
            raise Unexpected(f"{what} within {seconds:g} s", "it did not happen")
        time.sleep(_PAUSES[min(turn, len(_PAUSES) - 1)])
        turn += 1


def created(answer: Answer, *status: int) -> str:
    """Id of the task that an answer announces."""
    answer.expect(*(status or (200, 201)), success="Task created")
    return str(answer.json["task_id"])


def task_of(api: Api, task_id: str) -> dict[str, Any]:
    """The task as `/tasks/{id}` shows it now."""
    task: dict[str, Any] = api.get(f"/tasks/{task_id}").expect(200).json["task"]
    return task


def settled(
    api: Api, answer: Answer, *, states: frozenset[str] = ENDED, seconds: float = 60
) -> dict[str, Any]:
    """The task that `answer` announced, once it is in one of `states`."""
    task_id = created(answer)

    def probe() -> dict[str, Any] | None:
        task = task_of(api, task_id)
        return task if task["status"] in states else None

    found: dict[str, Any] = until(probe, seconds=seconds, what=f"task {task_id} settled")
    return found


@dataclass
class Belongings:
    """Directories, jobs and transfers of one worker of one run.

    Attributes:
        api: of the first identity.
        prefix: begins every name that is made, e.g. `f7t-conformance-3f9c2a`.
        base: an existing writable directory.
        jobs: how many may be submitted by all workers together.
        ledger: where everything that is made is noted before the run goes on.
    """

    api: Api
    prefix: str
    base: str
    jobs: int
    ledger: Ledger
    partition: str = ""
    account: str = ""
    _root: str = ""
    _jobs: list[str] = field(default_factory=list)
    _directories: list[str] = field(default_factory=list)
    _transfers: list[str] = field(default_factory=list)
    _count: int = 0

    @property
    def root(self) -> str:
        """The run's own directory, made when it is first needed."""
        if not self._root:
            path = posixpath.join(self.base, self.prefix)
            self.api.post("/utilities/mkdir", targetPath=path).expect(201)
            self._root = path
            self.own_directory(path)
        return self._root

    def place(self) -> Place:
        """A new directory for one check."""
        self._count += 1
        path = posixpath.join(self.root, f"{self._count:03}")
        self.api.post("/utilities/mkdir", targetPath=path).expect(201)
        return Place(self.api, path)

    def script(self, body: str, *, options: str = "") -> bytes:
        """A batch script whose job is this run's: short, named, in the configured partition."""
        lines = ["#!/bin/bash", f"#SBATCH --job-name={self.prefix}", "#SBATCH --time=5"]
        lines += [f"#SBATCH --partition={self.partition}"] if self.partition else []
        lines += [f"#SBATCH {one}" for one in options.splitlines() if one]
        return "\n".join([*lines, body, ""]).encode()

    def submit(
        self,
        api: Api,
        body: str = "true",
        *,
        options: str = "",
        name: str = "job.sh",
        path: str = "/compute/jobs/upload",
        **form: str,
    ) -> dict[str, Any]:
        """Submit such a script; the settled task, whose job is cancelled at the end.

        Args:
            body, options: of the script.
            name: under which the script is sent.
            path: of the operation.
            form: further fields of it.

        Raises:
            OutOfBudget: no more jobs may be submitted.
            Unexpected: the submission failed.
        """
        self.spend_job()
        charged = {"account": self.account} if self.account else {}
        files = {"file": (name, self.script(body, options=options))}
        return self.accepted(api, api.call("POST", path, form={**charged, **form}, files=files))

    def accepted(self, api: Api, answer: Answer) -> dict[str, Any]:
        """The settled task of a submission, whose job is cancelled at the end.

        Raises:
            Unexpected: the submission failed.
        """
        self.ledger.note("task", created(answer))
        task = settled(api, answer)
        data = task["data"]
        if task["status"] != "200" or not isinstance(data, dict) or "jobid" not in data:
            raise Unexpected("an accepted job", f"{task['status']} {data!r}")
        self.own_job(task)
        return task

    def spend_job(self) -> None:
        """Count one submission against the budget."""
        if not self.ledger.spend_job(self.jobs):
            raise OutOfBudget("the run's jobs are used up (budget.jobs)")

    def own_job(self, task: dict[str, Any]) -> None:
        """Remember the job of a settled submission task, and a directory made for it."""
        data = task["data"]
        self.own("job", str(data["jobid"]))
        directory = posixpath.dirname(str(data.get("job_file", "")))
        if posixpath.basename(directory) == task.get("hash_id"):
            self.own_directory(directory)

    def own(self, kind: Kind, what: str) -> None:
        """Have this removed at the end, if not by this process then by the controlling one."""
        self.ledger.note(kind, what)
        kept = {"job": self._jobs, "directory": self._directories, "transfer": self._transfers}
        kept[kind].append(what)

    def own_directory(self, path: str) -> None:
        """Have this path removed at the end."""
        self.own("directory", path)

    def own_transfer(self, task_id: str) -> None:
        """Have the staged objects of this task removed at the end."""
        self.own("transfer", task_id)

    def remove(self) -> list[str]:
        """Remove everything, also after the run's time; what could not be removed, in words."""
        self.api = self.api.unhurried()
        left = []
        for job in self._jobs:
            left += self._tried(f"job {job}", partial(self._cancel, job))
        for task_id in self._transfers:
            left += self._tried(f"transfer {task_id}", partial(self._invalidate, task_id))
        for path in reversed(self._directories):
            left += self._tried(path, partial(self._remove, path))
        self.ledger.settle()
        return left

    def _tried(self, what: str, removal: Callable[[], None]) -> list[str]:
        try:
            removal()
        except Exception as error:
            return [f"{what}: {error}"]
        return []

    def _cancel(self, job: str) -> None:
        settled(self.api, self.api.delete(f"/compute/jobs/{job}"))

    def _invalidate(self, task_id: str) -> None:
        self.api.call(
            "POST", "/storage/xfer-external/invalidate", headers={"X-Task-Id": task_id}
        ).expect(201)

    def _remove(self, path: str) -> None:
        answer = self.api.delete("/utilities/rm", targetPath=path)
        if answer.header("X-Invalid-Path") is None:
            answer.expect(204)


@dataclass(frozen=True)
class Place:
    """An empty directory of one check, as `api`'s caller."""

    api: Api
    path: str

    def __truediv__(self, name: str) -> str:
        return posixpath.join(self.path, name)

    def write(self, name: str, content: bytes = b"content\n") -> str:
        """Upload a file; its path."""
        self.api.call(
            "POST",
            "/utilities/upload",
            form={"targetPath": self.path},
            files={"file": (name, content)},
        ).expect(201)
        return self / name

    def directory(self, name: str) -> str:
        """Make a directory; its path."""
        self.api.post("/utilities/mkdir", targetPath=self / name).expect(201)
        return self / name

    def link(self, name: str, target: str) -> str:
        """Make a symbolic link; its path."""
        self.api.post("/utilities/symlink", targetPath=target, linkPath=self / name).expect(201)
        return self / name

    def names(self, name: str = "") -> list[str]:
        """What is in this directory or in one below it, hidden names included.

        Not held against the contract: the envelope of a listing is what other checks ask for.
        """
        path = self / name if name else self.path
        query = {"targetPath": path, "showhidden": "true"}
        answer = self.api.call("GET", "/utilities/ls", query=query, contract=False).expect(200)
        return sorted(entry["name"] for entry in answer.json["output"])

    def read(self, name: str) -> bytes:
        """Content of a file."""
        return self.api.get("/utilities/download", sourcePath=self / name).expect(200).body
