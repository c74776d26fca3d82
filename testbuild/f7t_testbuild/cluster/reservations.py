"""The centre's rules for advance reservations, and Slurm's commands behind them.

Slurm lets nobody but operators change reservations. The users named by the site may do so through
`rsvmgmt`, for the accounts they belong to. Everything a caller says is checked here, and handed on
as single arguments. Standard library only.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from f7t_testbuild.supervise.program import Outcome

Run = Callable[[Sequence[str]], Awaitable[Outcome]]
"""Runs one program; raises `TimeoutError`, or `OSError` when it cannot be started."""

PROGRAM = "rsvmgmt"
_LONGEST_NAME = 64
_NODES = re.compile(r"0*[1-9][0-9]{0,8}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_OUTSIDE_NAMES = re.compile(r"[^A-Za-z0-9-]")


class ExitStatus(IntEnum):
    """Of `rsvmgmt`."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    FORBIDDEN = 77
    """EX_NOPERM of sysexits(3)."""


@dataclass(frozen=True)
class Rules:
    """What the centre allows; travels as JSON."""

    users: Mapping[str, int]
    """User ids of those who may use the program, by name."""
    feature: str
    nodes: int
    """Number of nodes that have the feature."""
    per_account: int
    days: int
    """Start and end lie at most so many days from now."""


@dataclass(frozen=True)
class Answer:
    """How the program ends, and what it prints."""

    status: ExitStatus
    text: str


@dataclass(frozen=True)
class Reservation:
    """One line of `scontrol -o show reservation`."""

    name: str
    accounts: frozenset[str]
    line: str


class Refused(Exception):
    """What was asked for is not done; the text says why."""

    def __init__(self, reason: str, status: ExitStatus = ExitStatus.REFUSED) -> None:
        super().__init__(reason)
        self.status = status


def parse_reservations(output: str) -> list[Reservation]:
    """The reservations in what scontrol printed; it may also say that there are none."""
    found = []
    for line in output.splitlines():
        if line.startswith("ReservationName="):
            words = (word.partition("=") for word in line.split())
            values = {key: value for key, _, value in words}
            accounts = frozenset(values.get("Accounts", "").split(","))
            found.append(Reservation(values["ReservationName"], accounts, line))
    return found


class Reservations:
    """Answers `rsvmgmt`, one caller after the other."""

    def __init__(self, rules: Rules, run: Run, now: Callable[[], datetime] = datetime.now) -> None:
        """Allow what `rules` say; `run` has the rights of a Slurm operator."""
        self._rules = rules
        self._run = run
        self._now = now
        # From looking to doing, as the limit and the ownership hang on what was seen.
        self._turn = asyncio.Lock()

    async def answer(self, uid: int, arguments: Sequence[str]) -> Answer:
        """Do what the user with this id wants, if it is allowed."""
        try:
            user = self._caller(uid)
            async with self._turn:
                return Answer(ExitStatus.DONE, await self._do(user, arguments))
        except Refused as refused:
            return Answer(refused.status, f"{PROGRAM}: Error: {refused}")

    def _caller(self, uid: int) -> str:
        for name, allowed in self._rules.users.items():
            if allowed == uid:
                return name
        raise Refused(f"user id {uid} may not use this program", ExitStatus.FORBIDDEN)

    async def _do(self, user: str, arguments: Sequence[str]) -> str:
        match list(arguments):
            case ["-l"]:
                return await self._list(user)
            case ["-a", name, account, nodes, feature, start, end]:
                return await self._create(user, name, account, (nodes, feature, start, end))
            case ["-u", name, nodes, feature, start, end]:
                return await self._update(user, name, (nodes, feature, start, end))
            case ["-d", name]:
                return await self._delete(user, name)
        raise Refused(f"wrong usage, see {PROGRAM} --help", ExitStatus.USAGE)

    async def _list(self, user: str) -> str:
        owned = await self._owned(user)
        return "\n".join(reservation.line for reservation in owned)

    async def _create(
        self, user: str, text: str, account: str, wish: tuple[str, str, str, str]
    ) -> str:
        name = _reduced(text)
        if account not in await self._accounts(user):
            raise Refused(f"{user} does not belong to the account {_shown(account)}")
        settings = self._settings(*wish)
        known = await self._known()
        if sum(account in one.accounts for one in known) >= self._rules.per_account:
            raise Refused(
                f"the account {account} has {self._rules.per_account} reservations, more are not "
                "allowed"
            )
        words = (f"ReservationName={name}", f"Accounts={account}", *settings)
        # Only here: Slurm changes no features of a reservation.
        return await self._slurm(
            *("scontrol", "create", "reservation", *words, f"Features={self._rules.feature}")
        )

    async def _update(self, user: str, text: str, wish: tuple[str, str, str, str]) -> str:
        name = await self._own(user, text)
        settings = self._settings(*wish)
        return await self._slurm("scontrol", "update", f"ReservationName={name}", *settings)

    async def _delete(self, user: str, text: str) -> str:
        name = await self._own(user, text)
        await self._slurm("scontrol", "delete", f"ReservationName={name}")
        return f"Reservation deleted: {name}"

    async def _own(self, user: str, text: str) -> str:
        """The name of a reservation of the user's; others and unknown ones are refused alike."""
        name = _reduced(text)
        if all(reservation.name != name for reservation in await self._owned(user)):
            raise Refused(f"You are not an owner of the {_shown(text)} reservation")
        return name

    async def _owned(self, user: str) -> list[Reservation]:
        accounts = await self._accounts(user)
        return [one for one in await self._known() if one.accounts <= accounts]

    async def _accounts(self, user: str) -> frozenset[str]:
        asked = ("sacctmgr", "-nP", "show", "association", "where", f"user={user}")
        return frozenset((await self._slurm(*asked, "format=account")).split())

    async def _known(self) -> list[Reservation]:
        return parse_reservations(await self._slurm("scontrol", "-o", "show", "reservation"))

    def _settings(self, nodes: str, feature: str, start: str, end: str) -> tuple[str, ...]:
        """Arguments of scontrol; raises `Refused` for what the rules do not allow."""
        rules = self._rules
        if feature != rules.feature:
            raise Refused(f"only {rules.feature} feature type are supported")
        if not _NODES.fullmatch(nodes):
            raise Refused(f"the number of nodes {_shown(nodes)} is no integer from 1 to 999999999")
        if int(nodes) > rules.nodes:
            raise Refused(
                f"the number of nodes {int(nodes)} is greater than {rules.nodes} available"
            )
        begins, ends = self._time("start", start), self._time("end", end)
        if ends <= begins:
            raise Refused("the end is not after the start")
        return (
            f"NodeCnt={int(nodes)}",
            f"StartTime={begins.isoformat()}",
            f"EndTime={ends.isoformat()}",
        )

    def _time(self, which: str, text: str) -> datetime:
        if not _TIME.fullmatch(text):
            raise Refused(f"the {which} {_shown(text)} is not YYYY-MM-DDTHH:MM:SS")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise Refused(f"the {which} {text} is no moment of the calendar") from error
        if abs(moment - self._now()) > timedelta(days=self._rules.days):
            raise Refused(f"the {which} {text} is not within {self._rules.days} days")
        return moment

    async def _slurm(self, *argv: str) -> str:
        try:
            outcome = await self._run(argv)
        except TimeoutError as error:
            raise Refused(f"{argv[0]} does not answer") from error
        except OSError as error:
            raise Refused(str(error)) from error
        if outcome.code != 0:
            raise Refused(_reason(outcome.output) or f"{argv[0]} failed")
        return outcome.output.strip()


def _reason(output: str) -> str:
    """Slurm's first line about an error: around it stand notes, and the same in other words."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("Error")), next(iter(lines), ""))


def _reduced(text: str) -> str:
    """The name that Slurm gets."""
    name = _OUTSIDE_NAMES.sub("", text)
    if not name.strip("-"):
        raise Refused(f"no letter and no digit in the name {_shown(text)}")
    if len(name) > _LONGEST_NAME:
        raise Refused(f"the name is longer than {_LONGEST_NAME} characters")
    return name


def _shown(text: str) -> str:
    """What a caller said, fit for one line of an error."""
    printable = "".join(one if one.isprintable() else "?" for one in text)
    return printable if len(printable) <= 100 else f"{printable[:100]}..."
