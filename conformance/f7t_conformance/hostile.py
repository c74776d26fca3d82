"""Texts that a careless server would run, and the file that shows whether it did."""

from __future__ import annotations

from dataclasses import dataclass

from f7t_conformance.api import Unexpected
from f7t_conformance.belongings import Place

CANARY = "f7t-canary"


@dataclass(frozen=True)
class Canary:
    """A file that exists only if something that was sent as data was run as a command."""

    place: Place

    @property
    def path(self) -> str:
        return self.place / CANARY

    def payloads(self, prefix: str = "") -> tuple[str, ...]:
        """Texts that would make the file if a shell ever read them, one for each way into it."""
        touch = f"touch {self.path}"
        return (
            f"{prefix};{touch};",
            f"{prefix}$({touch})",
            f"{prefix}`{touch}`",
            f"{prefix}' ; {touch} ; '",
            f'{prefix}" ; {touch} ; "',
            f"{prefix}&&{touch}&&true",
            f"{prefix}|{touch}",
            f"{prefix}\n{touch}\n",
        )

    def check(self, what: str) -> None:
        """Raises `Unexpected` if the file exists."""
        if CANARY in self.place.names():
            raise Unexpected(f"{what} to be data", "it was run as a command")
