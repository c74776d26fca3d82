"""The two ways to the same thing: through the gateway, and as directly as it can be had."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncssh
import redis.asyncio
import yaml
from minio import Minio

from f7t.delegation import CertificateAuthority
from f7t_testbuild.credentials import client_of, issue_token, user_of
from f7t_testbuild.model import REGION, SYSTEM, Testbuild

USER = "test1"
_POLL = 0.01
_LONGEST_TRANSFER = 120.0


class BenchFailure(Exception):
    """Something that is measured did not work."""


class Gateway:
    """One open connection to the gateway with the least a client needs."""

    def __init__(self, testbuild: Testbuild) -> None:
        self._testbuild = testbuild
        self._token, self._renewed = "", float("-inf")
        self._connection = http.client.HTTPConnection("127.0.0.1", testbuild.gateway_port)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def renew(self) -> None:
        """A fresh token when the old one is half-way; not part of what is measured."""
        if time.monotonic() - self._renewed > 120:
            client = client_of(self._testbuild)
            self._token = issue_token(self._testbuild, client, user_of(USER))
            self._renewed = time.monotonic()

    def call(
        self, method: str, path: str, body: bytes | None = None, content_type: str = ""
    ) -> dict[str, Any]:
        """The JSON answer; raises `BenchFailure` unless it is a success."""
        headers = {"Authorization": f"Bearer {self._token}", "X-Machine-Name": SYSTEM}
        if content_type:
            headers["Content-Type"] = content_type
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise BenchFailure(f"{method} {path}: {answer.status} {text[:300]!r}")
        document: dict[str, Any] = json.loads(text)
        return document

    def form(self, path: str, **fields: str) -> str:
        """Post a form; the id of the task that it made."""
        content_type = "application/x-www-form-urlencoded"
        answer = self.call("POST", path, urlencode(fields).encode(), content_type)
        return str(answer["task_id"])

    def submit(self, script: bytes) -> str:
        """Post a job script; the id of the task that it made."""
        edge = "f7t-bench"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="job.sh"\r\n\r\n'
        body = head.encode() + script + f"\r\n--{edge}--\r\n".encode()
        content_type = f"multipart/form-data; boundary={edge}"
        return str(self.call("POST", "/compute/jobs", body, content_type)["task_id"])

    def settled(self, task_id: str, *wanted: str) -> dict[str, Any]:
        """The task once its status is one of `wanted`; looks without a pause, as it is held."""
        deadline = time.monotonic() + _LONGEST_TRANSFER
        while time.monotonic() < deadline:
            asked = time.monotonic()
            task: dict[str, Any] = self.call("GET", f"/tasks/{task_id}")["task"]
            if task["status"] in wanted:
                return task
            if task["status"] in {"115", "118", "302", "400"}:
                raise BenchFailure(f"task {task_id}: {task['description']}: {task['data']}")
            if time.monotonic() - asked < _POLL:
                time.sleep(_POLL)
        raise BenchFailure(f"task {task_id}: not {' or '.join(wanted)} in {_LONGEST_TRANSFER} s")

    def invalidate(self, task_id: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "X-Task-Id": task_id}
        self._connection.request("POST", "/storage/xfer-external/invalidate", headers=headers)
        self._connection.getresponse().read()

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class Direct:
    """What the gateway itself would use: an open SSH connection, Redis, the object store."""

    ssh: asyncssh.SSHClientConnection
    sftp: asyncssh.SFTPClient
    redis: redis.asyncio.Redis
    store: Minio

    async def run(self, command: str, stdin: str = "") -> str:
        """Standard output of a command on the cluster; raises `BenchFailure` when it fails."""
        done = await self.ssh.run(command, input=stdin)
        if done.returncode != 0:
            raise BenchFailure(f"{command}: {done.stderr!r}")
        return str(done.stdout).strip()


@asynccontextmanager
async def direct_access(testbuild: Testbuild) -> AsyncIterator[Direct]:
    """Open everything, with the keys of the testbuild's own gateway."""
    settings = yaml.safe_load((testbuild.directory / "gateway.yaml").read_text())
    ssh = settings["ssh"]
    key = asyncssh.generate_private_key("ssh-ed25519")
    authority = CertificateAuthority.from_file(Path(ssh["ca_key"]))
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
        async with (
            asyncssh.connect(
                "127.0.0.1",
                testbuild.ssh_port,
                username=USER,
                client_keys=[(key, certificate)],
                known_hosts=ssh["known_hosts"],
                config=None,
                agent_path=None,
                encryption_algs=["aes128-gcm@openssh.com"],
                compression_algs=None,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            yield Direct(connection, sftp, tasks, store)
    finally:
        await tasks.aclose()


def run(command: Sequence[str]) -> None:
    """Run a program here; raises `BenchFailure` when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchFailure(f"{command[0]}: {done.stderr}")


def curl(*arguments: str) -> None:
    """Run curl silently; raises `BenchFailure` when it fails."""
    run(["curl", "-q", "--noproxy", "*", "-sSf", *arguments])


def random_file(path: Path, size: int) -> Path:
    """A file of that many bytes that does not compress."""
    block = secrets.token_bytes(1_000_000)
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])
    return path
