"""C5: cancellation of jobs."""

from __future__ import annotations

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, created, settled, until
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import (
    QUEUE_LIMIT,
    UNKNOWN_JOB,
    Job,
    SharedJobs,
    accounted,
    outcome,
    queue,
)


def _held(api: Api, belongings: Belongings) -> Job:
    return Job(belongings.submit(api, options="--hold"))


def _await_gone(api: Api, *ids: str) -> None:
    def gone() -> bool | None:
        return set(ids).isdisjoint(one["jobid"] for one in queue(api)) or None

    until(gone, seconds=QUEUE_LIMIT, what=f"job {', '.join(ids)} left the listing")


@requirement("F7T-JOB-075")
def test_cancelling_tells_what_the_scheduler_said(api: Api, belongings: Belongings) -> None:
    job = _held(api, belongings)
    answer = api.delete(f"/compute/jobs/{job.id}")
    created(answer, 200)
    said = outcome(api, answer)
    if not isinstance(said, str) or job.id not in said:
        raise Unexpected(f"the scheduler's words on job {job.id}", repr(said))


@requirement("F7T-JOB-076")
def test_cancelled_job_leaves_the_listing(api: Api, belongings: Belongings) -> None:
    job = _held(api, belongings)
    outcome(api, api.delete(f"/compute/jobs/{job.id}"))
    _await_gone(api, job.id)


@requirement("F7T-JOB-077")
def test_cancelled_job_asked_alone(api: Api, belongings: Belongings) -> None:
    job = _held(api, belongings)
    outcome(api, api.delete(f"/compute/jobs/{job.id}"))
    _await_gone(api, job.id)
    task = settled(api, api.get(f"/compute/jobs/{job.id}"))
    forgotten = task["status"] == "400" and "Invalid job id" in str(task["data"])
    if not forgotten and (task["status"], task["data"]) != ("200", {}):
        raise Unexpected("an empty listing or 'Invalid job id'", str(task))


@requirement("F7T-JOB-078")
def test_cancelled_job_is_accounted_as_such(api: Api, belongings: Belongings) -> None:
    job = _held(api, belongings)
    outcome(api, api.delete(f"/compute/jobs/{job.id}"))
    row = accounted(api, job.id)
    if not row["state"].startswith("CANCELLED"):
        raise Unexpected("state CANCELLED", str(row))


@requirement("F7T-JOB-079")
def test_list_of_ids_cancels_them_all(api: Api, belongings: Belongings) -> None:
    ids = [_held(api, belongings).id for _ in range(2)]
    outcome(api, api.delete(f"/compute/jobs/{','.join(ids)}"))
    _await_gone(api, *ids)


@requirement("F7T-JOB-080")
def test_unknown_job_cannot_be_cancelled(api: Api) -> None:
    said = outcome(api, api.delete(f"/compute/jobs/{UNKNOWN_JOB}").expect(200), "400")
    if "Invalid job id" not in str(said):
        raise Unexpected("'Invalid job id' in the data", repr(said))


@requirement("F7T-JOB-081")
def test_id_has_an_invalid_character(api: Api) -> None:
    answer = api.delete("/compute/jobs/1%3B2")
    answer.expect(400, description="Failed to delete job", error="'jobid' has invalid char")


@requirement("F7T-JOB-082")
def test_foreign_job_cannot_be_cancelled(api: Api, second: Api, jobs: SharedJobs) -> None:
    job = jobs.held(api)
    said = outcome(second, second.delete(f"/compute/jobs/{job.id}"), "400")
    if said != "User does not have permission to cancel job":
        raise Unexpected("'User does not have permission to cancel job'", repr(said))
    if job.id not in [one["jobid"] for one in queue(api)]:
        raise Unexpected(f"job {job.id} still in the listing", "it is gone")
