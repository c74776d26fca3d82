"""Argument lists of scheduler commands; pure functions, one remote command per operation.

The options are those that Slurm 19.05 to 24.11 have in common. Times are asked for in the
scheduler's `standard` form; run the commands with `ENVIRONMENT` so that a user's own setting does
not change it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from f7t.slurm import scripts

ENVIRONMENT: Mapping[str, str] = {"SLURM_TIME_FORMAT": "standard"}
"""Variables for every command of this module; submissions do not hand it on to the job."""

FIELD = "\x1f"
RECORD = "\x1e"
QUEUE_FORMAT = RECORD + FIELD.join(("%i", "%P", "%u", "%T", "%D", "%M", "%S", "%L", "%R", "%j"))
"""Fields of `QueuedJob`; the name is last, since it may hold anything."""

ACCOUNTING_FIELDS = (
    "jobid",
    "partition",
    "user",
    "state",
    "nnodes",
    "nodelist",
    "start",
    "end",
    "elapsed",
    "cputime",
    "exitcode",
    "jobname",
)

_EARLIEST = datetime(1970, 1, 2)
_JOB_ID = re.compile(r"(?P<id>\d+)(?:\+\d+|_\d+|_\[(?P<first>\d+)-(?P<last>\d+)\])?", re.ASCII)
_MOST_ELEMENTS = 1000
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_job_id(text: str) -> bool:
    """Whether it is `<n>`, `<n>+<m>`, `<n>_<m>` or `<n>_[<a>-<b>]` (compute.md C3)."""
    return _JOB_ID.fullmatch(text) is not None


def queue(ids: Sequence[str] = (), *, user: str | None = None, ended: bool = False) -> list[str]:
    """`squeue` of active jobs, for `parse.parse_queue`, in the order of their ids.

    squeue's own order begins with the state: a job that starts between two pages would be on
    neither of them.

    Args:
        ids: only these jobs. With one id the controller fails if it no longer knows the job, with
            several it leaves unknown ones out.
        user: only jobs of this user.
        ended: also jobs that ended so recently that the controller remembers them.
    """
    argv = ["squeue", "-h", "--sort=i", "-o", QUEUE_FORMAT]
    if ended:
        argv.append("--states=all")
    if user is not None:
        argv.append(f"--user={user}")
    if ids:
        argv.append(f"--jobs={_enumerated(ids)}")
    return argv


def accounting(
    user: str,
    *,
    ids: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[str]:
    """`sacct` of the user's job allocations, for `parse.parse_accounting`.

    With ids the records may be other users' as well, and the caller must sort them out: a job that
    has just ended belongs to uid 0 for some seconds, and sacct's own choice by user would hide it.

    Args:
        user: whose jobs.
        ids: comma-separated job ids, or None for all.
        start, end: local time of the machine. Without any the scheduler's own window holds: today,
            or all time if there are ids. An end alone reaches back without limit.
    """
    argv = ["sacct", "-n", "-X", "-P", f"--delimiter={FIELD}"]
    if ids is None:
        argv.append(f"--user={user}")
    if start is not None or end is not None:
        argv.append(f"--starttime={(start or _EARLIEST).isoformat(timespec='seconds')}")
    if end is not None:
        argv.append(f"--endtime={end.isoformat(timespec='seconds')}")
    if ids is not None:
        argv.append(f"--jobs={_enumerated(ids.split(','))}")
    return [*argv, f"--format={','.join(ACCOUNTING_FIELDS)}"]


def cancel(ids: str) -> list[str]:
    """`scancel` of comma-separated jobs, for `parse.parse_cancel`; verbose, or it says nothing.

    Anything that looks like an option is given as the job id that it is not.
    """
    return ["scancel", "-v", "--", *filter(None, (one.strip() for one in ids.split(",")))]


def nodes(names: Sequence[str] = ()) -> list[str]:
    """`scontrol` of these nodes, all of them without names, for `cluster.parse_nodes`.

    One unknown name makes it fail. Nothing that looks like an option is taken for one.
    """
    wanted = [",".join(names)] if names else []
    return ["scontrol", "-o", "--", "show", "nodes", *wanted]


def partitions() -> list[str]:
    """`scontrol` of all partitions, for `cluster.parse_partitions`."""
    return ["scontrol", "-o", "show", "partitions"]


def reservations() -> list[str]:
    """`scontrol` of all reservations, for `cluster.parse_reservations`."""
    return ["scontrol", "-o", "show", "reservations"]


def submit_script(
    directory: str,
    name: str,
    *,
    size: int,
    account: str | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> list[str]:
    """Store a script and submit it, for `parse.parse_submission`; the script goes to stdin.

    Makes `directory` (parents as needed), stores stdin there as `name`, submits it with that
    directory as working directory and describes the job. If the directory exists, nothing is done:
    somebody has begun before, so that a submission happens at most once.

    Args:
        directory: absolute; its last component is unique to this submission.
        name: a plain file name.
        size: bytes of the script; if fewer arrive, because the connection broke, nothing is
            submitted.
        account: charged account.
        environment: variables exported to the job in addition to the normal environment.
        options: further options of sbatch.

    Raises:
        ValueError: `name` is no plain file name, or `environment` has a bad variable name.
    """
    place = _place(directory, name)
    command = _sbatch(account, environment or {}, options)
    return ["sh", "-c", scripts.SUBMIT_SCRIPT, "f7t", *place, str(size), *command]


def submit_text(
    directory: str,
    name: str,
    text: str,
    *,
    account: str | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> list[str]:
    """Like `submit_script`, for `scripts.SUBMIT_FUNCTION` and `parse.parse_begun`.

    The directory may exist; if the script does, somebody has begun before. The job is not
    described. `text` is the script, without NUL.
    """
    command = _sbatch(account, environment or {}, options)
    return ["f7t_submit", *_place(directory, name), text, *command]


def submit_path(
    path: str,
    *,
    account: str | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> list[str]:
    """Submit a script that is on the machine, for `parse.parse_submission` (C2).

    The job works in the script's directory. A relative `path` begins in the user's home directory.

    Raises:
        ValueError: `environment` has a bad variable name.
    """
    command = _sbatch(account, environment or {}, options)
    return ["sh", "-c", scripts.SUBMIT_PATH, "f7t", path, *command]


def job_details(job_id: int) -> list[str]:
    """`scontrol` of one job, for `parse.parse_description`."""
    return ["scontrol", "-o", "show", "job", str(job_id)]


def find_submission(directory: str) -> list[str]:
    """Look for the job of an earlier `submit_script`, for `parse.parse_found_submission`."""
    return ["sh", "-c", scripts.FIND_SUBMISSION, "f7t", posixpath.normpath(directory)]


def job_files(ids: Sequence[str]) -> list[str]:
    """Ask for the files of jobs with ids as `squeue` shows them, for `parse.parse_job_files`."""
    questions = (" ".join([asked, *wanted]) for asked, wanted in asked_of(ids).items())
    return ["sh", "-c", scripts.JOB_FILES, "f7t", *questions]


def asked_of(ids: Sequence[str]) -> dict[str, list[str]]:
    """What `scontrol show job` is to be asked so that it shows all these jobs, and for which.

    Elements of one array (or heterogeneous job) are shown together.
    """
    groups: dict[str, list[str]] = {}
    for one in ids:
        groups.setdefault(base_id(one), []).append(one)
    return {
        wanted[0] if len(wanted) == 1 and "[" not in wanted[0] else base: wanted
        for base, wanted in groups.items()
    }


def many_job_files(ids: Sequence[str]) -> list[str]:
    """Like `job_files`, in one question for whatever number, for `parse.parse_many_job_files`."""
    bases = dict.fromkeys(base_id(one) for one in ids)
    return ["sh", "-c", scripts.MANY_JOB_FILES, "f7t", *bases]


def base_id(job_id: str) -> str:
    """The number of the job, or of the array or heterogeneous job that it belongs to."""
    return re.split(r"[_+]", job_id, maxsplit=1)[0]


def _place(directory: str, name: str) -> tuple[str, str]:
    if not name or "/" in name or name in (".", ".."):
        raise ValueError(f"{name!r} is no file name")
    return posixpath.normpath(directory), name


def _sbatch(
    account: str | None, environment: Mapping[str, str], options: Sequence[str]
) -> list[str]:
    """`sbatch` without the script's name.

    Variables are set in its own environment, since `--export=NAME=value` splits values at commas;
    they are exported even if the script asks for less.
    """
    argv = ["sbatch", "--parsable", *options]
    if account:
        argv.append(f"--account={account}")
    if environment:
        for name in environment:
            if not _VARIABLE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of an environment variable")
        variables = (f"{name}={value}" for name, value in environment.items())
        argv = ["env", *variables, *argv, "--export=ALL"]
    return argv


def _enumerated(ids: Sequence[str]) -> str:
    """Comma list with each `<n>_[<a>-<b>]`, which squeue and sacct do not know, spelt out."""
    spelt: list[str] = []
    for one in ids:
        found = _JOB_ID.fullmatch(one)
        if found is None or found["first"] is None:
            spelt.append(one)
            continue
        first, last = int(found["first"]), int(found["last"])
        if last < first:
            spelt.append(one)  # the scheduler's answer to nonsense
            continue
        last = min(last, first + _MOST_ELEMENTS - 1)
        spelt.extend(f"{found['id']}_{element}" for element in range(first, last + 1))
    return ",".join(spelt)
