"""Binds a check to its requirement."""

from __future__ import annotations

import pytest


def requirement(identifier: str) -> pytest.MarkDecorator:
    """Decorator, or `marks=` of a `pytest.param`: this check is the proof of that requirement."""
    return pytest.mark.requirement(identifier)
