"""Words and steps that the chapters of the tutorial share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.live import until
from tests.tutorial.clients import Answer, Client, parse_answer, run_shell

USER = "test4"
HOME = "/home/test4"
TIME_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
SETTLED = frozenset({"114", "117", "118", "200", "302", "400"})

Task = dict[str, Any]


def job_script(
    directory: Path, command: str, *, output: str | None = None, name: str = "script.sh"
) -> Path:
    """The tutorial's job script around `command`, with or without its `--output` line."""
    lines = ["#!/bin/bash", "", "#SBATCH --job-name=test"]
    if output is not None:
        lines.append(f"#SBATCH --output={output}")
    lines += ["#SBATCH --ntasks=1", "#SBATCH --time=10:00", "", command, ""]
    script = directory / name
    script.write_text("\n".join(lines))
    return script


def created(answer: Answer, base: str) -> str:
    """The task id of an answer that must be the tutorial's triple."""
    assert answer.status in {200, 201}, answer
    triple = answer.json()
    assert triple["success"] == "Task created"
    task_id = triple["task_id"]
    assert re.fullmatch(r"[0-9a-f]{32}", task_id), task_id
    assert triple["task_url"] == f"{base}/tasks/{task_id}"
    return str(task_id)


def task_of(client: Client, task_id: str) -> Task:
    """The task as `GET /tasks/{id}` shows it now."""
    answer = client.task(task_id)
    assert answer.status == 200, answer
    task: Task = answer.json()["task"]
    return task


def reached(client: Client, task_id: str, *states: str, seconds: float = 60) -> Task:
    """The task once it is in one of `states`; an end in any other state fails at once."""

    def look() -> Task | None:
        task = task_of(client, task_id)
        if task["status"] in states:
            return task
        assert task["status"] not in SETTLED, task
        return None

    return until(look, seconds=seconds, what=f"task {task_id} in {states}")


def result(client: Client, answer: Answer, base: str) -> Any:
    """`data` of the task that `answer` announced; it must end with success."""
    return reached(client, created(answer, base), "200")["data"]


def submitted(client: Client, script: Path, base: str) -> Task:
    """The task of a submission that succeeded."""
    return reached(client, created(client.submit(script), base), "200")


def accounted(client: Client, job_id: int, base: str) -> Mapping[str, str]:
    """The accounting record of a job that has ended, complete with its partition.

    New jobs reach the database in passes of the controller, so a record may be incomplete at first.
    """

    def look() -> Mapping[str, str] | None:
        data = result(client, client.accounting({"jobs": str(job_id)}), base)
        rows = [row for row in data if row["jobid"] == str(job_id)]
        over = rows and rows[0]["state"].split()[0] in {"COMPLETED", "FAILED", "CANCELLED"}
        return rows[0] if over and rows[0]["partition"] else None

    return until(look, what=f"job {job_id} in accounting")


def finished(client: Client, job_id: int, base: str) -> None:
    """Return when the job has left the queue."""

    def look() -> bool | None:
        return True if result(client, client.job(job_id), base) == {} else None

    until(look, what=f"job {job_id} out of the queue")


def downloaded(client: Client, path: str) -> bytes:
    """Content of a small file."""
    answer = client.download(path)
    assert answer.status == 200, answer
    return answer.body


def offered(client: Client, source: Path, base: str, directory: str = HOME) -> Task:
    """The task of an external upload that waits for the client to post `source`."""
    task_id = created(client.external_upload(str(source), directory), base)
    return reached(client, task_id, "111")


def post_as_printed(task: Task, directory: Path) -> Answer:
    """Run the printed command; neither token nor address of the gateway is in its environment."""
    return parse_answer(run_shell(task["data"]["msg"]["command"], directory=directory))


def uploaded(client: Client, source: Path, base: str, directory: str = HOME) -> Task:
    """The settled task of a whole external upload."""
    task = offered(client, source, base, directory)
    answer = post_as_printed(task, source.parent)
    assert answer.status == 204, answer
    return reached(client, task["hash_id"], "114")
