"""The requirements as data: one YAML file per area in `catalogue/`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from f7t_conformance.model import Requirement

AREAS: Mapping[str, str] = {
    "AUTH": "Tokens and who the caller is",
    "ERR": "Routing, envelopes, validation and errors",
    "STAT": "Status",
    "UTIL": "Utilities",
    "JOB": "Compute",
    "TASK": "Tasks",
    "XFER": "Storage",
    "RSV": "Reservations",
    "SEC": "Isolation and hostile input",
    "TUT": "The tutorial",
}


class BrokenCatalogue(Exception):
    """The suite's own data contradicts itself."""


@cache
def catalogue() -> Mapping[str, Requirement]:
    """All requirements by id, in the order of areas and numbers.

    Raises:
        BrokenCatalogue: an id occurs twice or stands in another area's file.
        pydantic.ValidationError: a row has not the form of `Requirement`.
    """
    found: dict[str, Requirement] = {}
    for area in AREAS:
        text = files("f7t_conformance").joinpath("catalogue", f"{area}.yaml").read_text("utf-8")
        for row in yaml.safe_load(text) or []:
            one = Requirement.model_validate(row)
            if one.area != area or one.id in found:
                raise BrokenCatalogue(f"{one.id} stands twice or in the file of another area")
            found[one.id] = one
    return found
