"""All rows of the benchmark, by the name that `--only` takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tests.bench import rows_calls, rows_jobs
from tests.bench.clients import Bench
from tests.bench.figures import Figure

Row = Callable[[Bench], Awaitable[list[Figure]]]

ROWS: Mapping[str, Row] = {
    "ls": rows_calls.listing,
    "stat": rows_calls.stat,
    "task": rows_calls.task,
    "submit": rows_jobs.submission,
    "submissions": rows_jobs.submissions,
    "listings": rows_jobs.listings,
}
