"""The scenarios by name; their modules load Locust and are only loaded where load is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One scenario.

    Attributes:
        module: below `f7t_loadtest.scenarios`.
        summary: for lists.
        knobs: options of `f7t load run` that it heeds besides the general ones.
    """

    module: str
    summary: str
    knobs: tuple[str, ...] = ()


SCENARIOS: dict[str, Entry] = {
    "tasks": Entry(
        "tasks", "submit a held job and poll its task until it is settled", ("--max-jobs", "--poll")
    ),
    "poll-storm": Entry(
        "poll_storm", "many clients that look at settled tasks", ("--callers 1: as one user",)
    ),
    "files": Entry(
        "files", "list, stat, small uploads and downloads", ("--entries", "--max-bytes")
    ),
    "jobs": Entry(
        "jobs", "list active and accounted jobs with --queued jobs waiting", ("--queued", "--poll")
    ),
    "transfers": Entry(
        "transfers", "upload and download through the staging area", ("--size", "--max-bytes")
    ),
    "mixed": Entry(
        "mixed", "a working day: a bit of everything, with think time", ("--pause", "--size")
    ),
    "cold": Entry("cold", "the first call of a new user, over a new connection each time"),
}
