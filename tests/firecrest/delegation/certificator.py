"""The certificator as a process, and strangers in its place."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import yaml

SECRET = "a-secret-of-24-characters"


def run_certificator(
    settings: Mapping[str, Any] | str,
    directory: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "f7t.certificator", *options],
        env={**os.environ, **written(settings, directory), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def written(settings: Mapping[str, Any] | str, directory: Path) -> dict[str, str]:
    """The variable that names the settings' file."""
    file = directory / "certificator.yaml"
    file.write_text(settings if isinstance(settings, str) else yaml.safe_dump(dict(settings)))
    return {"F7T_CERTIFICATOR_CONFIG": str(file)}


@dataclass
class Certificator:
    """A running certificator; it keeps its port when it is started again."""

    directory: Path
    ca_key: asyncssh.SSHKey
    settings: Mapping[str, Any] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "certificator.log"

    def lines(self, message: str) -> list[dict[str, Any]]:
        """Lines of its log with this message."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["message"] == message]

    def start(self) -> None:
        key = self.directory / "ca"
        self.ca_key.write_private_key(key)
        key.chmod(0o600)
        variables = written({"ca_key": str(key), "secret": SECRET, **self.settings}, self.directory)
        if not self.port:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "f7t.certificator", "--port", str(self.port)],
                env={**os.environ, **variables},
                stderr=log,
            )
        deadline = time.monotonic() + 30
        while not self._ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(30)
        self.process = None
        return status

    def _ready(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/health/ready", trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200


Answer = Callable[[bytes, bytes], Awaitable[bytes] | bytes]
"""Head and body of a request -> the bytes that are sent back; none: the connection is closed."""


@dataclass
class Stranger:
    """A server that says what it likes."""

    url: str = ""
    connections: int = 0
    requests: int = 0


@asynccontextmanager
async def stranger(answer: Answer) -> AsyncIterator[Stranger]:
    """A server on a loopback port, which keeps connections open as long as it has an answer."""
    known = Stranger()
    open_now: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known.connections += 1
        open_now.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                known.requests += 1
                lengths = [
                    int(line.partition(b":")[2])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                ]
                said = answer(head, await reader.readexactly(lengths[0] if lengths else 0))
                data = said if isinstance(said, bytes) else await said
                if not data:
                    break
                writer.write(data)
                await writer.drain()
                if b"content-length" not in data or b"connection: close" in data:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            open_now.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    known.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield known
    finally:
        server.close()
        for writer in open_now:
            writer.transport.abort()
        await server.wait_closed()


def http_answer(status: int, body: object, *headers: str) -> bytes:
    """A whole answer; what is no `bytes` is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(content)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
