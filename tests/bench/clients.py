"""The two ways to the same thing: through the gateway, and as directly as it can be had."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncssh
import redis.asyncio
import yaml
from minio import Minio

from f7t.delegation import CertificateAuthority
from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.credentials import client_of, issue_token, read_realm, user_of
from f7t_testbuild.distribution import data_path
from f7t_testbuild.model import CLIENT_ID, REGION, SYSTEM, Testbuild
from tests.bench.loops import Plan
from tests.bench.wire import BenchFailure, Wire, request

USER = "test1"
SERVICE_ACCOUNT = f"service-account-{CLIENT_ID}"
_RENEWAL = 120.0
_LONGEST_TASK = 180.0
_LEAST_POLL = 0.002
_FAILED = frozenset({"115", "118", "302", "400"})


class Tokens:
    """Tokens by user, renewed when half-way; fetching one is not part of what is measured."""

    def __init__(self, testbuild: Testbuild) -> None:
        self._testbuild = testbuild
        self._client = client_of(testbuild)
        self._held: dict[str, tuple[str, float]] = {}

    def of(self, user: str) -> str:
        """A token that is good for two minutes and more; raises `CredentialFailure`."""
        token, since = self._held.get(user, ("", float("-inf")))
        if time.monotonic() - since > _RENEWAL:
            person = None if user == SERVICE_ACCOUNT else user_of(user)
            token = issue_token(self._testbuild, self._client, person)
            self._held[user] = token, time.monotonic()
        return token


@dataclass(frozen=True)
class Door:
    """How an SSH connection to the cluster is opened, with the testbuild's own authority."""

    port: int
    authority: CertificateAuthority
    known_hosts: str
    key: asyncssh.SSHKey = field(
        default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"), repr=False
    )

    async def connect(self, user: str) -> asyncssh.SSHClientConnection:
        """A new certificate and a connection with it; raises `OSError` or `asyncssh.Error`."""
        certificate = await self.authority.issue(
            user, SYSTEM, self.key.convert_to_public(), lifetime=timedelta(minutes=15)
        )
        return await asyncssh.connect(
            "127.0.0.1",
            self.port,
            username=user,
            client_keys=[(self.key, certificate)],
            known_hosts=self.known_hosts,
            config=None,
            agent_path=None,
            encryption_algs=["aes128-gcm@openssh.com"],
            compression_algs=None,
        )


@dataclass(frozen=True)
class Direct:
    """What the gateway itself would use: an open SSH connection, Redis, the object store."""

    user: str
    door: Door
    ssh: asyncssh.SSHClientConnection
    sftp: asyncssh.SFTPClient
    redis: redis.asyncio.Redis
    redis_url: str
    store: Minio

    async def run(self, command: str, stdin: str = "") -> str:
        """Standard output of a command on the cluster; raises `BenchFailure` when it fails."""
        return await run_on(self.ssh, command, stdin)

    async def remove(self, directories: Sequence[str]) -> None:
        """Remove directories of the user with all they contain, hundreds by one command."""
        for start in range(0, len(directories), 500):
            await self.run(f"rm -rf -- {' '.join(directories[start : start + 500])}")


async def run_on(ssh: asyncssh.SSHClientConnection, command: str, stdin: str = "") -> str:
    """Standard output of a command over an open connection; raises `BenchFailure`."""
    done = await ssh.run(command, input=stdin)
    if done.returncode != 0:
        raise BenchFailure(f"{command[:200]}: {done.stderr!r}")
    return str(done.stdout).strip()


@asynccontextmanager
async def direct_access(testbuild: Testbuild, user: str = USER) -> AsyncIterator[Direct]:
    """Open everything, with the keys of the testbuild's own gateway."""
    settings = gateway_settings(testbuild)
    ssh, storage = settings["ssh"], settings["storage"]
    authority = CertificateAuthority.from_file(Path(ssh["ca_key"]))
    door = Door(testbuild.ssh_port, authority, ssh["known_hosts"])
    store = Minio(
        f"127.0.0.1:{testbuild.staging_port}",
        access_key=storage["access_key"],
        secret_key=storage["secret_key"],
        region=REGION,
        secure=False,
    )
    url = settings["tasks"]["redis_url"]
    tasks = redis.asyncio.Redis.from_url(url)
    try:
        async with (
            await door.connect(user) as connection,
            connection.start_sftp_client() as sftp,
        ):
            yield Direct(user, door, connection, sftp, tasks, url, store)
    finally:
        await tasks.aclose()


@asynccontextmanager
async def connections(
    door: Door, users: Sequence[str]
) -> AsyncIterator[list[asyncssh.SSHClientConnection]]:
    """An open connection for each of these users, who may be named several times."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(await door.connect(user)) for user in users]


def gateway_settings(testbuild: Testbuild) -> dict[str, Any]:
    """The settings file of the testbuild's gateway."""
    path = testbuild.directory / "gateway.yaml"
    settings: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return settings


@dataclass(frozen=True)
class Bench:
    """What every row is measured with; both directories are removed afterwards.

    Attributes:
        port: of the gateway that is measured.
        remote: directory of `USER` on the cluster.
        local: directory here.
    """

    testbuild: Testbuild
    plan: Plan
    tokens: Tokens
    direct: Direct
    remote: str
    local: Path

    @property
    def port(self) -> int:
        return self.testbuild.gateway_port

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the gateway."""
        return gateway_settings(self.testbuild)

    def token(self, user: str = USER) -> str:
        return self.tokens.of(user)

    def users(self, count: int) -> tuple[str, ...]:
        """So many users who can log in, those of the benchmark's own site first."""
        people = {user.name for user in load_site().users}
        known = [name for name in read_realm(data_path("keycloak/realm.json")).users]
        able = [name for name in known if name in people]
        able.sort(key=lambda name: not name.startswith("bench"))
        able += [SERVICE_ACCOUNT] if SERVICE_ACCOUNT in people else []
        if len(able) < count:
            raise BenchFailure(
                f"{count} users are needed and the site has {len(able)}: start the testbuild with "
                "F7T_DATA naming a larger one, or let the benchmark start its own (no --name)"
            )
        return tuple(able[:count])


def created(body: bytes) -> str:
    """Id of the task that an answer announces."""
    return str(json.loads(body)["task_id"])


async def settled(wire: Wire, token: str, task_id: str, *wanted: str) -> dict[str, Any]:
    """The task once its status is one of `wanted`.

    Looks again at once, as a gateway may hold the question; one that does not is asked every
    some milliseconds.

    Raises:
        BenchFailure: it failed, or takes minutes.
    """
    question = request("GET", f"/tasks/{task_id}", token)
    deadline = time.monotonic() + _LONGEST_TASK
    while (asked := time.monotonic()) < deadline:
        task: dict[str, Any] = (await wire.want(question)).json()["task"]
        if task["status"] in wanted:
            return task
        if task["status"] in _FAILED:
            raise BenchFailure(f"task {task_id}: {task['description']}: {task['data']}")
        if time.monotonic() - asked < _LEAST_POLL:
            await asyncio.sleep(_LEAST_POLL)
    raise BenchFailure(f"task {task_id}: not {' or '.join(wanted)} in {_LONGEST_TASK} s")
