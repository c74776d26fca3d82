"""C6: accounting of jobs."""

from __future__ import annotations

import re

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, until
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import (
    QUEUE_LIMIT,
    UNKNOWN_JOB,
    Job,
    SharedJobs,
    accounted,
    accounts,
    outcome,
    stamp,
)

_SPAN = re.compile(r"(\d+-)?\d\d:\d\d:\d\d")


def _of_one(api: Api, jobs: SharedJobs) -> dict[str, str]:
    return accounted(api, jobs.reporting(api).id)


def _two(api: Api, jobs: SharedJobs) -> set[str]:
    """Ids of an ended and of a waiting job, once the accounting knows both."""
    ids = {_of_one(api, jobs)["jobid"], jobs.held(api).id}

    def known() -> set[str] | None:
        rows = [one for job in ids for one in accounts(api, jobs=job)]
        return ids if ids <= {one["jobid"] for one in rows} else None

    found: set[str] = until(known, seconds=QUEUE_LIMIT, what=f"rows of the jobs {sorted(ids)}")
    return found


@requirement("F7T-JOB-083")
def test_ended_job_is_accounted(api: Api, jobs: SharedJobs) -> None:
    row = _of_one(api, jobs)
    wanted = {
        "name": jobs.belongings.prefix,
        "user": jobs.reporting(api).task["user"],
        "state": "COMPLETED",
        "nodes": "1",
        "exit_code": "0:0",
    }
    got = {key: row[key] for key in wanted}
    if got != wanted or not row["partition"] or not row["nodelist"]:
        raise Unexpected(str(wanted), str(row))


@requirement("F7T-JOB-084")
def test_failed_job_is_accounted_as_such(api: Api, belongings: Belongings) -> None:
    row = accounted(api, Job(belongings.submit(api, "exit 3")).id)
    if (row["state"], row["exit_code"]) != ("FAILED", "3:0"):
        raise Unexpected("FAILED with 3:0", str(row))


@requirement("F7T-JOB-085")
def test_start_time_and_time_left_are_start_and_end(api: Api, jobs: SharedJobs) -> None:
    row = _of_one(api, jobs)
    if stamp(row, "start_time") > stamp(row, "time_left"):
        raise Unexpected("start_time not after time_left", str(row))


@requirement("F7T-JOB-086")
def test_time_is_processor_time(api: Api, jobs: SharedJobs) -> None:
    row = _of_one(api, jobs)
    if not _SPAN.fullmatch(row["time"]) or row["time"] != row["cpu_time"]:
        raise Unexpected("time = cpu_time as [D-]HH:MM:SS", str(row))


@requirement("F7T-JOB-087")
def test_elapsed_time_is_end_less_start(api: Api, jobs: SharedJobs) -> None:
    row = _of_one(api, jobs)
    if row["termination_time"] != row["time_left"]:
        raise Unexpected("termination_time = time_left", str(row))
    spent = int((stamp(row, "termination_time") - stamp(row, "start_time")).total_seconds())
    wanted = f"{spent // 3600:02}:{spent // 60 % 60:02}:{spent % 60:02}"
    if row["elapsed_time"] != wanted:
        raise Unexpected(f"elapsed_time {wanted}", str(row))


@requirement("F7T-JOB-088")
def test_steps_are_not_rows(api: Api, jobs: SharedJobs) -> None:
    row = _of_one(api, jobs)
    got = [one["jobid"] for one in accounts(api, jobs=row["jobid"])]
    if got != [row["jobid"]]:
        raise Unexpected(f"the one row {row['jobid']}", str(got))


@requirement("F7T-JOB-089")
def test_without_filter_todays_jobs_are_told(api: Api, jobs: SharedJobs) -> None:
    job = _of_one(api, jobs)["jobid"]

    def told() -> bool | None:
        return job in [one["jobid"] for one in accounts(api)] or None

    # Slurm knows of a job that has just ended some seconds before it knows whose it was.
    until(told, seconds=QUEUE_LIMIT, what=f"job {job} among all of today")


@requirement("F7T-JOB-090")
def test_several_ids_select_several_jobs(api: Api, jobs: SharedJobs) -> None:
    wanted = _two(api, jobs)
    got = {one["jobid"] for one in accounts(api, jobs=",".join(sorted(wanted)))}
    if got != wanted:
        raise Unexpected(f"the jobs {sorted(wanted)}", str(sorted(got)))


@requirement("F7T-JOB-091")
def test_unknown_job_has_no_row(api: Api) -> None:
    data = outcome(api, api.get("/compute/acct", jobs=UNKNOWN_JOB).expect(200))
    if data not in ({}, []):
        raise Unexpected("no row", repr(data))


@requirement("F7T-JOB-092")
def test_pages_hold_so_many_rows(api: Api, jobs: SharedJobs) -> None:
    ids = _two(api, jobs)
    text = ",".join(sorted(ids))
    pages = [accounts(api, jobs=text, pageSize="1", pageNumber=str(one)) for one in range(2)]
    got = [[one["jobid"] for one in page] for page in pages]
    if [len(page) for page in got] != [1, 1] or {page[0] for page in got} != ids:
        raise Unexpected("one of both jobs on each of the pages 0 and 1", str(got))


@requirement("F7T-JOB-093")
def test_page_beyond_the_last_is_an_error(api: Api, jobs: SharedJobs) -> None:
    job = _of_one(api, jobs)["jobid"]
    said = outcome(api, api.get("/compute/acct", jobs=job, pageSize="1", pageNumber="3"), "400")
    if said != "pageNumber (3) is greater than total pages (1)":
        raise Unexpected("pageNumber (3) is greater than total pages (1)", repr(said))


@requirement("F7T-JOB-094")
def test_filter_has_an_invalid_character(api: Api) -> None:
    api.get("/compute/acct", jobs="1;2").expect(
        400,
        description="Failed to retrieve account information",
        error="'jobs' has invalid char",
    )


@requirement("F7T-JOB-095")
def test_unreadable_time_is_ignored_or_refused(api: Api) -> None:
    answer = api.get("/compute/acct", starttime="yesterday")
    answer.expect(200, 400)
    if answer.status == 200:
        outcome(api, answer)
