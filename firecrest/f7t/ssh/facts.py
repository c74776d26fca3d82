"""What is learnt once of a machine: its time zone, and the names behind user and group ids."""

from __future__ import annotations

import asyncio
import io
import re
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from f7t.errors import RemoteError
from f7t.ssh.channel import Completed

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

    async def names(self, runner: Runner, uid: int, gid: int) -> tuple[str, str]:
        """User and group name of these ids; the number where the machine knows no name."""
        self._forget_old_names()
        if uid not in self._users or gid not in self._groups:
            try:
                # getent answers both questions with its status 2 if one of the ids is unknown.
                asked = await asyncio.gather(
                    _name(runner, "passwd", uid), _name(runner, "group", gid)
                )
            except RemoteError:
                return str(uid), str(gid)
            self.learn(uid, asked[0], gid, asked[1])
        return self._users[uid], self._groups[gid]

    def _forget_old_names(self) -> None:
        now = time.monotonic()
        if now > self._names_until:
            self._users.clear()
            self._groups.clear()
            self._names_until = now + _NAMES_LIFETIME


async def _name(runner: Runner, database: str, number: int) -> str:
    answer = await runner.run(
        ["getent", database, str(number)], time_limit=_QUESTION_LIMIT, output_limit=1 << 20
    )
    name, colon, _ = answer.stdout.partition(b":")
    if answer.exit_status != 0 or not colon:
        return str(number)
    return name.decode("utf-8", "backslashreplace")


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
