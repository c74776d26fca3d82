"""What is learnt of a machine: its time zone, and names of users and groups."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.errors import CommandTimeout, NotFound
from f7t.ssh.channel import Completed
from f7t.ssh.facts import MachineFacts

if TYPE_CHECKING:
    from f7t.ssh.pool import SshPool
    from tests.support.sshd import Sshd

SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)
WINTER = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Machine:
    """Answers `date +%z` with `date` and has `localtime` as its zone file."""

    date: bytes | None
    localtime: bytes | None
    asked: list[list[str]] = field(default_factory=list)

    async def run(self, argv: list[str], *, time_limit: float, output_limit: int) -> Completed:
        self.asked.append(argv)
        if self.date is None:
            raise CommandTimeout("a slow login shell")
        return Completed(0, self.date, b"")

    async def read(self, path: str) -> bytes:
        assert path == "/etc/localtime"
        if self.localtime is None:
            raise NotFound(path=path)
        return self.localtime


def zone_file(name: str) -> bytes:
    file = Path("/usr/share/zoneinfo") / name
    if not file.exists():
        pytest.skip("needs tzdata")
    return file.read_bytes()


def offsets(zone: object, *moments: datetime) -> list[timedelta | None]:
    return [moment.astimezone(zone).utcoffset() for moment in moments]  # type: ignore[arg-type]


async def test_the_rules_of_the_machine_hold_for_all_seasons() -> None:
    rules = zone_file("Europe/Zurich")
    for date in (b"+0100\n", b"+0200\n"):
        machine = Machine(date, rules)
        zone = await MachineFacts().zone(machine, machine.read)
        now = datetime.now(zone).strftime("%z\n").encode()
        expected = [timedelta(hours=2), timedelta(hours=1)]
        if now != date:  # the session's own TZ differs from the machine's file
            expected = [timedelta(hours=int(date[1:3]))] * 2
        assert offsets(zone, SUMMER, WINTER) in (expected, [timedelta(hours=int(date[1:3]))] * 2)


@pytest.mark.parametrize(
    ("date", "minutes"), [(b"+0000\n", 0), (b"+0545\n", 345), (b"-0930\n", -570)]
)
async def test_without_rules_the_present_offset_holds(date: bytes, minutes: int) -> None:
    machine = Machine(date, None)
    facts = MachineFacts()
    zone = await facts.zone(machine, machine.read)
    assert offsets(zone, SUMMER, WINTER) == [timedelta(minutes=minutes)] * 2
    assert await facts.zone(machine, machine.read) is zone
    assert len(machine.asked) == 1


async def test_a_slow_shell_or_a_broken_file_is_no_failure() -> None:
    for machine in (Machine(None, b"no zone file"), Machine(b"noise", None)):
        zone = await MachineFacts().zone(machine, machine.read)
        assert offsets(zone, SUMMER) == [timedelta()]


async def test_the_real_machine_shows_its_sessions_zone(pool: SshPool, sshd: Sshd) -> None:
    """The fixture's sessions have TZ=UTC0, whatever the host's own zone is."""
    async with pool.session("test1", sshd) as session:
        (entry,) = await session.files.listing("/etc/hosts")
    modified = datetime.fromtimestamp(int(os.stat("/etc/hosts").st_mtime), UTC)  # noqa: PTH116
    assert entry.last_modified == modified.replace(tzinfo=None)


async def test_names_are_asked_once_and_learnt_from_listings() -> None:
    machine = Machine(b"somebody:x:7:7::/:/bin/sh\n", None)
    facts = MachineFacts()
    named = {(7, 7): ("somebody", "somebody"), (7, 8): ("somebody", "8")}
    assert await facts.names(machine, named.keys()) == named
    assert machine.asked == [["getent", "passwd", "7"], ["getent", "group", "7", "8"]]
    facts.learn(9, "nine", 10, "ten")
    assert await facts.names(machine, [(9, 10), (7, 8)]) == {
        (9, 10): ("nine", "ten"),
        (7, 8): ("somebody", "8"),
    }
    assert len(machine.asked) == 2


async def test_names_that_cannot_be_had_are_numbers() -> None:
    for machine in (Machine(None, None), Machine(b"", None), Machine(b"\nx:y\n::x:\n", None)):
        assert await MachineFacts().names(machine, [(7, 8)]) == {(7, 8): ("7", "8")}


async def test_names_are_asked_again_after_a_failure() -> None:
    facts, machine = MachineFacts(), Machine(None, None)
    await facts.names(machine, [(7, 7)])
    machine.date = b"domain users:x:7:\n"
    assert await facts.names(machine, [(7, 7)]) == {(7, 7): ("domain users", "domain users")}


async def test_the_real_machine_tells_all_names_at_once(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        named = await MachineFacts().names(session, [(0, 2002), (2001, 4242), (4343, 0)])
    assert named == {
        (0, 2002): ("root", "test2"),
        (2001, 4242): ("test1", "4242"),
        (4343, 0): ("4343", "root"),
    }


async def test_the_machines_clock_is_told_in_its_own_zone(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        before = datetime.now(UTC).replace(tzinfo=None)
        told = await session.files.local_time()
        after = datetime.now(UTC).replace(tzinfo=None)
    assert before <= told <= after
