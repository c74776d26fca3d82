"""What two servers answer to the same requests, and which differences are accepted.

A *scene* asks one server something and gives back plain data without anything random. Both answers
are flattened to ``path → JSON text``; what differs must be in ``accepted.yaml``, and what is there
must differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

ACCEPTED_FILE = Path(__file__).with_name("accepted.yaml")
ABSENT = "(absent)"

S = TypeVar("S")


@dataclass(frozen=True)
class Scene(Generic[S]):
    """One thing to ask a server of kind ``S``; the name appears in ``accepted.yaml``."""

    name: str
    play: Callable[[S], Any]


@dataclass(frozen=True)
class Difference:
    """One value that the two servers of a pair do not share, as JSON texts."""

    scene: str
    path: str
    embedded: str
    real: str

    @property
    def at(self) -> str:
        return f"{self.scene} · {self.path}"

    def __str__(self) -> str:
        return f"{self.at}\n    embedded: {self.embedded}\n    real:     {self.real}"


@dataclass(frozen=True)
class Sighting:
    """Where an accepted difference is seen (``scene · path``, with wildcards), and the values."""

    at: str
    embedded: str
    real: str

    def explains(self, difference: Difference) -> bool:
        seen = (self.embedded, self.real) == (difference.embedded, difference.real)
        return seen and fnmatchcase(difference.at, self.at)

    @property
    def scene(self) -> str:
        return self.at.partition(" · ")[0]


@dataclass(frozen=True)
class Accepted:
    """An entry of ``accepted.yaml``: a difference that was looked at and left."""

    id: str
    part: str
    what: str
    why: str
    seen: tuple[Sighting, ...]


def load_accepted(part: str | None = None) -> tuple[Accepted, ...]:
    """The entries of one part or of all, in the order of the file.

    Raises KeyError if an entry lacks a member.
    """
    document = yaml.safe_load(ACCEPTED_FILE.read_text()) or {}
    return tuple(
        Accepted(
            entry["id"],
            name,
            entry["what"],
            entry["why"],
            tuple(
                Sighting(at, _text(seen["embedded"]), _text(seen["real"]))
                for seen in entry["seen"]
                for at in (seen["at"] if isinstance(seen["at"], list) else [seen["at"]])
            ),
        )
        for name, entries in document.items()
        for entry in entries
        if part in (None, name)
    )


def _text(value: Any) -> str:
    return value if value == ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True)


def flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Pairs of path and JSON text of all leaves; empty collections are leaves."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and value and not isinstance(value[0], str):
        for number, inner in enumerate(value):
            yield from flat(inner, f"{path}.{number}")
    else:
        yield path, _text(value)


def _reduced(one: Any, other: Any) -> Any:
    """`one` with answers whose status `other` does not share cut down to status and error."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [_reduced(mine, yours) for mine, yours in zip(one, other, strict=True)]
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one
    if "status" in one and "status" in other and one["status"] != other["status"]:
        body = one.get("body")
        error = body.get("Error", body) if isinstance(body, Mapping) else {}
        code = error.get("Code") or error.get("error")
        return {"status": f"{one['status']} {code}" if code else one["status"]}
    return {name: _reduced(value, other.get(name)) for name, value in one.items()}


def differences(scene: str, embedded: Any, real: Any) -> list[Difference]:
    """Every leaf that only one of two answers has, or that differs."""
    ours = dict(flat(_reduced(embedded, real)))
    theirs = dict(flat(_reduced(real, embedded)))
    return [
        Difference(scene, path, ours.get(path, ABSENT), theirs.get(path, ABSENT))
        for path in sorted({*ours, *theirs})
        if ours.get(path) != theirs.get(path)
    ]


@dataclass
class Comparison(Generic[S]):
    """Plays scenes on both servers of a pair, each scene once."""

    embedded: S
    real: S
    accepted: Sequence[Accepted]
    _found: dict[str, list[Difference]] = field(default_factory=dict)

    def of(self, scene: Scene[S]) -> list[Difference]:
        if scene.name not in self._found:
            ours, theirs = scene.play(self.embedded), scene.play(self.real)
            self._found[scene.name] = differences(scene.name, ours, theirs)
        return self._found[scene.name]

    def unlisted(self, scene: Scene[S]) -> list[Difference]:
        """Differences of a scene that nobody has accepted."""
        sightings = [seen for entry in self.accepted for seen in entry.seen]
        return [
            found for found in self.of(scene) if not any(seen.explains(found) for seen in sightings)
        ]

    def gone(self, entry: Accepted, scenes: Sequence[Scene[S]]) -> list[Sighting]:
        """Sightings of an entry that no scene shows any more."""
        return [
            seen
            for seen in entry.seen
            if not any(
                seen.explains(found)
                for scene in scenes
                if fnmatchcase(scene.name, seen.scene)
                for found in self.of(scene)
            )
        ]
