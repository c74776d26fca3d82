"""Jobs as the API shows them while a check waits for one."""

from __future__ import annotations

from collections.abc import Mapping

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import settled, until

_FORGOTTEN = "Invalid job id"


def queued(api: Api, job: str) -> Mapping[str, str] | None:
    """The job's entry in the queue; None when it has left it."""
    task = settled(api, api.get("/compute/jobs", jobs=job))
    if task["status"] == "400" and _FORGOTTEN in str(task["data"]):
        return None
    if task["status"] != "200":
        raise Unexpected(f"the state of job {job}", str(task["data"]))
    entries: list[Mapping[str, str]] = [one for one in task["data"].values() if one["jobid"] == job]
    return entries[0] if entries else None


def finished(api: Api, job: str, *, seconds: float) -> None:
    """Return when the job has left the queue; raises `Unexpected` after `seconds`."""
    until(lambda: True if queued(api, job) is None else None, seconds=seconds, what=f"end of {job}")


def running(api: Api, job: str, *, seconds: float) -> Mapping[str, str]:
    """The job's entry once it runs; raises `Unexpected` after `seconds`."""

    def probe() -> Mapping[str, str] | None:
        entry = queued(api, job)
        return entry if entry is not None and entry["state"] == "RUNNING" else None

    found: Mapping[str, str] = until(probe, seconds=seconds, what=f"job {job} running")
    return found
