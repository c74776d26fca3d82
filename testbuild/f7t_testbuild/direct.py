"""The cluster without the gateway: SSH, SFTP, Redis and the store, as directly as possible."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncssh
import redis.asyncio
import yaml
from minio import Minio

from f7t.delegation import CertificateAuthority
from f7t_testbuild.model import REGION, SYSTEM, Testbuild

USER = "test1"


class DirectFailure(Exception):
    """Something could not be reached, or a command on the cluster failed."""


@dataclass(frozen=True)
class Direct:
    """What the gateway itself would use: an open SSH connection, Redis, the object store."""

    ssh: asyncssh.SSHClientConnection
    sftp: asyncssh.SFTPClient
    redis: redis.asyncio.Redis
    store: Minio

    async def run(self, command: str, stdin: str = "") -> str:
        """Standard output of a command on the cluster; raises `DirectFailure` when it fails."""
        done = await self.ssh.run(command, input=stdin)
        if done.returncode != 0:
            raise DirectFailure(f"{command}: {done.stderr!r}")
        return str(done.stdout).strip()


@asynccontextmanager
async def direct_access(testbuild: Testbuild) -> AsyncIterator[Direct]:
    """Open everything as `USER`, with the keys of the testbuild's own gateway.

    Raises:
        DirectFailure: its keys are not here (containers keep theirs), or sshd refuses.
    """
    file = testbuild.directory / "gateway.yaml"
    try:
        settings = yaml.safe_load(file.read_text())
        authority = CertificateAuthority.from_file(Path(settings["ssh"]["ca_key"]))
    except OSError as error:
        raise DirectFailure(f"{error.filename}: {error.strerror}") from error
    key = asyncssh.generate_private_key("ssh-ed25519")
    lifetime = timedelta(minutes=15)
    certificate = await authority.issue(USER, SYSTEM, key.convert_to_public(), lifetime=lifetime)
    storage: Mapping[str, str] = settings["storage"]
    store = Minio(
        f"127.0.0.1:{testbuild.staging_port}",
        access_key=storage["access_key"],
        secret_key=storage["secret_key"],
        region=REGION,
        secure=False,
    )
    tasks = redis.asyncio.Redis.from_url(settings["tasks"]["redis_url"])
    try:
        connection = await _connected(testbuild, settings["ssh"]["known_hosts"], key, certificate)
        async with connection, connection.start_sftp_client() as sftp:
            yield Direct(connection, sftp, tasks, store)
    finally:
        await tasks.aclose()


async def _connected(
    testbuild: Testbuild,
    known_hosts: str,
    key: asyncssh.SSHKey,
    certificate: asyncssh.SSHCertificate,
) -> asyncssh.SSHClientConnection:
    try:
        return await asyncssh.connect(
            "127.0.0.1",
            testbuild.ssh_port,
            username=USER,
            client_keys=[(key, certificate)],
            known_hosts=known_hosts,
            config=None,
            agent_path=None,
            encryption_algs=["aes128-gcm@openssh.com"],
            compression_algs=None,
        )
    except (OSError, asyncssh.Error) as error:
        raise DirectFailure(f"ssh to 127.0.0.1:{testbuild.ssh_port}: {error}") from error
