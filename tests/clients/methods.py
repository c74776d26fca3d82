"""Which methods of the official client drive which operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("methods.yaml")


def methods() -> Mapping[str, Sequence[str]]:
    """Operation id -> names of methods of `v1.Firecrest`, or `Class.method` of what they return."""
    table: dict[str, list[str]] = yaml.safe_load(FILE.read_text())
    return table
