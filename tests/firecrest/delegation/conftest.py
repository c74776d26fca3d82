"""A certificator with the key that the tests' login node trusts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncssh
import httpx
import pytest

from f7t.certificator.client import RemoteAuthority
from tests.firecrest.delegation.certificator import SECRET, Certificator

POLICY = {
    "denied_users": {"cluster": ["denied-user"]},
    "allowed_users": {"closed": ["test1"]},
}


@pytest.fixture(scope="session")
def certificator(
    ca_key: asyncssh.SSHKey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Certificator]:
    """A running certificator, shared; `denied-user` gets nothing for `cluster`."""
    process = Certificator(tmp_path_factory.mktemp("certificator"), ca_key, POLICY)
    process.start()
    try:
        yield process
    finally:
        if process.process is not None:
            process.stop()


@pytest.fixture
def http(certificator: Certificator) -> Iterator[httpx.Client]:
    """A client that knows the secret."""
    headers = {"Authorization": f"Bearer {SECRET}"}
    with httpx.Client(base_url=certificator.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
async def remote(certificator: Certificator) -> AsyncIterator[RemoteAuthority]:
    """The gateway's side."""
    authority = RemoteAuthority(certificator.url, SECRET)
    yield authority
    await authority.close()


@pytest.fixture(scope="session")
def user_key() -> asyncssh.SSHKey:
    """A gateway's key pair."""
    return asyncssh.generate_private_key("ssh-ed25519")
