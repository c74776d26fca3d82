"""C6, D10: the period of an accounting query, in every documented form of a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import SharedJobs, accounted, accounts, stamp

_LONG_AGO = "2000-01-01"
_HOUR = timedelta(hours=1)


def _midnight(start: datetime) -> datetime:
    return start.replace(hour=0, minute=0, second=0)


def _hour_before(start: datetime) -> datetime:
    return start - _HOUR


def _end_of_day(start: datetime) -> datetime:
    return start.replace(hour=23, minute=59, second=59)


def _next_day(start: datetime) -> datetime:
    return start + timedelta(days=1)


def _present(api: Api, job: str, **period: str) -> bool:
    return job in [one["jobid"] for one in accounts(api, jobs=job, **period)]


_Moment = Callable[[datetime], datetime]


@pytest.mark.parametrize(
    ("form", "before", "after"),
    [
        pytest.param("%H:%M", _midnight, _end_of_day, marks=requirement("F7T-JOB-096")),
        pytest.param("%H:%M:%S", _midnight, _end_of_day, marks=requirement("F7T-JOB-097")),
        pytest.param("%I:%M %p", _midnight, _end_of_day, marks=requirement("F7T-JOB-098")),
        pytest.param("%m/%d-%H:%M", _hour_before, _end_of_day, marks=requirement("F7T-JOB-099")),
        pytest.param(
            "%m/%d/%y-%H:%M:%S", _hour_before, _next_day, marks=requirement("F7T-JOB-100")
        ),
        pytest.param("%m%d%y", _midnight, _next_day, marks=requirement("F7T-JOB-101")),
        pytest.param("%m/%d/%y", _midnight, _next_day, marks=requirement("F7T-JOB-102")),
        pytest.param("%m.%d.%y", _midnight, _next_day, marks=requirement("F7T-JOB-103")),
        pytest.param("%Y-%m-%d", _midnight, _next_day, marks=requirement("F7T-JOB-104")),
        pytest.param("%Y-%m-%dT%H:%M", _hour_before, _end_of_day, marks=requirement("F7T-JOB-105")),
        pytest.param(
            "%Y-%m-%dT%H:%M:%S", _hour_before, _end_of_day, marks=requirement("F7T-JOB-106")
        ),
    ],
)
def test_end_of_the_period(
    api: Api, jobs: SharedJobs, form: str, before: _Moment, after: _Moment
) -> None:
    """A period that ends before the job excludes it, one that ends after it does not."""
    row = accounted(api, jobs.reporting(api).id)
    start = stamp(row, "start_time")
    early, late = before(start).strftime(form), after(start).strftime(form)
    if _present(api, row["jobid"], starttime=_LONG_AGO, endtime=early):
        raise Unexpected(f"no row of a job begun {start} until {early}", "its row")
    if not _present(api, row["jobid"], starttime=_LONG_AGO, endtime=late):
        raise Unexpected(f"the row of a job begun {start} until {late}", "no row")


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("%m%d", marks=requirement("F7T-JOB-107")),
        pytest.param("%m/%d", marks=requirement("F7T-JOB-108")),
        pytest.param("%m.%d", marks=requirement("F7T-JOB-109")),
    ],
)
def test_day_without_year(api: Api, jobs: SharedJobs, form: str) -> None:
    """The job's day as the end of a period excludes it, as the beginning it does not."""
    row = accounted(api, jobs.reporting(api).id)
    start = stamp(row, "start_time")
    day = start.strftime(form)
    if _present(api, row["jobid"], starttime=_LONG_AGO, endtime=day):
        raise Unexpected(f"no row of a job begun {start} until {day}", "its row")
    if not _present(api, row["jobid"], starttime=day):
        raise Unexpected(f"the row of a job begun {start} since {day}", "no row")
