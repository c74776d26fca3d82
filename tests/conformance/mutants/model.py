"""What a mutant is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp

Layer = Callable[[ASGIApp], ASGIApp]


@dataclass(frozen=True)
class Mutant:
    """One fault of a server.

    Attributes:
        name: a few words with dashes.
        description: what is wrong, for somebody who reads the table.
        apply: makes the fault: patches the gateway's code, wraps its application, or both. Called
            once, in the mutant's own process, with the application that is then served.
        expected: requirements, or beginnings of their ids, that are to find it out; they are run
            first, for speed only.
    """

    name: str
    description: str
    apply: Layer
    expected: tuple[str, ...]


def patching(owner: object, name: str, value: object) -> Layer:
    """A fault that replaces one function or constant of the gateway."""

    def apply(app: ASGIApp) -> ASGIApp:
        if not hasattr(owner, name):
            raise AttributeError(f"{owner} has no {name}: the mutant is out of date")
        setattr(owner, name, value)
        return app

    return apply
