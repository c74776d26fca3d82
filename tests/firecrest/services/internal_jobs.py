"""Transfer jobs: submit one, wait for its end, read what it left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.firecrest.services.jobs import ask
from tests.firecrest.services.places import content
from tests.support.live import Live, until


@dataclass(frozen=True)
class TransferJob:
    """A submitted job: its id, script and output files, and what they hold in the end."""

    job_id: int
    script: str
    out: str
    err: str


def submitted(live: Live, operation: str, *, user: str = "test1", **fields: str) -> TransferJob:
    """Submit; the answer and the task are checked against compute.md C1."""
    answer = live.post(f"/storage/xfer-internal/{operation}", user=user, data=fields)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said.pop("success") == "Task created"
    assert said == {"task_id": said["task_id"], "task_url": f"{live.url}/tasks/{said['task_id']}"}
    task = live.settled(answer, user=user)
    assert (task["service"], task["status"]) == ("compute", "200"), task
    data: dict[str, Any] = task["data"]
    directory = f"/home/{user}/firecrest/{said['task_id']}"
    job = TransferJob(data["jobid"], data["job_file"], data["job_file_out"], data["job_file_err"])
    assert job == TransferJob(
        job.job_id,
        f"{directory}/sbatch-job.sh",
        f"{directory}/job-{job.job_id}.out",
        f"{directory}/job-{job.job_id}.err",
    )
    assert data["result"] == "Job submitted"
    return job


def ended(live: Live, job: TransferJob, *, user: str = "test1") -> str:
    """State of the job once it has ended, as the queue that still remembers it says."""

    def probe() -> str | None:
        task = ask(live, "/compute/jobs", user=user, jobs=str(job.job_id))
        return "gone" if task["status"] == "400" or not task["data"] else None

    until(probe, what=f"end of job {job.job_id}")
    return str(live.accounted(job.job_id, user=user)["state"])


def done(live: Live, operation: str, *, user: str = "test1", **fields: str) -> str:
    """What a job printed that went well: nothing of it on stderr, as pyfirecrest expects."""
    return finished(live, operation, submitted(live, operation, user=user, **fields), user=user)


def finished(live: Live, operation: str, job: TransferJob, *, user: str = "test1") -> str:
    """Output of a job between its first and last line, once it is through."""
    begin, end = f"Started {operation}\n", f"Finished {operation}\n"

    def probe() -> str | None:
        if live.get("/utilities/ls", user=user, params={"targetPath": job.out}).status_code != 200:
            return None
        text = content(live, job.out, user=user).decode()
        return text if text.endswith(end) else None

    text = until(probe, what=f"end of job {job.job_id}")
    assert content(live, job.err, user=user) == b""
    assert text.startswith(begin)
    return text.removeprefix(begin).removesuffix(end)
