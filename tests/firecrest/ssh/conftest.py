"""A pool of connections to the login node."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncssh
import pytest

from f7t.delegation import AccessPolicy, CertificateAuthority
from f7t.ssh.changes import FileChanges
from f7t.ssh.connection import PoolSettings
from f7t.ssh.files import RemoteFiles
from f7t.ssh.pool import Session, SshPool
from tests.firecrest.ssh.things import USER
from tests.support.sshd import Sshd


@pytest.fixture(scope="session")
def authority(ca_key: asyncssh.SSHKey) -> CertificateAuthority:
    return CertificateAuthority(
        ca_key, AccessPolicy(denied={"cluster": frozenset({"denied-user"})})
    )


@pytest.fixture
async def pool(sshd: Sshd, authority: CertificateAuthority) -> AsyncIterator[SshPool]:
    """A pool without any connection."""
    pool = SshPool(authority, known_hosts=sshd.known_hosts, settings=PoolSettings())
    yield pool
    await pool.close()


@pytest.fixture
def home(sshd: Sshd) -> Iterator[Path]:
    """The home directory of test1, empty."""
    home = sshd.home("test1")
    yield home
    # shutil.rmtree recurses, and some tests go deep.
    subprocess.run(["find", str(home), "-mindepth", "1", "-delete"], check=True)


@pytest.fixture
async def session(pool: SshPool, sshd: Sshd, home: Path) -> AsyncIterator[Session]:
    """test1 in an empty home."""
    async with pool.session("test1", sshd) as session:
        yield session


@pytest.fixture
def files(session: Session) -> RemoteFiles:
    return session.files


@pytest.fixture
def changes(session: Session) -> FileChanges:
    return session.changes


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A directory of test1 on another file system."""
    directory = Path(tempfile.mkdtemp(dir="/dev/shm", prefix="f7t-"))
    os.chown(directory, USER, USER)
    yield directory
    shutil.rmtree(directory)
