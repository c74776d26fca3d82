"""Both servers of each pair: the embedded one is started here, the real one is given.

F7T_REAL_KEYCLOAK_URL (with ``/auth``), F7T_REAL_CLIENT_SECRET, F7T_REAL_ROBOT_SECRET;
F7T_REAL_S3_URL, F7T_REAL_S3_ACCESS, F7T_REAL_S3_SECRET.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.fidelity.comparison import Comparison, load_accepted
from tests.fidelity.identity import IdentityServer
from tests.support.issuer import ROBOT_SECRET, SAMPLE_SECRET, Issuer, launch


def _given(what: str, *names: str) -> list[str]:
    """Values of environment variables; skips if one is missing."""
    if any(name not in os.environ for name in names):
        pytest.skip(f"no {what} given ({', '.join(names)}): `make test-matrix` brings one")
    return [os.environ[name] for name in names]


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison[IdentityServer]]:
    """The embedded issuer beside a real Keycloak that has imported the same realm file."""
    url, sample, robot = _given(
        "Keycloak", "F7T_REAL_KEYCLOAK_URL", "F7T_REAL_CLIENT_SECRET", "F7T_REAL_ROBOT_SECRET"
    )
    real = Issuer(url.rstrip("/").removesuffix("/auth"))
    running = launch(tmp_path_factory.mktemp("identity"), public_url=None)
    pair = Comparison(
        IdentityServer(running, SAMPLE_SECRET, ROBOT_SECRET),
        IdentityServer(real, sample, robot),
        load_accepted("identity"),
    )
    yield pair
    pair.embedded.close()
    pair.real.close()
    running.stop()
