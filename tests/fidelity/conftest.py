"""Both servers of each pair: the embedded one is started here, the real one is given.

F7T_REAL_KEYCLOAK_URL (with ``/auth``), F7T_REAL_CLIENT_SECRET, F7T_REAL_ROBOT_SECRET;
F7T_REAL_S3_URL, F7T_REAL_S3_ACCESS, F7T_REAL_S3_SECRET.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from tests.fidelity.comparison import Comparison, load_accepted
from tests.fidelity.identity import IdentityServer
from tests.fidelity.storage import StorageServer
from tests.support.issuer import ROBOT_SECRET, SAMPLE_SECRET, Issuer, launch
from tests.support.store import running_stores


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


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison[StorageServer]]:
    """The embedded store beside a real MinIO of the region us-east-1."""
    url, access, secret = _given(
        "MinIO", "F7T_REAL_S3_URL", "F7T_REAL_S3_ACCESS", "F7T_REAL_S3_SECRET"
    )
    keys = ("storage_access_key", secrets.token_urlsafe(24))
    with running_stores() as start:
        _, urls = start(tmp_path_factory.mktemp("staging") / "data", keys=keys)
        servers = (StorageServer(urls[0], *keys), StorageServer(url.rstrip("/"), access, secret))
        for server in servers:
            server.prepare()
        yield Comparison(*servers, load_accepted("store"))
        servers[1].discard()
