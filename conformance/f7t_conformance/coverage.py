"""Which requirements cover which row of the contract, and which row is covered by none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict

from f7t_conformance.model import Requirement

_ROW = re.compile(
    r"(?<![\w-])(?P<letter>[UCXSKRDT])(?P<first>\d+)"
    r"(?:[-–](?P=letter)?(?P<last>\d+))?(?![\w-])"
)
_SECTION = re.compile(r"(?:(?P<page>[a-z]+(?:\.md)?)\s*)?§\s*(?P<number>\d+(?:\.\d+)?)")


class Rows(BaseModel):
    """The contract's rows, from `rows.yaml`.

    Attributes:
        rows: row to its words, in the order of the contract.
        no_requirement: rows that no server can be asked about over the API, and why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: dict[str, str]
    no_requirement: dict[str, str]


@dataclass(frozen=True)
class Covered:
    """A row, and what covers it.

    Attributes:
        reason: why it needs no requirement; empty if it needs one.
    """

    row: str
    words: str
    ids: tuple[str, ...]
    reason: str

    @property
    def missing(self) -> bool:
        return not self.ids and not self.reason


@cache
def contract_rows() -> Rows:
    """The data file.

    Raises:
        ValueError: it excuses a row that there is not.
    """
    text = files("f7t_conformance").joinpath("rows.yaml").read_text("utf-8")
    read = Rows.model_validate(yaml.safe_load(text))
    unknown = sorted(set(read.no_requirement) - set(read.rows))
    if unknown:
        raise ValueError(f"rows.yaml excuses rows that it does not have: {', '.join(unknown)}")
    return read


def cited(one: Requirement) -> Iterator[str]:
    """Rows that a requirement says it comes from, ranges spelled out.

    A section with a page's name before it (`tasks §4`) is not one of the README and is left out.
    """
    text = f"{one.source.contract} {one.source.tutorial}"
    for found in _ROW.finditer(text):
        letter, first = found["letter"], found["first"]
        for number in range(int(first), int(found["last"] or first) + 1):
            yield f"{letter}{number:02}" if letter in "DT" else f"{letter}{number}"
    for found in _SECTION.finditer(text):
        if not found["page"] or found["page"].startswith("readme"):
            yield f"§{found['number']}"


def coverage(requirements: Iterable[Requirement]) -> tuple[Covered, ...]:
    """Every row of the contract; a section is covered by its subsections too."""
    by_row: dict[str, list[str]] = {}
    for one in requirements:
        for row in dict.fromkeys(cited(one)):
            by_row.setdefault(row, []).append(one.id)
    known = contract_rows()
    return tuple(
        Covered(row, words, _ids(row, by_row), known.no_requirement.get(row, ""))
        for row, words in known.rows.items()
    )


def _ids(row: str, by_row: Mapping[str, list[str]]) -> tuple[str, ...]:
    below = [ids for name, ids in by_row.items() if name == row or name.startswith(f"{row}.")]
    return tuple(sorted({one for ids in below for one in ids}))


def astray(requirements: Iterable[Requirement]) -> tuple[tuple[str, str], ...]:
    """Requirement and row where it cites a lettered row that the contract does not have."""
    known = contract_rows().rows
    return tuple(
        (one.id, row)
        for one in requirements
        for row in cited(one)
        if row not in known and not row.startswith("§")
    )
