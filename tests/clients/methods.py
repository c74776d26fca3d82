"""Which methods and commands of the official client reach which operation: `methods.yaml`, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("methods.yaml")
GROUPS = ("methods", "transfers", "paths", "commands")


def table() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Operation id -> group of names -> names; a group without names is left out."""
    read: dict[str, dict[str, list[str]]] = yaml.safe_load(FILE.read_text())
    return read


def methods() -> Mapping[str, Sequence[str]]:
    """Operation id -> names of methods of `v1.Firecrest`, or `Class.method` of what they return."""
    return {
        operation: [
            *groups.get("methods", ()),
            *(f"External{name}" for name in groups.get("transfers", ())),
        ]
        for operation, groups in table().items()
    }
