"""The configured systems, found by their public name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from f7t.errors import MissingMachine, UnknownMachine
from f7t.settings import SystemSettings

System = SystemSettings
"""A machine: `name`, `host`, `port`, `filesystems`, `job_base`."""


class Systems:
    """All systems behind this gateway, in configured order (D22: one per name)."""

    def __init__(self, systems: Sequence[System]) -> None:
        self._by_name = {system.name: system for system in systems}

    def __iter__(self) -> Iterator[System]:
        return iter(self._by_name.values())

    @property
    def first(self) -> System:
        """Where transfers go that name no machine (D11)."""
        return next(iter(self))

    def named(self, name: str | None) -> System:
        """The system of an `X-Machine-Name` value.

        Raises:
            MissingMachine: the header is absent or empty.
            UnknownMachine: it names no configured system.
        """
        if not name:
            raise MissingMachine
        found = self._by_name.get(name)
        if found is None:
            raise UnknownMachine(f"Machine does not exist: {name}")
        return found

    def find(self, name: str) -> System | None:
        """The system of that name, if there is one."""
        return self._by_name.get(name)
