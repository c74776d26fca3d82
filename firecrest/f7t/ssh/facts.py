"""What is learnt once of a machine: its time zone, and the names behind user and group ids."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from f7t.errors import RemoteError
from f7t.ssh.channel import Completed
from f7t.ssh.quoting import safe_text

_ASK_AGAIN = 60.0
"""Seconds after which a question that failed is asked again."""
_NAMES_LIFETIME = 300.0
_QUESTION_LIMIT = 2.0
"""Seconds; the answers are only decoration of a listing, a slow login shell must not hold it."""

_OFFSET = re.compile(rb"([+-])(\d\d)(\d\d)\n")


class Runner(Protocol):
    """Runs commands; `f7t.ssh.pool.Session` is one."""

    async def run(self, argv: list[str], *, time_limit: float, output_limit: int) -> Completed:
        """Run one command to its end."""


class MachineFacts:
    """Facts of one machine, shared by all users."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._zone: tzinfo = UTC
        self._zone_until = 0.0
        self._users: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self._names_until = 0.0
        self._asking = asyncio.Lock()

    async def zone(self, runner: Runner, read: Callable[[str], Awaitable[bytes]]) -> tzinfo:
        """The time zone in which the machine's commands show times.

        The rules come from the machine's /etc/localtime if they agree with what `date` says (a
        session's TZ may differ), else the present offset is taken for all times.

        Args:
            runner: runs `date`.
            read: reads a small file of the machine.
        """
        async with self._asking:
            if time.monotonic() < self._zone_until:
                return self._zone
            rules = await _localtime(read)
            try:
                offset = await _present_offset(runner)
            except (RemoteError, ValueError):
                self._zone, self._zone_until = rules, time.monotonic() + _ASK_AGAIN
                return rules
            agree = datetime.now(rules).utcoffset() == offset
            self._zone = rules if agree else timezone(offset)
            self._zone_until = float("inf")
            return self._zone

    def learn(self, uid: int, user: str, gid: int, group: str) -> None:
        """Remember names that a directory listing showed."""
        self._forget_old_names()
        self._users[uid] = user
        self._groups[gid] = group

    async def names(
        self, runner: Runner, owners: Collection[tuple[int, int]]
    ) -> dict[tuple[int, int], tuple[str, str]]:
        """User and group name of each pair of ids; the number where the machine knows no name."""
        self._forget_old_names()
        users = sorted({uid for uid, _ in owners} - self._users.keys())
        groups = sorted({gid for _, gid in owners} - self._groups.keys())
        with suppress(RemoteError):  # numbers are shown, and the next listing asks again
            asked = await asyncio.gather(
                _names(runner, "passwd", users), _names(runner, "group", groups)
            )
            self._users.update(asked[0])
            self._groups.update(asked[1])
        return {
            (uid, gid): (self._users.get(uid, str(uid)), self._groups.get(gid, str(gid)))
            for uid, gid in owners
        }

    def _forget_old_names(self) -> None:
        now = time.monotonic()
        if now > self._names_until:
            self._users.clear()
            self._groups.clear()
            self._names_until = now + _NAMES_LIFETIME


async def _names(runner: Runner, database: str, numbers: list[int]) -> dict[int, str]:
    """Name of each id, its number if it has none; one command for all of them."""
    if not numbers:
        return {}
    answer = await runner.run(
        ["getent", database, *map(str, numbers)], time_limit=_QUESTION_LIMIT, output_limit=1 << 20
    )
    named = {number: str(number) for number in numbers}
    for line in answer.stdout.split(b"\n"):
        columns = line.split(b":")
        if len(columns) > 3 and columns[2].isdigit() and int(columns[2]) in named:
            named[int(columns[2])] = safe_text(columns[0])
    return named


async def _localtime(read: Callable[[str], Awaitable[bytes]]) -> tzinfo:
    try:
        return ZoneInfo.from_file(io.BytesIO(await read("/etc/localtime")))
    except (RemoteError, ValueError):  # absent means UTC (localtime(5))
        return UTC


async def _present_offset(runner: Runner) -> timedelta:
    """Offset from UTC; raises ValueError if `date` says nothing of the kind."""
    answer = await runner.run(["date", "+%z"], time_limit=_QUESTION_LIMIT, output_limit=4096)
    found = _OFFSET.fullmatch(answer.stdout)
    if found is None:
        raise ValueError("date shows no offset")
    size = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -size if found[1] == b"-" else size
