"""The embedded object store as a process of its own, and what a client of it needs."""

from __future__ import annotations

import http.client
import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from f7t.staging.area import StagingArea

ACCESS_KEY = "storage_access_key"
SECRET_KEY = "a secret that no message may hold"
REGION = "us-east-1"

MakeArea = Callable[..., StagingArea]


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "f7t_staging"),
            *("--data", str(tmp_path_factory.mktemp("staging"))),
            *("--region", REGION),
            *("--fd", str(listener.fileno())),
        ],
        env={
            **os.environ,
            "F7T_STAGING_ACCESS_KEY": ACCESS_KEY,
            "F7T_STAGING_SECRET_KEY": SECRET_KEY,
        },
        pass_fds=[listener.fileno()],
    )
    port = listener.getsockname()[1]
    listener.close()
    _await_ready(process, port)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait()


def _await_ready(process: subprocess.Popen[bytes], port: int) -> None:
    # Connections queue in the listening socket until the store serves them.
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/minio/health/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            connection.close()
    raise AssertionError("the object store did not start")


@pytest_asyncio.fixture
async def make_area(store_url: str) -> AsyncIterator[MakeArea]:
    areas: list[StagingArea] = []

    def make(
        public_url: str = store_url, *, secret_key: str = SECRET_KEY, **options: object
    ) -> StagingArea:
        area = StagingArea(
            public_url,
            ACCESS_KEY,
            secret_key,
            region=REGION,
            **options,  # type: ignore[arg-type]
        )
        areas.append(area)
        return area

    yield make
    for area in areas:
        await area.close()


@pytest.fixture
def area(make_area: MakeArea) -> StagingArea:
    return make_area()


_numbers = itertools.count()


@pytest.fixture
def user() -> str:
    """A user whose bucket no other test uses."""
    return f"user{next(_numbers)}"


@pytest.fixture
def task_id() -> str:
    return f"{next(_numbers):032x}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
