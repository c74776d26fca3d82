"""From what happened in a check to its finding."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from f7t_conformance import judging
from f7t_conformance.api import OutOfBudget, Unexpected
from f7t_conformance.capabilities import LOCAL_NEEDS, is_before
from f7t_conformance.identity import NoToken
from f7t_conformance.judging import judged, skipped
from f7t_conformance.model import Capabilities, Finding, Level, Need, Profile, Source, Status
from f7t_conformance.waivers import Waiver
from tests.conformance.suite.made_up import exchange, requirement

ONE = requirement("F7T-UTIL-001")
WRONG = Unexpected("status 200", "500")
DAY = date(2027, 2, 28)


class _Today(date):
    """A calendar that stands still, so that no test depends on when it runs."""

    @classmethod
    def today(cls) -> _Today:
        return cls(DAY.year, DAY.month, DAY.day)


def _judged(
    error: BaseException | None,
    level: Level = Level.MUST,
    profile: Profile = Profile.CORE,
    waiver: Waiver | None = None,
) -> Finding:
    one = ONE.model_copy(update={"level": level})
    return judged(one, error, profile=profile, waiver=waiver, seconds=1.5, exchanges=(exchange(),))


def _waiver(expires: date | None = None) -> Waiver:
    return Waiver(id=ONE.id, reason="known", link="https://tracker.example.org", expires=expires)


def test_what_ends_well_passed_and_keeps_no_exchanges() -> None:
    found = _judged(None)
    assert (found.status, found.exchanges, found.seconds) == (Status.PASS, (), 1.5)


@pytest.mark.parametrize(
    ("level", "profile", "status"),
    [
        (Level.MUST, Profile.CORE, Status.FAIL),
        (Level.SHOULD, Profile.CORE, Status.WARN),
        (Level.MAY, Profile.FULL, Status.WARN),
        (Level.SHOULD, Profile.STRICT, Status.FAIL),
        (Level.MAY, Profile.STRICT, Status.FAIL),
    ],
)
def test_a_failure_counts_as_its_level_says(level: Level, profile: Profile, status: Status) -> None:
    found = _judged(WRONG, level, profile)
    assert (found.status, found.expected, found.got) == (status, "status 200", "500")
    assert len(found.exchanges) == 1


def test_a_bare_assertion_is_the_servers_failure_too() -> None:
    found = _judged(AssertionError("two are missing"))
    assert (found.status, found.expected) == (Status.FAIL, ONE.requirement)
    assert found.got == "two are missing"


@pytest.mark.parametrize("error", [KeyError("x"), NoToken("refused"), RuntimeError("x")])
def test_what_breaks_here_is_never_the_servers_failure(error: Exception) -> None:
    found = _judged(error, waiver=_waiver())
    assert found.status is Status.ERROR
    assert str(error) in found.reason


def test_a_budget_that_is_used_up_is_a_lack_of_the_run() -> None:
    found = _judged(OutOfBudget("the run's time is used up"))
    assert (found.status, found.local) == (Status.SKIP, True)


@pytest.fixture
def _calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "date", _Today)


@pytest.mark.usefixtures("_calendar")
@pytest.mark.parametrize("expires", [None, DAY, DAY + timedelta(1)])
def test_a_waiver_holds_to_its_last_day(expires: date | None) -> None:
    found = _judged(WRONG, waiver=_waiver(expires))
    assert (found.status, found.reason) == (Status.WAIVED, "known")
    assert found.link == "https://tracker.example.org"
    assert found.got == "500"


@pytest.mark.usefixtures("_calendar")
def test_after_that_day_the_failure_counts_and_says_why() -> None:
    yesterday = DAY - timedelta(1)
    found = _judged(WRONG, waiver=_waiver(yesterday))
    assert found.status is Status.FAIL
    assert f"expired on {yesterday}" in found.reason


def test_a_waiver_does_not_hide_that_it_is_kept() -> None:
    assert _judged(None, waiver=_waiver()).status is Status.PASS


def test_findings_hold_no_secret() -> None:
    told = _judged(Unexpected("Bearer S3cr3tV4lu3", "password=S3cr3tV4lu3"))
    broken = _judged(ValueError("client_secret=S3cr3tV4lu3"))
    assert "S3cr3tV4lu3" not in told.model_dump_json() + broken.model_dump_json()


def _server(version: str = "1.16.6", **absent: str) -> Capabilities:
    lacks = {Need(name.replace("_", "-")): why for name, why in absent.items()}
    return Capabilities(version=version, systems=("a",), present=(), absent=lacks)


def test_a_server_with_everything_skips_nothing() -> None:
    needing = ONE.model_copy(update={"needs": tuple(Need)})
    assert skipped(needing, _server()) is None


@pytest.mark.parametrize("need", list(Need))
def test_a_need_that_is_absent_skips_with_its_reason(need: Need) -> None:
    needing = ONE.model_copy(update={"needs": (Need.SCHEDULER, need)})
    found = skipped(needing, _server(**{need.value.replace("-", "_"): "no such thing"}))
    assert found is not None
    assert (found.status, found.reason) == (Status.SKIP, "no such thing")
    assert found.local is (need in LOCAL_NEEDS)
    assert skipped(ONE, _server(**{need.value.replace("-", "_"): "no such thing"})) is None


@pytest.mark.parametrize(
    ("version", "since", "before"),
    [
        ("1.9.1", "1.10.0", True),
        ("1.10.0", "1.10.0", False),
        ("1.16.6", "1.10.0", False),
        ("1.16.6-dev", "1.16.6", True),
        ("2.0", "1.16.0", False),
        ("unknown", "1.16.0", False),
    ],
)
def test_versions_are_compared_as_versions(version: str, since: str, before: bool) -> None:
    later = ONE.model_copy(update={"source": Source(contract="U1", since=since)})
    assert is_before(version, since) is before
    found = skipped(later, _server(version))
    assert (found is not None) is before
    assert found is None or (since in found.reason and version in found.reason)
