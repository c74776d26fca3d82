"""Test runs in several processes (pytest-xdist): what stays together, what is told at the end.

Every process has a testbuild of its own, on ports of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from tests.support.contract import FAILED

WORKER = "PYTEST_XDIST_WORKER"
_FAILED = "f7t-failed"
_SPLIT = frozenset(
    {
        "tests/conformance",
        "tests/conformance/suite",
        "tests/docs",
        "tests/firecrest/services",
        "tests/testbuild/cli",
        "tests/testbuild/native",
    }
)
"""Folders whose modules need nothing of each other; of others all tests stay together."""


def ports_of_this_process() -> range:
    """Where this process may look for free blocks of ports, in steps of a block."""
    number = int(os.environ.get(WORKER, "gw0").removeprefix("gw"))
    first = 21000 + 5000 * (number % 2)
    return range(first, first + 3800, 100)


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives whole folders to processes, or modules where these are independent."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        folder = str(PurePosixPath(module).parent)
        return module if folder in _SPLIT else folder


LookBack = Callable[[frozenset[tuple[str, int, str]], frozenset[str]], str]
"""From the refusals that were answered and the modules that ran to what is wrong, or nothing."""


class Together:
    """Looks back when all processes have ended: one process cannot tell what a whole run saw."""

    def __init__(self, look_back: LookBack) -> None:
        self._look_back = look_back
        self._failed: set[tuple[str, int, str]] = set()
        self._modules: set[str] = set()
        self._verdict = ""

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Scheduling:
        return Scheduling(config, log)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._modules.add(report.nodeid.partition("::")[0])

    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        output: Mapping[str, Sequence[tuple[str, int, str]]] = getattr(node, "workeroutput", {})
        self._failed.update((name, status, header) for name, status, header in output[_FAILED])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus != pytest.ExitCode.OK or session.config.option.keyword:
            return
        self._verdict = self._look_back(frozenset(self._failed | FAILED), frozenset(self._modules))
        if self._verdict:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._verdict:
            terminalreporter.section("what a whole run must see", red=True)
            terminalreporter.write_line(self._verdict)


class OneOfSeveral:
    """Tells the controlling process what this one saw."""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.config.workeroutput[_FAILED] = sorted(FAILED)  # type: ignore[attr-defined]


def register(config: pytest.Config, look_back: LookBack) -> None:
    """Have this run, or this process of it, take part."""
    here = OneOfSeveral() if os.environ.get(WORKER) else Together(look_back)
    config.pluginmanager.register(here, "f7t-side-by-side")
