"""`report.html`: one file for people, with no other file and no network behind it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from f7t_conformance.catalogue import AREAS
from f7t_conformance.model import Finding, Results, Status
from f7t_conformance.reports.wording import WORST_FIRST, visible


@cache
def environment() -> Environment:
    """The templates of this package; everything that is put into one is escaped."""
    made = Environment(
        loader=PackageLoader("f7t_conformance.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["visible"] = visible
    made.globals["asset"] = _asset
    made.globals["fingerprint"] = _fingerprint
    return made


def page(results: Results) -> str:
    """The document, as text."""
    known = {one.id: one for one in results.requirements}
    worst_first = sorted(results.findings, key=lambda one: WORST_FIRST.index(one.status))
    return (
        environment()
        .get_template("report.html")
        .render(
            results=results,
            summary=results.summary,
            findings=[(one, known.get(one.id)) for one in worst_first],
            unchecked=results.unchecked,
            statuses=WORST_FIRST,
            areas=AREAS,
            matrix=_matrix(results),
        )
    )


def _matrix(results: Results) -> Mapping[str, Mapping[Status, int]]:
    """Area to status to count, for areas that have any finding."""
    found: dict[str, dict[Status, int]] = {}
    for area in AREAS:
        here = [one for one in results.findings if _area(one) == area]
        if here:
            found[area] = {
                status: sum(1 for one in here if one.status is status) for status in WORST_FIRST
            }
    return found


def _area(finding: Finding) -> str:
    return finding.id.split("-")[1]


@cache
def _asset(name: str) -> Markup:
    """A style sheet or script of this package, as it is: it is ours and no data."""
    loader = environment().loader
    assert loader is not None
    return Markup(loader.get_source(environment(), name)[0])


def _fingerprint(name: str) -> str:
    """Of an asset, for the page's policy: nothing else may run in it."""
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
