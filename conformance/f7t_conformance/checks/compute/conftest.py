"""Jobs that the checks of this directory share."""

from __future__ import annotations

import pytest

from f7t_conformance.belongings import Belongings
from f7t_conformance.jobs import SharedJobs


@pytest.fixture(scope="session")
def jobs(session_belongings: Belongings) -> SharedJobs:
    """This worker's shared jobs."""
    return SharedJobs(session_belongings)
