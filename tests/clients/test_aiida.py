"""What aiida-firecrest (0.1.2, the last for this API) needs, each with the call that has it."""

from __future__ import annotations

import itertools
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients.running import Run
from tests.support.live import SERVICE_ACCOUNT

RUNS = {"aiida": Run("aiida")}
REQUESTED = 20 * 60
STAT_KEYS = {"mode", "ino", "dev", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime"}
ODD = ["it's", 'dou"ble', "back\\slash", "new\nline"]

Seen = dict[str, Any]


@dataclass(frozen=True)
class Need:
    """One row: what is needed, in which of the recorded calls it shows, and how."""

    need: str
    call: str
    holds: Callable[[Any], object]


def seconds(text: str) -> int:
    """Slurm's `[D-][H:]M:S`."""
    days, _, rest = text.rpartition("-")
    total = 0
    for part in rest.split(":"):
        total = 60 * total + int(part)
    return total + 86400 * int(days or 0)


def header(name: str) -> Callable[[Any], bool]:
    """Exactly this one, with this case: it is looked up in a plain dictionary."""
    return lambda failed: failed["headers"] == [name]


FILES = (
    Need(
        "names are what was uploaded, not quoted",
        "files",
        lambda files: set(files["uploaded"]) <= set(files["listed"]),
    ),
    Need("quotes and line breaks in names", "jobs.odd names", lambda names: set(ODD) <= set(names)),
    Need(
        "names of a recursive listing are relative",
        "files.recursive",
        lambda names: {"copy", "copy/renamed", "copy/two words"} <= set(names),
    ),
    Need(
        "a link's target",
        "files.listed.link",
        lambda link: link["type"] == "l" and link["link_target"].endswith("/run/plain"),
    ),
    Need("no target without a link", "files.listed.plain.link_target", lambda text: text == ""),
    Need(
        "nine characters of permissions",
        "files.copied.renamed.permissions",
        lambda text: text == "rwxr-xr-x",
    ),
    Need("sizes as text", "files.listed.plain.size", lambda size: size == "5"),
    Need(
        "all keys of stat, all of them integers",
        "files.stat",
        lambda found: set(found) == STAT_KEYS and all(type(one) is int for one in found.values()),
    ),
    Need(
        "the type within the mode",
        "files.stat directory.mode",
        lambda mode: stat.S_ISDIR(mode) and stat.S_IMODE(mode) == 0o755,
    ),
    Need("links are followed", "files.stat link", lambda found: stat.S_ISREG(found["mode"])),
    Need("content comes back", "files.back", lambda text: text == "two words"),
    Need("checksum is SHA-256", "files", lambda files: files["checksum"] == files["sha256"]),
    Need("whoami is plain text", "files.whoami", lambda name: name == SERVICE_ACCOUNT),
    Need("rm answers nothing", "files.rm", lambda answer: answer is None),
    Need("mkdir may be repeated", "files.mkdir -p existing", lambda path: path.endswith("/run")),
)
FAILURES = (
    Need(
        "`File exists` in the text of the exception",
        "files.mkdir existing.text",
        lambda text: "File exists" in text,
    ),
    Need("an absent path by header: stat", "files.stat absent", header("X-Not-Found")),
    Need("an absent path by header: ls", "files.ls absent", header("X-Invalid-Path")),
    Need("an absent path by header: rm", "files.rm absent", header("X-Invalid-Path")),
    Need("a refusal by header", "files.ls denied", header("X-Permission-Denied")),
    Need("a bad mode by header", "files.chmod bad", header("X-Invalid-Mode")),
    Need("a directory by header", "files.download directory", header("X-A-Directory")),
    Need("an existing path by header", "files.mkdir existing", header("X-Exists")),
    Need(
        "`Invalid job id` in the text of the exception",
        "jobs.gone.text",
        lambda text: "Invalid job id" in text,
    ),
    Need("an absent script raises at once", "jobs.no script", header("X-Invalid-Path")),
)
JOBS = (
    Need(
        "job ids are numbers",
        "jobs.submitted",
        lambda jobs: all(str(job["jobid"]).isdecimal() for job in jobs),
    ),
    Need(
        "swapped columns: time used and time left make the requested time",
        "jobs.job",
        lambda job: seconds(job["start_time"]) + seconds(job["time_left"]) == REQUESTED,
    ),
    Need(
        "swapped columns: the time stamp is in `time`",
        "jobs.job.time",
        lambda text: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text),
    ),
    Need("states in their long form", "jobs.job.state", lambda state: state == "RUNNING"),
    Need(
        "partition, nodes, name and owner as text",
        "jobs.job",
        lambda job: (
            (job["partition"], job["nodes"], job["name"], job["user"])
            == ("part01", "1", "aiida-1", SERVICE_ACCOUNT)
        ),
    ),
    Need(
        "`job_file_err` and `job_file_out` of a job submitted by path",
        "jobs.job",
        lambda job: (
            job["job_file_err"].endswith("/job0/_scheduler-stderr.txt")
            and job["job_file_out"].endswith("/job0/_scheduler-stdout.txt")
        ),
    ),
    Need(
        "what the job said so far",
        "jobs.job",
        lambda job: (job["job_data_out"], job["job_data_err"]) == ("out\n", "error\n"),
    ),
    Need(
        "the page after a full last page is empty, not an error",
        "jobs.pages",
        lambda pages: [len(page) for page in pages] == [2, 2, 0],
    ),
    Need(
        "no job is missing from the pages, none is there twice",
        "jobs",
        lambda jobs: (
            sorted(itertools.chain.from_iterable(jobs["pages"]), key=int)
            == [str(job["jobid"]) for job in jobs["submitted"]]
        ),
    ),
    Need(
        "cancelling says so",
        "jobs.cancelled",
        lambda texts: all(text.startswith("scancel: Terminating job ") for text in texts),
    ),
)
TRANSFERS = (
    Need("an upload ends in 114", "transfers.state", lambda state: state == "114"),
    Need("a large file comes back", "transfers.same", lambda same: same is True),
    Need("the command is curl's", "transfers.command", lambda text: text.startswith("curl ")),
    Need(
        "all tasks by their ids",
        "transfers.tasks",
        lambda tasks: sorted(tasks.values()) == ["114", "117"],
    ),
    Need(
        "`UTILITIES_MAX_FILE_SIZE` is a number in MB",
        "parameters.utilities",
        lambda group: (
            [float(one["value"]) for one in group if one["name"] == "UTILITIES_MAX_FILE_SIZE"]
            == [5.0]
        ),
    ),
)


def recorded(seen: Any, call: str) -> Any:
    """The value that a dotted path leads to."""
    for key in call.split("."):
        seen = seen[key]
    return seen


@pytest.mark.parametrize("need", [*FILES, *FAILURES, *JOBS, *TRANSFERS], ids=lambda need: need.need)
def test_needs(told: Callable[[str], Any], need: Need) -> None:
    value = recorded(told("aiida"), need.call)
    assert need.holds(value), value
