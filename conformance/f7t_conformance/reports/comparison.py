"""Several results beside each other: what got better or worse, and one table of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from f7t_conformance.catalogue import AREAS
from f7t_conformance.model import Results, Status
from f7t_conformance.reports.page import environment
from f7t_conformance.reports.wording import WORST_FIRST

_RANK: Mapping[Status, int] = {
    Status.PASS: 0,
    Status.WARN: 1,
    Status.WAIVED: 2,
    Status.FAIL: 3,
    Status.ERROR: 4,
}


class Direction(StrEnum):
    """Where a requirement went between two runs."""

    BETTER = "better"
    WORSE = "worse"
    OTHER = "neither"


@dataclass(frozen=True)
class Change:
    """One requirement whose finding differs.

    Attributes:
        before, after: None where it was not checked in that run.
    """

    id: str
    title: str
    before: Status | None
    after: Status | None
    direction: Direction


def changes(before: Results, after: Results) -> tuple[Change, ...]:
    """Every difference of requirements that both runs' profiles contain, worse ones first.

    Not to be checked any longer is worse for what passed, and neither for what did not.
    """
    old, new = _statuses(before), _statuses(after)
    names = _requirements([before, after])
    shared = [one for one in names if _knows(before, one) and _knows(after, one)]
    found = [
        Change(one, names[one], old.get(one), new.get(one), _direction(old.get(one), new.get(one)))
        for one in shared
        if old.get(one) is not new.get(one)
    ]
    order = [Direction.WORSE, Direction.BETTER, Direction.OTHER]
    return tuple(sorted(found, key=lambda one: order.index(one.direction)))


def only_in(one: Results, other: Results) -> tuple[str, ...]:
    """Ids that the other run's profile or suite does not have."""
    return tuple(name for name in _requirements([one]) if not _knows(other, name))


def _direction(before: Status | None, after: Status | None) -> Direction:
    checked_before = before not in {None, Status.SKIP}
    checked_after = after not in {None, Status.SKIP}
    if before is not None and after is not None and checked_before and checked_after:
        return Direction.WORSE if _RANK[after] > _RANK[before] else Direction.BETTER
    if checked_before and not checked_after:
        return Direction.WORSE if before is Status.PASS else Direction.OTHER
    if checked_after and after in {Status.FAIL, Status.ERROR}:
        return Direction.WORSE
    return Direction.BETTER if after is Status.PASS else Direction.OTHER


def _statuses(results: Results) -> dict[str, Status]:
    return {one.id: one.status for one in results.findings}


def _knows(results: Results, identifier: str) -> bool:
    return identifier in _requirements([results])


def _requirements(several: Sequence[Results]) -> dict[str, str]:
    """Id to title of everything that any of them is about, in the order of areas."""
    found: dict[str, str] = {}
    for results in several:
        for finding in results.findings:
            found.setdefault(finding.id, "")
        found.update({one.id: one.title for one in results.requirements})
    areas = list(AREAS)
    return dict(sorted(found.items(), key=lambda row: (areas.index(row[0].split("-")[1]), row[0])))


@dataclass(frozen=True)
class Row:
    """A requirement across several results; a status is None where it was not checked."""

    id: str
    title: str
    statuses: tuple[Status | None, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.statuses)) > 1


def table(several: Sequence[Results]) -> tuple[Row, ...]:
    """One row for each requirement that any result is about."""
    found = [_statuses(one) for one in several]
    return tuple(
        Row(name, title, tuple(one.get(name) for one in found))
        for name, title in _requirements(several).items()
    )


def heads(several: Sequence[Results]) -> tuple[str, ...]:
    """Two or three words for each result, its number first as targets may be the same."""
    return tuple(
        f"{number} {one.target} {one.capabilities.version if one.capabilities else ''}".strip()
        for number, one in enumerate(several, 1)
    )


def matrix_page(several: Sequence[Results]) -> str:
    """The table as one HTML file without network."""
    return (
        environment()
        .get_template("matrix.html")
        .render(
            results=list(zip(heads(several), several, strict=True)),
            rows=table(several),
            statuses=WORST_FIRST,
            areas=AREAS,
        )
    )
