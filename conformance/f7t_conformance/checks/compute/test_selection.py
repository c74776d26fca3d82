"""C3, C4: filter and pages of the listing of active jobs, and job ids."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import UNKNOWN_JOB, SharedJobs, outcome, queue


def _three(api: Api, jobs: SharedJobs) -> list[str]:
    return [jobs.held(api, number).id for number in range(3)]


def _paged(api: Api, jobs: SharedJobs, **query: str) -> list[str]:
    """Ids on this page of three jobs."""
    ids = ",".join(_three(api, jobs))
    return [one["jobid"] for one in queue(api, jobs=ids, **query)]


def _refused(api: Api, jobs: SharedJobs, **query: str) -> object:
    ids = ",".join(_three(api, jobs))
    return outcome(api, api.get("/compute/jobs", jobs=ids, **query).expect(200), "400")


@requirement("F7T-JOB-055")
def test_one_id_selects_one_job(api: Api, jobs: SharedJobs) -> None:
    wanted, _, _ = _three(api, jobs)
    got = [one["jobid"] for one in queue(api, jobs=wanted)]
    if got != [wanted]:
        raise Unexpected(f"job {wanted} alone", str(got))


@requirement("F7T-JOB-056")
def test_several_ids_select_several_jobs(api: Api, jobs: SharedJobs) -> None:
    first, _, third = _three(api, jobs)
    got = {one["jobid"] for one in queue(api, jobs=f"{first},{third}")}
    if got != {first, third}:
        raise Unexpected(f"the jobs {first} and {third}", str(got))


@requirement("F7T-JOB-057")
def test_unknown_ids_among_several_are_absent(api: Api, jobs: SharedJobs) -> None:
    first, _, _ = _three(api, jobs)
    got = [one["jobid"] for one in queue(api, jobs=f"{first},{UNKNOWN_JOB}")]
    if got != [first]:
        raise Unexpected(f"job {first} alone", str(got))


@requirement("F7T-JOB-058")
def test_pages_begin_with_nought(api: Api, jobs: SharedJobs) -> None:
    pages = [_paged(api, jobs, pageSize="1", pageNumber=str(number)) for number in range(3)]
    if [len(page) for page in pages] != [1, 1, 1]:
        raise Unexpected("one job on each of the pages 0, 1 and 2", str(pages))
    if {page[0] for page in pages} != set(_three(api, jobs)):
        raise Unexpected("each job on one page", str(pages))


@requirement("F7T-JOB-059")
def test_entries_are_numbered_anew_on_each_page(api: Api, jobs: SharedJobs) -> None:
    ids = ",".join(_three(api, jobs))
    answer = api.get("/compute/jobs", jobs=ids, pageSize="2", pageNumber="1")
    data = outcome(api, answer)
    if list(data) != ["0"]:
        raise Unexpected("the key 0", str(list(data)))


@requirement("F7T-JOB-060")
def test_size_alone_gives_the_first_page(api: Api, jobs: SharedJobs) -> None:
    got = _paged(api, jobs, pageSize="2")
    first = _paged(api, jobs, pageSize="2", pageNumber="0")
    if len(got) != 2 or got != first:
        raise Unexpected(f"page 0 of two jobs, {first}", str(got))


@requirement("F7T-JOB-061")
def test_number_alone_pages_by_25(api: Api, jobs: SharedJobs) -> None:
    if len(_paged(api, jobs, pageNumber="0")) != 3:
        raise Unexpected("all three jobs on page 0", "fewer")
    said = _refused(api, jobs, pageNumber="2")
    if said != "pageNumber (2) is greater than total pages (1)":
        raise Unexpected("pageNumber (2) is greater than total pages (1)", repr(said))


@requirement("F7T-JOB-062")
def test_words_are_the_default_page(api: Api, jobs: SharedJobs) -> None:
    got = _paged(api, jobs, pageSize="many", pageNumber="first")
    if set(got) != set(_three(api, jobs)):
        raise Unexpected("all three jobs", str(got))


@requirement("F7T-JOB-063")
def test_page_beyond_the_last_is_an_error(api: Api, jobs: SharedJobs) -> None:
    said = _refused(api, jobs, pageSize="2", pageNumber="7")
    if said != "pageNumber (7) is greater than total pages (2)":
        raise Unexpected("pageNumber (7) is greater than total pages (2)", repr(said))


@requirement("F7T-JOB-064")
def test_negative_page_is_an_error(api: Api, jobs: SharedJobs) -> None:
    said = _refused(api, jobs, pageSize="2", pageNumber="-1")
    if said != "pageNumber (-1) cannot be a negative number":
        raise Unexpected("pageNumber (-1) cannot be a negative number", repr(said))


@requirement("F7T-JOB-065")
def test_page_after_a_full_last_one_is_empty(api: Api, jobs: SharedJobs) -> None:
    got = _paged(api, jobs, pageSize="3", pageNumber="1")
    if got:
        raise Unexpected("no job", str(got))


_DESCRIPTION = "Failed to retrieve job information"


@pytest.mark.parametrize(
    ("ids", "error"),
    [
        pytest.param("a", "a is not a valid job ID", marks=requirement("F7T-JOB-066")),
        pytest.param("1,x,2", "x is not a valid job ID", marks=requirement("F7T-JOB-067")),
        pytest.param("1,,2", "Jobs list wrong format", marks=requirement("F7T-JOB-068")),
    ],
)
def test_filter_is_no_list_of_ids(api: Api, ids: str, error: str) -> None:
    api.get("/compute/jobs", jobs=ids).expect(400, description=_DESCRIPTION, error=error)


@requirement("F7T-JOB-069")
def test_filter_has_an_invalid_character(api: Api) -> None:
    api.get("/compute/jobs", jobs="1;2").expect(400, error="'jobs' has invalid char")


@requirement("F7T-JOB-070")
def test_path_is_no_job_id(api: Api) -> None:
    error = "-1 is not a valid job ID"
    api.get("/compute/jobs/-1").expect(400, description=_DESCRIPTION, error=error)


@pytest.mark.parametrize(
    "one",
    [
        pytest.param("000", marks=requirement("F7T-JOB-071")),
        pytest.param(f"{UNKNOWN_JOB}_3", marks=requirement("F7T-JOB-072")),
        pytest.param(f"{UNKNOWN_JOB}+3", marks=requirement("F7T-JOB-073")),
        pytest.param(f"{UNKNOWN_JOB}_[0-3]", marks=requirement("F7T-JOB-074")),
    ],
)
def test_path_is_a_job_id(api: Api, one: str) -> None:
    api.get(f"/compute/jobs/{quote(one)}").expect(200, success="Task created")
