"""From what happened in a check to what the report says."""

from __future__ import annotations

import traceback
from datetime import date
from pathlib import Path

from f7t_conformance.api import OutOfBudget, Unexpected
from f7t_conformance.capabilities import LOCAL_NEEDS, is_before
from f7t_conformance.identity import NoToken
from f7t_conformance.model import (
    Capabilities,
    Exchange,
    Finding,
    Level,
    Profile,
    Requirement,
    Status,
)
from f7t_conformance.redaction import redacted
from f7t_conformance.waivers import Waiver


def skipped(one: Requirement, capabilities: Capabilities) -> Finding | None:
    """Why a requirement does not concern this server or run; None if it does."""
    if is_before(capabilities.version, one.source.since):
        reason = f"promised since {one.source.since}, the server is {capabilities.version}"
        return Finding(id=one.id, status=Status.SKIP, reason=reason)
    for need in one.needs:
        if need in capabilities.absent:
            return Finding(
                id=one.id,
                status=Status.SKIP,
                reason=capabilities.absent[need],
                local=need in LOCAL_NEEDS,
            )
    return None


def judged(
    one: Requirement,
    error: BaseException | None,
    *,
    profile: Profile,
    waiver: Waiver | None,
    seconds: float,
    exchanges: tuple[Exchange, ...],
) -> Finding:
    """The finding of a check that ended with `error`, or well."""
    if error is None:
        return Finding(id=one.id, status=Status.PASS, seconds=seconds)
    if isinstance(error, OutOfBudget):
        return Finding(
            id=one.id, status=Status.SKIP, reason=str(error), local=True, seconds=seconds
        )
    status, expected, got, reason = _failure(one, error, profile)
    link = ""
    if status is not Status.ERROR and waiver is not None:
        if waiver.holds(date.today()):
            status, reason, link = Status.WAIVED, waiver.reason, waiver.link
        else:
            reason = f"the waiver expired on {waiver.expires}"
    return Finding(
        id=one.id,
        status=status,
        expected=redacted(expected),
        got=redacted(got),
        reason=redacted(reason),
        link=link,
        seconds=seconds,
        exchanges=exchanges,
    )


_SHAPES = (LookupError, TypeError, ValueError, AttributeError)
_CHECKS = str(Path(__file__).with_name("checks"))


def _in_a_check(error: BaseException) -> bool:
    """Whether it was raised by a line of a check itself."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and frames[-1].filename.startswith(_CHECKS)


def _failure(
    one: Requirement, error: BaseException, profile: Profile
) -> tuple[Status, str, str, str]:
    """Status, expected, got, reason.

    An assertion is the server's fault, and so is a part that a check did not find in an answer;
    everything else is ours.
    """
    if isinstance(error, Unexpected):
        expected, got = error.expected, error.got
    elif isinstance(error, AssertionError):
        expected, got = one.requirement, str(error)
    elif isinstance(error, _SHAPES) and _in_a_check(error):
        expected, got = one.requirement, f"an answer of another shape ({error!r})"
    elif isinstance(error, NoToken):
        return Status.ERROR, "", "", f"no token: {error}"
    else:
        return Status.ERROR, "", "", f"{type(error).__name__}: {error}"
    binding = one.level is Level.MUST or profile is Profile.STRICT
    return (Status.FAIL if binding else Status.WARN), expected, got, ""
