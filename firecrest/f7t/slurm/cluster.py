"""Reading `scontrol -o show nodes`, `partitions` and `reservations`; pure functions.

A record is a line of ` Key=value` pairs in a fixed order. Values may hold blanks (`OS=`,
`Reason=`), and an administrator's reason even other pairs or line ends; it stands at the end, so
that the first pair of a key is the scheduler's own.
"""

from __future__ import annotations

import re

from f7t.errors import CommandFailed
from f7t.slurm.models import CommandResult, Node, Partition, Reservation
from f7t.slurm.parse import text_of

_NULL = "(null)"
_STATE_SUFFIXES = "*~#!%$@^-+"
"""Not responding, powered down, powering up, and so on (sinfo(1)); a `+` would be an empty flag."""


def parse_nodes(result: CommandResult) -> list[Node]:
    """Records of `commands.nodes`.

    Raises:
        CommandFailed: e.g. `Node nid99 not found`.
    """
    return [
        Node(
            name=_needed(record, "NodeName"),
            active_features=_listed(record, "ActiveFeatures"),
            partitions=_listed(record, "Partitions"),
            state=_state(record),
        )
        for record in _records(result, "NodeName")
    ]


def parse_partitions(result: CommandResult) -> list[Partition]:
    """Records of `commands.partitions`.

    Raises:
        CommandFailed: the scheduler's words, or which attribute is missing.
    """
    return [
        Partition(
            name=_needed(record, "PartitionName"),
            state=_needed(record, "State"),
            total_cpus=_needed(record, "TotalCPUs"),
            total_nodes=_needed(record, "TotalNodes"),
            default=_needed(record, "Default"),
        )
        for record in _records(result, "PartitionName")
    ]


def parse_reservations(result: CommandResult) -> list[Reservation]:
    """Records of `commands.reservations`; none is an empty list.

    Raises:
        CommandFailed: the scheduler's words, or which attribute is missing.
    """
    return [
        Reservation(
            name=_needed(record, "ReservationName"),
            state=_needed(record, "State"),
            nodes=_needed(record, "Nodes"),
            start_time=_needed(record, "StartTime"),
            end_time=_needed(record, "EndTime"),
            features=_elements(_needed(record, "Features")),
        )
        for record in _records(result, "ReservationName")
    ]


def _records(result: CommandResult, first_key: str) -> list[str]:
    """What begins with the key; a line that does not begin so continues the one before."""
    if result.exit_status != 0:
        raise _refusal(result, first_key)
    parts = re.split(rf"^(?={first_key}=)", text_of(result.stdout), flags=re.MULTILINE)
    return [part.rstrip("\n") for part in parts if part.startswith(f"{first_key}=")]


def _refusal(result: CommandResult, first_key: str) -> CommandFailed:
    """scontrol says on standard output what it did not find, after the records of what it found."""
    lines = text_of(result.stdout).splitlines()
    shown = "\n".join(line for line in lines if line and not line.startswith(f"{first_key}="))
    message = text_of(result.stderr).strip() or shown or f"Exit status {result.exit_status}"
    return CommandFailed(message, exit_status=result.exit_status)


def _value(record: str, key: str) -> str | None:
    found = re.search(rf"(?:^|\s){key}=(\S*)", record)
    return found[1] if found else None


def _needed(record: str, key: str) -> str:
    value = _value(record, key)
    if value is None:
        raise CommandFailed(f"Could not parse attribute '{key}' in '{record}'")
    return value


def _listed(record: str, key: str) -> tuple[str, ...] | None:
    value = _value(record, key)
    return None if value is None else _elements(value)


def _elements(value: str) -> tuple[str, ...]:
    return () if value == _NULL else tuple(filter(None, value.split(",")))


def _state(record: str) -> tuple[str, ...] | None:
    value = _value(record, "State")
    if value is None:
        return None
    return tuple(flag for flag in (one.rstrip(_STATE_SUFFIXES) for one in value.split("+")) if flag)
