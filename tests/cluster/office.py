"""Slurm as the rules of `rsvmgmt` look at it, and the rules of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from f7t_testbuild.cluster.reservations import Rules
from f7t_testbuild.supervise.program import Outcome

ALICE, BOB, STRANGER = 10001, 10002, 10003
RULES = Rules({"alice": ALICE, "bob": BOB}, feature="f7t", nodes=2, per_account=5, days=365)
NOW = datetime(2026, 1, 1, 12)
START, END = "2026-02-01T10:00:00", "2026-02-01T11:00:00"
WISH = ("1", "f7t", START, END)


def line(name: str, accounts: str) -> str:
    return f"ReservationName={name} Accounts={accounts} TRES=cpu=16 State=INACTIVE"


@dataclass
class Notes:
    """Slurm as far as the rules look at it; remembers what it was told to change."""

    reservations: list[str] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=lambda: {"alice": "test\n", "bob": "other\n"})
    outcome: Outcome = field(default_factory=lambda: Outcome(0, "done\n"))
    told: list[tuple[str, ...]] = field(default_factory=list)

    async def run(self, argv: Sequence[str]) -> Outcome:
        match list(argv):
            case ["scontrol", "-o", "show", "reservation"]:
                return Outcome(0, "\n".join(self.reservations) or "No reservations in the system\n")
            case ["sacctmgr", *_, who, "format=account"]:
                return Outcome(0, self.accounts[who.removeprefix("user=")])
        self.told.append(tuple(argv))
        return self.outcome
