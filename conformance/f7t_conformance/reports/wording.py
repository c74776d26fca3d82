"""A finding in words, the same in every report of text."""

from __future__ import annotations

import re

from f7t_conformance.model import Finding, Requirement, Status

BAD = (Status.ERROR, Status.FAIL)
WORST_FIRST = (
    Status.ERROR,
    Status.FAIL,
    Status.WARN,
    Status.WAIVED,
    Status.SKIP,
    Status.PASS,
)


def facts(finding: Finding, one: Requirement | None) -> list[tuple[str, str]]:
    """Label and text of what a reader wants to know; empty texts are left out."""
    source = ""
    if one is not None:
        parts = (one.source.contract, one.source.tutorial)
        source = " ".join(part for part in parts if part) + f", since {one.source.since}"
    rows = [
        ("requirement", one.requirement if one else ""),
        ("source", source),
        ("expected", finding.expected),
        ("got", finding.got),
        ("reason", finding.reason),
        ("tracked", finding.link),
        ("repeat", finding.exchanges[-1].curl if finding.exchanges else ""),
    ]
    return [(label, text) for label, text in rows if text]


def particulars(finding: Finding, one: Requirement | None) -> str:
    """One fact a line."""
    return "\n".join(f"{label}: {text}" for label, text in facts(finding, one))


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """A server's text for a terminal: what would steer it is shown as an escape instead."""
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
