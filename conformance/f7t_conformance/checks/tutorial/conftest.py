"""What the steps of the tutorial share."""

from __future__ import annotations

import pytest

from f7t_conformance.api import Api
from f7t_conformance.belongings import Belongings
from f7t_conformance.capabilities import Detected
from f7t_conformance.walk import Walk


@pytest.fixture
def walk(api: Api, belongings: Belongings, detected: Detected, deadline: float) -> Walk:
    """The reader of this check."""
    return Walk(api, belongings, detected.capabilities.systems[0], deadline or 60)
