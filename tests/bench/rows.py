"""All rows of the benchmark, by the name that `--only` takes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tests.bench import (
    rows_calls,
    rows_client,
    rows_files,
    rows_jobs,
    rows_process,
    rows_stored,
)
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
    "pyfirecrest": rows_client.official_client,
    "cold": rows_files.cold,
    "blocking": rows_files.blocking,
    "external": rows_files.external,
    "tasks": rows_stored.stored_tasks,
    "users": rows_process.crowd,
    "start": rows_process.start_and_memory,
}
