"""Jobs that several checks look at, each submitted when the first of them asks."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.belongings import Belongings, settled, until

QUEUE_LIMIT = 180.0
"""Seconds within which a scheduler must have begun and ended a short job."""

UNKNOWN_JOB = "66999999"
"""An id below Slurm's limit that no scheduler has come to."""

PRINTED_BLANKS = "two  words"
_END = "f7t-conformance-end"
_REPORT = f"""\
echo "directory=$PWD"
echo "user=$(id -un)"
echo "home=$HOME"
echo "path=$PATH"
echo "account=$SLURM_JOB_ACCOUNT"
echo "blanks=$F7T_BLANKS"
echo problem >&2
echo {_END}"""
_SLEEPER = f"""\
for number in $(seq 1000); do echo "line $number"; done
echo {_END}
sleep 280"""


def outcome(api: Api, answer: Answer, status: str = "200") -> Any:  # noqa: ANN401
    """`data` of the task that `answer` announced; raises `Unexpected` if it ends otherwise."""
    task = settled(api, answer)
    if task["status"] != status:
        raise Unexpected(f"the task to end with {status}", f"{task['status']} {task['data']!r}")
    return task["data"]


def queue(api: Api, **query: str) -> list[dict[str, str]]:
    """Entries of the listing of active jobs, in their order."""
    data = outcome(api, api.get("/compute/jobs", **query))
    if not isinstance(data, dict):
        raise Unexpected("an object of jobs", repr(data)[:300])
    return list(data.values())


def queued(api: Api, job: str) -> dict[str, str]:
    """The listing's entry of one job; raises `Unexpected` if it is not there."""
    found = [one for one in queue(api, jobs=job) if one["jobid"] == job]
    if not found:
        raise Unexpected(f"an entry of job {job}", "none")
    return found[0]


def accounts(api: Api, **query: str) -> list[dict[str, str]]:
    """Rows of the accounting; none where it answers an empty object or an empty list (D29)."""
    data = outcome(api, api.get("/compute/acct", **query))
    if data and not isinstance(data, list):
        raise Unexpected("an array of jobs", repr(data)[:300])
    return list(data)


def accounted(api: Api, job: str) -> dict[str, str]:
    """The accounting's row of a job, once it is there with its end."""

    def row() -> dict[str, str] | None:
        found = [one for one in accounts(api, jobs=job) if one["jobid"] == job]
        return found[0] if found and found[0]["state"] not in {"PENDING", "RUNNING"} else None

    one: dict[str, str] = until(row, seconds=QUEUE_LIMIT, what=f"job {job} ended in accounting")
    return one


def stamp(row: dict[str, str], key: str) -> datetime:
    """The moment that a value means; raises `Unexpected` if it is no time stamp."""
    try:
        return datetime.strptime(row[key], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        raise Unexpected(f"{key} as YYYY-MM-DDTHH:MM:SS", str(row)) from None


def printed(api: Api, path: str, end: str = _END) -> str:
    """Content of a job's output file, once its last line is `end`."""

    def text() -> str | None:
        answer = api.call("GET", "/utilities/download", query={"sourcePath": path}, contract=False)
        whole = answer.status == 200 and answer.text.endswith(f"{end}\n")
        return answer.text if whole else None

    found: str = until(text, seconds=QUEUE_LIMIT, what=f"{path} written by its job")
    return found


@dataclass(frozen=True)
class Job:
    """One submitted job.

    Attributes:
        task: of the submission, settled.
    """

    task: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.task["data"]["jobid"])

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.task["data"]
        return data

    @property
    def directory(self) -> str:
        return posixpath.dirname(str(self.data["job_file"]))


@dataclass
class SharedJobs:
    """Jobs of one worker: submitted with the calls of the check that asks first.

    A submission that fails is tried again for the next check, so that each tells what it met.
    """

    belongings: Belongings
    _made: dict[str, Job] = field(default_factory=dict)

    def reporting(self, api: Api) -> Job:
        """Prints what it sees of its surroundings (`key=value` lines), and ends well."""
        env = json.dumps({"F7T_BLANKS": PRINTED_BLANKS})
        return self._once(
            "reporting", lambda: self.belongings.submit(api, _REPORT, env=env, name="report.sh")
        )

    def report(self, api: Api) -> dict[str, str]:
        """What `reporting` has printed."""
        text = printed(api, str(self.reporting(api).data["job_file_out"]))
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def running(self, api: Api) -> dict[str, str]:
        """The listing's entry of a job that has printed a thousand lines and sleeps."""
        job = self.sleeper(api)

        def entry() -> dict[str, str] | None:
            found = [one for one in queue(api, jobs=job.id) if one["jobid"] == job.id]
            started = found and found[0]["state"] == "RUNNING"
            return found[0] if started and _END in found[0]["job_data_out"] else None

        one: dict[str, str] = until(entry, seconds=QUEUE_LIMIT, what=f"job {job.id} runs")
        return one

    def sleeper(self, api: Api) -> Job:
        """The job that `running` shows."""
        return self._once("sleeper", lambda: self.belongings.submit(api, _SLEEPER))

    def held(self, api: Api, number: int = 0) -> Job:
        """One of several jobs that wait and never start."""
        return self._once(f"held {number}", lambda: self.belongings.submit(api, options="--hold"))

    def _once(self, name: str, submit: Callable[[], dict[str, Any]]) -> Job:
        if name not in self._made:
            self._made[name] = Job(submit())
        return self._made[name]
