"""JSON as it is sent and stored."""

from __future__ import annotations

import json
from collections.abc import Mapping

import orjson


def as_json(value: object) -> bytes:
    """`value` as JSON in UTF-8 (RFC 8259), without blanks.

    File names that are no UTF-8 arrive as lone surrogates, which UTF-8 cannot hold: such a value is
    escaped as a whole, and they survive.

    Raises:
        TypeError: something in it is no JSON.
    """
    try:
        return orjson.dumps(value, default=plain)
    except orjson.JSONEncodeError:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False, default=plain)
        return text.encode("ascii")


def plain(value: object) -> object:
    """What an encoder makes of a value that it does not know; raises TypeError."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
