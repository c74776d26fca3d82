"""`operations.csv` and `timeline.csv`: the same figures for a spreadsheet. Seconds and bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from f7t_loadtest.model import Run, Second

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

OPERATIONS = (
    "stage", "users", "offered", "seconds", "operation", "requests", "failures", "rate",
    "mean", "p50", "p90", "p95", "p99", "maximum", "bytes_sent", "bytes_received",
)  # fmt: skip


def operations_csv(run: Run) -> str:
    """One line for each operation of each stage."""
    return _written(
        OPERATIONS,
        (
            (
                stage.name, stage.users, stage.offered, stage.seconds,
                one.name, one.requests, one.failures, one.rate,
                *(getattr(one.latency, name, None) for name in OPERATIONS[8:14]),
                one.bytes_sent, one.bytes_received,
            )
            for stage in run.stages
            for one in stage.operations
        ),
    )  # fmt: skip


def timeline_csv(run: Run) -> str:
    """One line for each second of the run; `stage` is empty while it warms up."""
    names = tuple(Second.model_fields)
    return _written(names, ([getattr(one, name) for name in names] for one in run.timeline))


def _written(head: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """A spreadsheet must take no text for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
