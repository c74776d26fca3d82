"""The controlling process's side of a run: progress, and all findings in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from f7t_conformance import plugin
from f7t_conformance.catalogue import catalogue
from f7t_conformance.model import Finding, Requirement, Status

Progress = Callable[[int, int, Finding], None]

WORST_FIRST = (
    Status.ERROR,
    Status.FAIL,
    Status.WAIVED,
    Status.WARN,
    Status.SKIP,
    Status.PASS,
)


class Collector:
    """A pytest plugin that hears every finding, also those of workers.

    Attributes:
        findings: by requirement; of several checks of one requirement the worst.
        broken: what went wrong outside of any check.
        ended: workers that died on the way, and how; what they were at has no finding.
        out_of_budget: the run's time or jobs did not suffice for every check.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._total = 0
        self.findings: dict[str, Finding] = {}
        self.leftovers: list[str] = []
        self.broken: list[str] = []
        self.ended: list[str] = []
        self.out_of_budget = False

    def in_order(self) -> tuple[Finding, ...]:
        """The findings in the catalogue's order."""
        return tuple(self.findings[one] for one in catalogue() if one in self.findings)

    def abandoned(self, selected: Iterable[Requirement], *, narrowed: bool) -> None:
        """Note as an error of the suite what workers that died did not come to judge.

        What that is can only be told if pytest itself did not select among `selected`.
        """
        if narrowed:
            self.broken += self.ended
            return
        for one in selected:
            if self.ended and one.id not in self.findings:
                reason = "; ".join(self.ended)
                self._add(Finding(id=one.id, status=Status.ERROR, reason=reason))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._total = len(session.items) or self._total

    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:  # noqa: ANN401
        self._total = len(ids)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(f"{report.nodeid}: {report.longrepr}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == plugin.FINDING:
                self._add(Finding.model_validate_json(str(value)))
            elif name == plugin.OUT_OF_BUDGET:
                self.out_of_budget = True

    def _add(self, finding: Finding) -> None:
        known = self.findings.get(finding.id)
        if known is None or _rank(finding) < _rank(known):
            self.findings[finding.id] = finding
        self._progress(len(self.findings), self._total, finding)

    def pytest_testnodedown(self, node: Any, error: object | None) -> None:  # noqa: ANN401
        if error is not None:
            self.ended.append(f"a worker process ended: {error}")
        output: Mapping[str, Any] = getattr(node, "workeroutput", {})
        self.leftovers.extend(output.get(plugin.LEFTOVERS, []))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.leftovers.extend(plugin.leftovers(session.config))


def _rank(finding: Finding) -> int:
    return WORST_FIRST.index(finding.status)
