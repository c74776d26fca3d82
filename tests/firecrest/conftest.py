"""What several rooms of the gateway are tested against: a login node and its authority's key."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest

from tests.support.sshd import Sshd, Until, namespaces_work


@pytest.fixture(scope="session")
def ca_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(scope="session")
def sshd(ca_key: asyncssh.SSHKey) -> Iterator[Sshd]:
    """A running login node, shared by the tests; users `USERS` with empty homes, mode 0700."""
    if not Path("/usr/sbin/sshd").exists():
        pytest.skip("needs openssh-server")
    if not namespaces_work():
        pytest.skip("needs root and permission to make mount and pid namespaces")
    # pytest's own temporary directories are closed to other users.
    directory = Path(tempfile.mkdtemp(prefix="f7t-ssh-"))
    directory.chmod(0o755)
    machine = Sshd(directory, ca_key)
    try:
        machine.prepare()
        machine.start()
        yield machine
    finally:
        machine.stop()
        shutil.rmtree(directory)


@pytest.fixture
def until() -> Until:
    """Wait for a condition that nothing announces; pytest's own limit ends a wait in vain."""

    async def wait(condition: Callable[[], bool]) -> None:
        for _ in itertools.count():
            if condition():
                return
            await asyncio.sleep(0.01)

    return wait
