"""Pages of job listings: 0-based, 25 a page (contract §7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from f7t.errors import CommandFailed

T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """A page that was asked for.

    Attributes:
        size: entries a page, at least 1.
        number: 0 is the first.
    """

    size: int
    number: int


def page_of(rows: Sequence[T], page: Page | None) -> Sequence[T]:
    """The rows of `page`, all of them without one.

    The page after an exactly full last one is empty: a client that reads until a short page asks
    for it.

    Raises:
        CommandFailed: there is no such page; the message is the contract's.
    """
    if page is None:
        return rows
    if page.number < 0:
        raise CommandFailed(f"pageNumber ({page.number}) cannot be a negative number")
    total = max(1, -(-len(rows) // page.size))
    full_pages = len(rows) // page.size
    if page.number >= total and page.number != full_pages:
        raise CommandFailed(f"pageNumber ({page.number}) is greater than total pages ({total})")
    return rows[page.number * page.size : (page.number + 1) * page.size]
