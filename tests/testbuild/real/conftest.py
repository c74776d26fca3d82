"""What the tests with the real servers share."""

from __future__ import annotations

import os
import shutil

import pytest


def _why_not() -> str:
    if os.environ.get("F7T_TEST_REAL") != "1":
        return "fetches and starts Keycloak and MinIO: only with F7T_TEST_REAL=1"
    missing = [program for program in ("mvn", "java", "go") if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@pytest.fixture(scope="session")
def with_real_servers() -> None:
    """Skips unless the servers are wanted and can be had; they stay in the person's own cache."""
    if reason := _why_not():
        pytest.skip(reason)
