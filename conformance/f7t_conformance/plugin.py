"""The pytest plugin that runs checks: selection, needs, fixtures, findings."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from f7t_conformance.api import Api, OutOfBudget, Pace
from f7t_conformance.belongings import Belongings, Place
from f7t_conformance.capabilities import Detected, detect
from f7t_conformance.catalogue import catalogue
from f7t_conformance.configuration import Settings
from f7t_conformance.identity import Caller
from f7t_conformance.judging import judged, skipped
from f7t_conformance.ledger import Ledger
from f7t_conformance.model import Exchange, Finding, Profile, Requirement
from f7t_conformance.waivers import Waiver, read_waivers

FINDING = "f7t-finding"
OUT_OF_BUDGET = "f7t-out-of-budget"
LEFTOVERS = "f7t-leftovers"
_REQUIREMENT = pytest.StashKey[Requirement]()
_FINDING = pytest.StashKey[Finding]()
_EXCHANGES = pytest.StashKey[list[Exchange]]()
_LEFT = pytest.StashKey[list[str]]()
_RUN = pytest.StashKey["Run"]()
_WORKERS = "PYTEST_XDIST_WORKER_COUNT"


@dataclass(frozen=True)
class Run:
    """What all checks of one process share."""

    settings: Settings
    profile: Profile
    waivers: dict[str, Waiver]

    @cached_property
    def pace(self) -> Pace:
        share = max(int(os.environ.get(_WORKERS, "1")), 1)
        budget = self.settings.budget
        seconds = self.ledger.seconds_left(budget.seconds)
        return Pace(budget.requests_per_second / share, time.monotonic() + seconds)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger.of_this_process()

    @cached_property
    def detected(self) -> Detected:
        return self.ledger.detected() or detect(
            self._api(self.first, ""), self._second(""), self.settings
        )

    @cached_property
    def first(self) -> Caller:
        return Caller(self.settings.identity)

    @cached_property
    def api(self) -> Api:
        return self._api(self.first, self.detected.system)

    @cached_property
    def second(self) -> Api | None:
        return self._second(self.detected.system)

    def _second(self, system: str) -> Api | None:
        given = self.settings.second
        return self._api(Caller(given), system) if given.given else None

    def _api(self, caller: Caller, system: str) -> Api:
        return Api(self.settings.target.rstrip("/"), caller, system, self.pace)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("f7t conformance")
    group.addoption("--f7t-profile", default=Profile.CORE.value, help="set of requirements")
    group.addoption("--f7t-only", action="append", default=[], help="id, or how it begins")
    group.addoption("--f7t-waivers", action="append", default=[], help="file or shipped name")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requirement(id): the requirement that a check proves")
    waivers: dict[str, Waiver] = {}
    for name in config.getoption("--f7t-waivers"):
        waivers |= read_waivers(name)
    profile = Profile(config.getoption("--f7t-profile"))
    config.stash[_RUN] = Run(Settings(), profile, waivers)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the profile's checks, in the catalogue's order."""
    profile = config.stash[_RUN].profile
    only = tuple(config.getoption("--f7t-only"))
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("requirement")
        if mark is None:
            raise pytest.UsageError(f"{item.nodeid} is bound to no requirement")
        one = catalogue().get(mark.args[0])
        if one is None:
            raise pytest.UsageError(f"{item.nodeid}: the catalogue has no {mark.args[0]}")
        item.stash[_REQUIREMENT] = one
        wanted = one.belongs_to(profile) and (not only or one.id.startswith(only))
        (kept if wanted else dropped).append(item)
    order = list(catalogue())
    kept.sort(key=lambda item: order.index(item.stash[_REQUIREMENT].id))
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items[:] = kept


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what does not concern this server, before any fixture is made."""
    run = item.config.stash[_RUN]
    finding = skipped(item.stash[_REQUIREMENT], run.detected.capabilities)
    if finding is not None:
        item.stash[_FINDING] = finding
        pytest.skip(finding.reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the end of a check into a finding, which travels with the report."""
    report = yield
    run = item.config.stash[_RUN]
    error = call.excinfo.value if call.excinfo else None
    said: list[Exchange] = item.stash.get(_EXCHANGES, [])
    if _FINDING not in item.stash and (call.when == "call" or error is not None):
        item.stash[_FINDING] = judged(
            item.stash[_REQUIREMENT],
            error,
            profile=run.profile,
            waiver=run.waivers.get(item.stash[_REQUIREMENT].id),
            seconds=round(call.duration, 3),
            exchanges=tuple(said),
        )
    if isinstance(error, OutOfBudget):
        item.user_properties.append((OUT_OF_BUDGET, True))
    if report.when == "teardown":
        report.user_properties.append((FINDING, item.stash[_FINDING].model_dump_json()))
    elif report.failed and item.stash[_FINDING].status in {"warn", "waived", "skip"}:
        report.outcome = "skipped"
        report.wasxfail = item.stash[_FINDING].reason or "SHOULD"
    return report


@pytest.fixture
def api(request: pytest.FixtureRequest) -> Api:
    """Calls as the first identity, recorded for this check."""
    one = request.config.stash[_RUN].api.recording()
    request.node.stash[_EXCHANGES] = one.exchanges
    return one


@pytest.fixture
def second(request: pytest.FixtureRequest, api: Api) -> Api:
    """Calls as the second identity; only for requirements with the need `second-user`."""
    run: Run = request.config.stash[_RUN]
    assert run.second is not None, "the requirement lacks the need second-user"
    one = run.second.recording()
    one.exchanges = api.exchanges
    return one


@pytest.fixture
def anonymous(api: Api) -> Api:
    """Calls without a token."""
    return Api(api.target, None, api.system, api.pace, api.exchanges, api.http)


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> Settings:
    """What the run was told."""
    run: Run = request.config.stash[_RUN]
    return run.settings


@pytest.fixture(scope="session")
def detected(request: pytest.FixtureRequest) -> Detected:
    """What the server can do."""
    run: Run = request.config.stash[_RUN]
    return run.detected


@pytest.fixture(scope="session")
def session_belongings(request: pytest.FixtureRequest) -> Iterator[Belongings]:
    """What this process makes; removed when the run ends, also after Ctrl-C."""
    run: Run = request.config.stash[_RUN]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    prefix = run.settings.run or f"f7t-conformance-{secrets.token_hex(4)}"
    made = Belongings(
        run.api,
        f"{prefix}-{worker}" if worker else prefix,
        run.detected.base,
        run.settings.budget.jobs,
        run.ledger,
        partition=run.settings.partition,
        account=run.settings.account,
    )
    yield made
    request.config.stash[_LEFT] = made.remove()


@pytest.fixture
def belongings(session_belongings: Belongings) -> Belongings:
    """Jobs, transfers and directories that outlive a check but not the run."""
    return session_belongings


@pytest.fixture
def deadline(request: pytest.FixtureRequest) -> float:
    """Seconds that the requirement gives an eventual effect."""
    one: Requirement = request.node.stash[_REQUIREMENT]
    return one.deadline


@pytest.fixture
def place(session_belongings: Belongings, api: Api) -> Place:
    """An empty directory on the system for this check."""
    return Place(api, session_belongings.place().path)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over to the controller of a parallel run what only workers know."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[LEFTOVERS] = leftovers(session.config)


def leftovers(config: pytest.Config) -> list[str]:
    """What could not be removed."""
    return config.stash.get(_LEFT, [])
