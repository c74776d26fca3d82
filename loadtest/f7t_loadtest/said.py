"""What the process that makes the load tells the one that shows it, a JSON document a line."""

from __future__ import annotations

from f7t_loadtest.model import Record, Run


class Snapshot(Record):
    """How it went in the last second.

    Attributes:
        at: seconds since the run's start, or since preparation or removal began.
        load: what is offered; empty while no load is made.
        made: jobs, directories and links that have to be removed.
    """

    at: float
    phase: str
    load: str
    made: int
    users: int
    rate: int
    p95: float | None
    failures: int
    tasks: int


class Said(Record):
    """One of these, or a name with a note.

    Attributes:
        begun: the name that begins the names of everything that is made.
        note: what goes on.
        second: once a second while load is made.
        leftovers: what could not be removed.
        broken: why nothing could be measured; the last thing that is said.
        result: the last thing that is said otherwise.
    """

    begun: str | None = None
    note: str | None = None
    second: Snapshot | None = None
    leftovers: list[str] | None = None
    broken: str | None = None
    result: Run | None = None
