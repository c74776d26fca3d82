"""What the scheduler says, as typed records; texts are the scheduler's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

NOT_AVAILABLE = "Not available"
JOB_INFO_RETURNED = "Job info returned successfully"


class CommandResult(Protocol):
    """A finished remote command; `f7t.ssh.channel.Completed` is one."""

    @property
    def exit_status(self) -> int:
        """Exit status, negative after a signal."""

    @property
    def stdout(self) -> bytes:
        """Raw standard output."""

    @property
    def stderr(self) -> bytes:
        """Raw standard error."""


@dataclass(frozen=True)
class QueuedJob:
    """One record of `squeue`.

    The contract's keys (compute.md C3) are historically swapped; these are named for what they
    are: `time_used` is the contract's `start_time`, `start_time` its `time`.

    Attributes:
        job_id: as the user names it: `7`, `5_3`, `5_[4-9%2]`, `10+1`.
        partition, name, user: as submitted.
        state: long form, e.g. `RUNNING`.
        nodes: number of nodes.
        nodelist: nodes, or the pending reason in parentheses.
        time_used: e.g. `4:14` or `1-02:03:04`.
        start_time: actual or expected, `YYYY-MM-DDTHH:MM:SS` or `N/A`.
        time_left: e.g. `25:46`, `UNLIMITED`, `NOT_SET`, `INVALID`.
    """

    job_id: str
    partition: str
    name: str
    user: str
    state: str
    nodes: str
    nodelist: str
    time_used: str
    start_time: str
    time_left: str


@dataclass(frozen=True)
class AccountedJob:
    """One allocation of `sacct`; see compute.md C6 for the contract's historic names.

    A job that ended less than five seconds ago may be shown with name `allocation` and without a
    partition; a job younger than five seconds may be absent.

    Attributes:
        job_id, partition, name, user, nodes, nodelist: as in `QueuedJob`.
        state: e.g. `COMPLETED`, `CANCELLED by 1001`.
        start_time: `YYYY-MM-DDTHH:MM:SS`, or `Unknown` or `None` if it never began (the contract's
            `start_time`).
        end_time: likewise (the contract's `time_left` and `termination_time`).
        elapsed_time: wall-clock time, `[D-]HH:MM:SS`.
        cpu_time: elapsed time by CPUs (the contract's `time` and `cpu_time`).
        exit_code: `status:signal`.
    """

    job_id: str
    partition: str
    name: str
    user: str
    state: str
    nodes: str
    nodelist: str
    start_time: str
    end_time: str
    elapsed_time: str
    cpu_time: str
    exit_code: str


@dataclass(frozen=True)
class JobFiles:
    """Absolute paths of a job's files, or the contract's words for why there is none (C1)."""

    job_file: str
    job_file_out: str
    job_file_err: str


FILES_NOT_AVAILABLE = JobFiles(NOT_AVAILABLE, NOT_AVAILABLE, NOT_AVAILABLE)


@dataclass(frozen=True)
class SubmittedJob:
    """An accepted job.

    Attributes:
        job_id: the scheduler's number.
        files: `FILES_NOT_AVAILABLE` if the scheduler could not describe the job.
        job_info_extra: `JOB_INFO_RETURNED`, or the scheduler's words why it could not.
    """

    job_id: int
    files: JobFiles
    job_info_extra: str


@dataclass(frozen=True)
class Node:
    """One node of `scontrol show node`; None where the scheduler does not tell.

    Attributes:
        name: as the scheduler calls it.
        active_features: may be empty.
        partitions: those it belongs to.
        state: base state and flags, e.g. `("MIXED", "DRAIN")`, without the suffix that tells a
            node which does not respond or whose power is being switched.
    """

    name: str
    active_features: tuple[str, ...] | None
    partitions: tuple[str, ...] | None
    state: tuple[str, ...] | None


@dataclass(frozen=True)
class Partition:
    """One partition of `scontrol show partition`; texts as shown, `default` is `YES` or `NO`."""

    name: str
    state: str
    total_cpus: str
    total_nodes: str
    default: str


@dataclass(frozen=True)
class Reservation:
    """One reservation of `scontrol show reservation`.

    Attributes:
        name, state: as shown; a reservation is `ACTIVE` or `INACTIVE`.
        nodes: a node list, `(null)` if it has none.
        start_time, end_time: `YYYY-MM-DDTHH:MM:SS`.
        features: those that its nodes must have, may be empty.
    """

    name: str
    state: str
    nodes: str
    start_time: str
    end_time: str
    features: tuple[str, ...]
