"""Failures that somebody has decided to live with: a file, visible in every report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from f7t_conformance.catalogue import catalogue
from f7t_conformance.model import Identifier


class Waiver(BaseModel):
    """One accepted failure.

    Attributes:
        id: of the requirement.
        reason: why it is accepted.
        link: where it is tracked.
        expires: last day on which it holds; after it the failure counts again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Identifier
    reason: str
    link: str = ""
    expires: date | None = None

    def holds(self, today: date) -> bool:
        return self.expires is None or today <= self.expires


class BadWaivers(Exception):
    """The file cannot be used; the message says why."""


def shipped() -> tuple[str, ...]:
    """Names of the waiver files that come with the suite, e.g. `upstream-1.16.6`."""
    found = files("f7t_conformance").joinpath("waivers").iterdir()
    return tuple(sorted(one.name.removesuffix(".yaml") for one in found))


def read_waivers(name: str) -> Mapping[str, Waiver]:
    """Waivers of a file, or of a shipped one by its name, by requirement.

    Raises:
        BadWaivers: no such file, not the form of `Waiver`, an unknown or repeated requirement.
    """
    source = files("f7t_conformance").joinpath("waivers", f"{name}.yaml")
    try:
        text = source.read_text("utf-8") if name in shipped() else Path(name).read_text("utf-8")
        rows = [Waiver.model_validate(row) for row in yaml.safe_load(text) or []]
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        raise BadWaivers(f"{name}: {error}") from error
    found = {one.id: one for one in rows}
    unknown = [one for one in found if one not in catalogue()]
    if unknown or len(found) != len(rows):
        raise BadWaivers(f"{name}: unknown or repeated requirements {', '.join(unknown)}")
    return found
