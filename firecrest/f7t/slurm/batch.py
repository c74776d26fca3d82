"""Batch scripts that the gateway writes itself; pure text, nothing in it can be more than data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from f7t.ssh.quoting import shell_command

_TIME_LIMIT = re.compile(r"\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}", re.ASCII)
_UNQUOTABLE = re.compile(r"['\\\x00-\x1f]")

# What the command says on stderr counts as a failure to clients that read the job's error file, so
# the warnings of one that succeeded go with the output. The text is complete before it is shown.
_BODY = """
echo {begin}
exec 3>&1
f7t_said=$(srun --ntasks=1 {command} 2>&1 >&3)
f7t_status=$?
if [ "$f7t_status" -ne 0 ]; then
  exec 3>&2
fi
if [ -n "$f7t_said" ]; then
  printf '%s\\n' "$f7t_said" >&3
fi
echo {end}
exit "$f7t_status"
"""


@dataclass(frozen=True)
class BatchJob:
    """A job of one task; empty texts leave their line out.

    Attributes:
        name: as the queue shows it.
        time: limit in one of sbatch's forms, see `is_time_limit`.
        partition, constraint, account: as sbatch's options.
        after: job that must have succeeded before.
    """

    name: str
    time: str
    partition: str = ""
    constraint: str = ""
    after: str = ""
    account: str = ""


def is_time_limit(text: str) -> bool:
    """Whether it is `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M` or `D-H:M:S` (storage.md §6)."""
    return _TIME_LIMIT.fullmatch(text) is not None


def batch_script(job: BatchJob, argv: Sequence[str], *, title: str) -> bytes:
    """The script of a job that runs one command and ends with its exit status.

    Its files are `job-<id>.out` and `job-<id>.err` in the directory where it is submitted. The
    latter stays empty if the command succeeds.

    Args:
        job: its directives.
        argv: the command, each word taken literally.
        title: what it is called in the output.

    Raises:
        ValueError: a text that no directive can hold (quotes, backslashes, control characters), or
            a word that no command line can.
    """
    dependency = f"afterok:{job.after}" if job.after else ""
    directives = [
        ("job-name", job.name),
        ("time", job.time),
        ("error", "job-%j.err"),
        ("output", "job-%j.out"),
        ("ntasks", "1"),
        ("partition", job.partition),
        ("constraint", job.constraint),
        ("dependency", dependency),
        ("account", job.account),
    ]
    lines = [f"#SBATCH --{name}={_value(text)}" for name, text in directives if text]
    body = _BODY.format(
        begin=shell_command([f"Started {title}"]),
        command=shell_command(argv),
        end=shell_command([f"Finished {title}"]),
    )
    return "\n".join(["#! /bin/bash -l", *lines, body]).encode("utf-8", "surrogateescape")


def _value(text: str) -> str:
    """`text` as sbatch reads it back: single quotes end at the next one, a backslash escapes."""
    if _UNQUOTABLE.search(text):
        raise ValueError(f"{text!r} cannot stand in a directive")
    return f"'{text}'"
