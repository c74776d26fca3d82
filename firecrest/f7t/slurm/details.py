"""Reading `scontrol -o show job`: records, and a job's files (cluster-facts: values hold blanks).

A record is a line of ` Key=value` pairs in a fixed order, but a job's name may hold blanks, other
pairs, even line ends. What stands before the name is therefore taken from the left, what stands
after it from the right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from f7t.slurm.models import JobFiles

_RECORD = re.compile(r"^JobId=(?=\d+ )", re.MULTILINE)
_HEAD = re.compile(r"(?P<key>[A-Za-z]+)=(?P<value>\S*) ")
_TAIL_KEYS = ("Command", "WorkDir", "StdErr", "StdIn", "StdOut")
_AFTER = re.compile(
    r" (?:Power|AdminComment|SystemComment|Comment|Switches|BurstBuffer|TresPer\w+|MemPerTres|"
    r"CpusPerTres|NtasksPerTRES|MailUser|MailType|BatchScript|SelectTypeExtra|Container|\w+ID)[=:]"
)


@dataclass(frozen=True)
class JobDetails:
    """What is needed of one record; texts as the scheduler shows them.

    Attributes:
        job_id: the raw number.
        master: array or heterogeneous job that it belongs to, else empty.
        element: array task id or offset within it, e.g. `3`, `1-9%2`, else empty.
        heterogeneous: which of the two.
        work_dir: working directory.
        files: see `JobFiles`.
    """

    job_id: int
    master: str
    element: str
    heterogeneous: bool
    work_dir: str
    files: JobFiles

    @property
    def pending_elements(self) -> bool:
        """Whether it stands for several array tasks that have not begun."""
        return bool(self.master) and not self.heterogeneous and not self.element.isdigit()


def read_details(text: str) -> list[JobDetails]:
    """All records in the output of `scontrol -o show job`; anything else in it is ignored."""
    starts = [found.start() for found in _RECORD.finditer(text)]
    ends = [*starts[1:], len(text)]
    return [_read(text[start:end].rstrip("\n")) for start, end in zip(starts, ends, strict=False)]


def matching(records: Sequence[JobDetails], job_id: str) -> JobDetails | None:
    """The record of a job that `squeue` calls `job_id`, or that it is part of."""
    if not records:
        return None
    if "+" in job_id:
        master, offset = job_id.split("+", 1)
        wanted = (True, master, offset)
    elif "_" in job_id:
        master, element = job_id.split("_", 1)
        wanted = (False, master, element.strip("[]"))
    else:
        return next((one for one in records if str(one.job_id) == job_id), None)
    for one in records:
        if (one.heterogeneous, one.master, one.element) == wanted:
            return one
    if wanted[0]:
        return None
    return next((one for one in records if one.pending_elements), None)


def _read(record: str) -> JobDetails:
    head: dict[str, str] = {}
    position = 0
    while found := _HEAD.match(record, position):
        if found["key"] == "JobName":
            break
        head[found["key"]] = found["value"]
        position = found.end()
    tail = _tail(record)
    offset = head.get("HetJobOffset", head.get("PackJobOffset"))
    element = head.get("ArrayTaskId", "")
    return JobDetails(
        job_id=int(head["JobId"]),
        master=head.get("HetJobId", head.get("PackJobId", head.get("ArrayJobId", ""))),
        element=element if offset is None else offset,
        heterogeneous=offset is not None,
        work_dir=tail.get("WorkDir", ""),
        files=_files(tail),
    )


def _tail(record: str) -> dict[str, str]:
    """Values of `_TAIL_KEYS`, each up to the next of them or to a key that may come in between."""
    found = {key: record.rfind(f" {key}=") for key in _TAIL_KEYS}
    places = sorted(place for place in found.values() if place >= 0)
    values = {}
    for key, place in found.items():
        if place < 0:
            continue
        end = next((other for other in places if other > place), len(record))
        value = record[place + len(key) + 2 : end]
        after = _AFTER.search(value)
        values[key] = (value[: after.start()] if after else value).rstrip(" ")
    return values


def _files(tail: Mapping[str, str]) -> JobFiles:
    def path(key: str, otherwise: str) -> str:
        value = tail.get(key, "")
        return otherwise if value in ("", "(null)") else value

    return JobFiles(
        job_file=path("Command", "command-not-found"),
        job_file_out=path("StdOut", "stdout-file-not-found"),
        job_file_err=path("StdErr", "stderr-file-not-found"),
    )
