"""A real Redis with an append-only file, on a Unix socket of its own."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from f7t.tasks.kinds import Handler, Kind, Outcome, Restart
from f7t.tasks.model import Service, Task
from f7t.tasks.runner import TaskRunner
from f7t.tasks.store import TaskStore
from tests.firecrest.tasks.carrying import Start, describe

LIFETIMES = {Service.COMPUTE: 86400.0, Service.STORAGE: 604800.0}


class RedisServer:
    """One redis-server process; `kill` is a crash, `start` on the same files comes after it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "enable-debug-command": "yes",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        self._await_answer()

    def kill(self) -> None:
        """As a power failure would, without a last save."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _await_answer(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(str(self.socket))
                    client.sendall(b"PING\r\n")
                    if client.recv(64).startswith(b"+PONG"):
                        return
                except OSError:
                    pass
            time.sleep(0.02)  # the server has no other way to tell that it listens
        raise AssertionError("redis-server did not start")


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    # Not below tmp_path: the name of a Unix socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="f7t-redis-"))
    server = RedisServer(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest_asyncio.fixture
async def store(redis_server: RedisServer) -> AsyncIterator[TaskStore]:
    store = TaskStore(redis_server.url, lifetimes=LIFETIMES)
    yield store
    await store.close()


@pytest_asyncio.fixture
async def other_store(redis_server: RedisServer) -> AsyncIterator[TaskStore]:
    """As another worker has it."""
    store = TaskStore(redis_server.url, lifetimes=LIFETIMES)
    yield store
    await store.close()


@pytest_asyncio.fixture
async def start(store: TaskStore) -> AsyncIterator[Start]:
    """Starts runners; a bare handler becomes the kind `work`, restarted after a crash."""
    runners: list[TaskRunner] = []

    async def start(
        work: Handler | Kind,
        *,
        on: TaskStore = store,
        describe_failure: Callable[[Task, Exception], Outcome] = describe,
        lease: float = 60,
        sweep_interval: float = 0.05,
        concurrency_per_user: int = 16,
    ) -> TaskRunner:
        runner = TaskRunner(
            on,
            kinds=[work if isinstance(work, Kind) else Kind("work", work, Restart())],
            describe_failure=describe_failure,
            lease=lease,
            sweep_interval=sweep_interval,
            concurrency_per_user=concurrency_per_user,
        )
        await runner.start()
        runners.append(runner)
        return runner

    yield start
    for runner in runners:
        await runner.close()
