"""C3, C4: what the listing of active jobs tells of a job."""

from __future__ import annotations

import re

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import UNKNOWN_JOB, SharedJobs, outcome, queue, queued, stamp

_SPAN = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d\d)")
_LIMIT = 300
"""Seconds that the suite's scripts ask for."""


def _seconds(text: str) -> int:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise Unexpected("a span of time [[D-]H:]MM:SS", text)
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


@requirement("F7T-JOB-039")
def test_listing_is_an_object(api: Api) -> None:
    data = outcome(api, api.get("/compute/jobs").expect(200))
    if not isinstance(data, dict):
        raise Unexpected("an object", repr(data)[:300])


@requirement("F7T-JOB-040")
def test_entries_are_numbered(api: Api, jobs: SharedJobs) -> None:
    ids = f"{jobs.held(api, 0).id},{jobs.held(api, 1).id}"
    data = outcome(api, api.get("/compute/jobs", jobs=ids))
    if list(data) != ["0", "1"]:
        raise Unexpected("the keys 0 and 1", str(list(data)))


@requirement("F7T-JOB-041")
def test_own_active_jobs_are_listed(api: Api, jobs: SharedJobs) -> None:
    job = jobs.held(api)
    if job.id not in [one["jobid"] for one in queue(api)]:
        raise Unexpected(f"job {job.id} in the listing", "it is not there")


@requirement("F7T-JOB-042")
def test_running_job_tells_who_and_where(api: Api, jobs: SharedJobs) -> None:
    entry = jobs.running(api)
    wanted = {
        "jobid": jobs.sleeper(api).id,
        "name": jobs.belongings.prefix,
        "user": jobs.sleeper(api).task["user"],
        "state": "RUNNING",
        "nodes": "1",
    }
    got = {key: entry[key] for key in wanted}
    if got != wanted:
        raise Unexpected(str(wanted), str(got))
    if not entry["partition"] or not entry["nodelist"] or entry["nodelist"].startswith("("):
        raise Unexpected("a partition and a node", str(entry))


@requirement("F7T-JOB-043")
def test_time_is_the_start(api: Api, jobs: SharedJobs) -> None:
    entry = jobs.running(api)
    stamp(entry, "time")


@requirement("F7T-JOB-044")
def test_start_time_is_the_time_used(api: Api, jobs: SharedJobs) -> None:
    entry = jobs.running(api)
    used, left = _seconds(entry["start_time"]), _seconds(entry["time_left"])
    if abs(used + left - _LIMIT) > 2:
        raise Unexpected(f"start_time + time_left = {_LIMIT} s", f"{used} s + {left} s")


@requirement("F7T-JOB-045")
def test_files_of_a_job_are_told(api: Api, jobs: SharedJobs) -> None:
    entry, data = jobs.running(api), jobs.sleeper(api).data
    for key in ("job_file", "job_file_out", "job_file_err"):
        if entry[key] != data[key]:
            raise Unexpected(f"{key} = {data[key]}", entry[key])


@requirement("F7T-JOB-046")
def test_end_of_the_output_is_shown(api: Api, jobs: SharedJobs) -> None:
    entry = jobs.running(api)
    path = entry["job_file_out"]
    whole = api.get("/utilities/download", sourcePath=path).expect(200).text
    shown = entry["job_data_out"]
    if len(shown) < 100 or not whole.rstrip().endswith(shown.rstrip()):
        raise Unexpected("the end of what the job has written", shown)


@requirement("F7T-JOB-047")
def test_waiting_job_tells_its_reason(api: Api, jobs: SharedJobs) -> None:
    entry = queued(api, jobs.held(api).id)
    if entry["state"] != "PENDING" or not re.fullmatch(r"\(.+\)", entry["nodelist"]):
        raise Unexpected("PENDING and the reason in parentheses", str(entry))


@requirement("F7T-JOB-048")
def test_waiting_job_has_no_output(api: Api, jobs: SharedJobs) -> None:
    entry = queued(api, jobs.held(api).id)
    if (entry["job_data_out"], entry["job_data_err"]) != ("", ""):
        raise Unexpected("empty job_data_out and job_data_err", str(entry))


@requirement("F7T-JOB-049")
def test_everybodys_listing_tells_no_files(api: Api, jobs: SharedJobs) -> None:
    job = jobs.held(api)
    found = [one for one in queue(api, userJobs="false") if one["jobid"] == job.id]
    if len(found) != 1:
        raise Unexpected(f"job {job.id} in everybody's listing", f"{len(found)} entries")
    for key in ("job_file", "job_file_out", "job_file_err", "job_data_out", "job_data_err"):
        if found[0][key] != "":
            raise Unexpected(f"an empty {key}", found[0][key])


@requirement("F7T-JOB-050")
def test_foreign_jobs_are_not_listed(api: Api, second: Api, jobs: SharedJobs) -> None:
    job = jobs.held(api)
    if job.id not in [one["jobid"] for one in queue(api)]:
        raise Unexpected(f"job {job.id} in its owner's listing", "it is not there")
    owners = {one["user"] for one in queue(second)}
    if job.task["user"] in owners:
        raise Unexpected("the caller's jobs only", f"jobs of {sorted(owners)}")


@requirement("F7T-JOB-051")
def test_one_job_is_shown(api: Api, jobs: SharedJobs) -> None:
    job = jobs.held(api)
    data = outcome(api, api.get(f"/compute/jobs/{job.id}").expect(200))
    if list(data) != ["0"] or data["0"]["jobid"] != job.id:
        raise Unexpected(f"the one entry of job {job.id}", str(data))


@requirement("F7T-JOB-052")
def test_one_job_is_told_with_its_files(api: Api, jobs: SharedJobs) -> None:
    job = jobs.held(api)
    data = outcome(api, api.get(f"/compute/jobs/{job.id}"))
    if not data or data["0"]["job_file"] != job.data["job_file"]:
        raise Unexpected(f"job_file {job.data['job_file']}", str(data))


@requirement("F7T-JOB-053")
def test_unknown_job_is_an_error_of_the_task(api: Api) -> None:
    said = outcome(api, api.get(f"/compute/jobs/{UNKNOWN_JOB}").expect(200), "400")
    if "Invalid job id" not in str(said):
        raise Unexpected("'Invalid job id' in the data", repr(said))


@requirement("F7T-JOB-054")
def test_unknown_job_in_the_filter_is_an_error_of_the_task(api: Api) -> None:
    said = outcome(api, api.get("/compute/jobs", jobs=UNKNOWN_JOB).expect(200), "400")
    if "Invalid job id" not in str(said):
        raise Unexpected("'Invalid job id' in the data", repr(said))
