"""POST policies: what the signer of a form allows its bearer to send.

Source: the public description "POST policy"; order and refusals as MinIO's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from f7t_staging.body import MAX_UPLOAD
from f7t_staging.errors import S3Error

_EXACT_ONLY = {"bucket", "x-amz-algorithm", "x-amz-credential", "x-amz-date"}
_NOT_COVERED = {"x-amz-signature", "policy", "file"}
_IGNORED_PREFIX = "x-ignore-"


@dataclass(frozen=True, slots=True)
class Condition:
    """`field` (lower case) must equal `value`, or start with it."""

    operator: str
    field: str
    value: str

    def holds(self, fields: Mapping[str, str]) -> bool:
        given, value = fields.get(self.field, ""), self.value
        if self.field == "key":
            # A key never begins with a slash; a policy may still say so.
            value = value.lstrip("/")
        if self.operator == "eq":
            return given == value
        return self.field not in _EXACT_ONLY and given.startswith(value)


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy; the size limits of the file are in bytes, both inclusive."""

    expiration: datetime
    conditions: tuple[Condition, ...]
    smallest: int
    largest: int


def parse_policy(text: bytes) -> Policy:
    """The policy in a decoded JSON document; raises S3Error PostPolicyInvalidKeyName."""
    try:
        members = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise _invalid("it is not JSON, or repeats a member") from error
    if not isinstance(members, dict) or set(members) - {"expiration", "conditions"}:
        raise _invalid("only expiration and conditions are known")
    conditions: list[Condition] = []
    smallest, largest = 0, MAX_UPLOAD
    for entry in _list(members.get("conditions", [])):
        if isinstance(entry, dict):
            conditions += [_condition("eq", f"${name}", value) for name, value in entry.items()]
            continue
        operator, *operands = _three(entry)
        if operator.lower() == "content-length-range":
            smallest = max(smallest, _size(operands[0]))
            largest = min(largest, _size(operands[1]))
        else:
            conditions.append(_condition(operator.lower(), *operands))
    return Policy(_expiration(members.get("expiration")), tuple(conditions), smallest, largest)


def check_policy(policy: Policy, fields: Mapping[str, str], now: datetime) -> None:
    """Raises S3Error AccessDenied unless the form is allowed.

    `fields` has names in lower case and contains `bucket`, which the address gives: so the policy
    must name the bucket. Every field, but for the signature's own, must be in the policy.
    """
    if now >= policy.expiration:
        raise _denied("Invalid according to Policy: Policy expired")
    covered = {condition.field for condition in policy.conditions}
    for condition in policy.conditions:
        if not condition.holds(fields):
            raise _denied("Invalid according to Policy: Policy Condition failed")
    surplus = [
        "-".join(word.capitalize() for word in name.split("-"))
        for name in sorted(fields)
        if name not in covered | _NOT_COVERED and not name.startswith(_IGNORED_PREFIX)
    ]
    if surplus:
        raise _denied(
            "Each form field that you specify in a form must appear in the list of policy "
            f'conditions. "{", ".join(surplus)}" not specified in the policy.'
        )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated member")
    return members


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise _invalid("conditions must be a list")
    return value


def _three(entry: object) -> tuple[str, object, object]:
    if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[0], str):
        raise _invalid("a condition has an operator and two operands")
    return entry[0], entry[1], entry[2]


def _condition(operator: str, name: object, value: object) -> Condition:
    if not isinstance(name, str) or not name.startswith("$") or not isinstance(value, str):
        raise _invalid("a condition compares a $field with a string")
    field = name[1:].lower()
    if operator not in ("eq", "starts-with"):
        raise _invalid(f"unknown operator {operator}")
    return Condition(operator, field, value)


def _size(value: object) -> int:
    if isinstance(value, bool) or not re.fullmatch("[0-9]{1,18}", str(value)):
        raise _invalid("content-length-range takes two sizes in bytes")
    return int(str(value))


def _expiration(value: object) -> datetime:
    if not isinstance(value, str) or "T" not in value:
        raise _invalid("expiration must have a date and a time")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise _invalid("expiration must be an ISO 8601 time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _invalid(reason: str) -> S3Error:
    return S3Error(
        "PostPolicyInvalidKeyName",
        f"Invalid according to Policy: Policy Condition failed '({reason})'",
    )


def _denied(reason: str) -> S3Error:
    return S3Error("AccessDenied", f"Access Denied. ({reason})")
