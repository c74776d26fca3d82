"""docs/conformance-mutants.md: which fault is found out by what, as the last full run saw it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.conformance.mutants.hunting import ROOT, Verdict
from tests.conformance.mutants.registry import MUTANTS

PAGE = ROOT / "docs" / "conformance-mutants.md"
_ROW = re.compile(r"\| `([a-z0-9-]+)` \| (.*) \| (\S+) \|")
_HEAD = """\
# Faulty servers that the conformance suite finds out

Written by `make mutants`; do not edit. Each row is the real gateway with one fault. The suite runs
until its first failure, in the profile `strict` with a second user; an error of the suite itself
counts as nothing. The healthy server goes the same way and passes. The last column is the first
requirement that failed where it was looked for first; others may fail as well.

| fault | what is wrong | found out by |
|---|---|---|
"""


def write(verdicts: Sequence[Verdict]) -> None:
    """Write the page."""
    rows = (
        f"| `{one.mutant.name}` | {one.mutant.description} | {one.killed_by} |" for one in verdicts
    )
    PAGE.write_text(_HEAD + "\n".join(rows) + f"\n\n{len(verdicts)} of {len(MUTANTS)} found out.\n")


def shown() -> dict[str, tuple[str, str]]:
    """Description and finder by name, as the page has them."""
    rows = map(_ROW.fullmatch, PAGE.read_text("utf-8").splitlines())
    return {row[1]: (row[2], row[3]) for row in rows if row}
