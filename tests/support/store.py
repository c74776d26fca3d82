"""Staging stores in processes of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

Launch = Callable[..., tuple[subprocess.Popen[bytes], list[str]]]


@contextlib.contextmanager
def running_stores() -> Iterator[Launch]:
    """Starts stores on free ports and ends those that still run."""
    started: list[subprocess.Popen[bytes]] = []

    def launch(
        data: Path,
        *,
        sockets: int = 1,
        keys: tuple[str, str] = ("storage_access_key", "not-a-real-secret"),
        options: Sequence[str] = (),
        log: Path | None = None,
    ) -> tuple[subprocess.Popen[bytes], list[str]]:
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(sockets)]
        descriptors = [listener.fileno() for listener in listeners]
        urls = [f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in listeners]
        command = [sys.executable, "-m", "f7t_staging", "--data", str(data), *options]
        for descriptor in descriptors:
            command += ["--fd", str(descriptor)]
        with open(log or os.devnull, "ab") as stderr:  # noqa: PTH123 - devnull is no Path
            process = subprocess.Popen(
                command,
                pass_fds=descriptors,
                stderr=stderr,
                env=os.environ
                | {"F7T_STAGING_ACCESS_KEY": keys[0], "F7T_STAGING_SECRET_KEY": keys[1]},
            )
        started.append(process)
        for listener in listeners:
            listener.close()
        # The socket listens already: this waits in its queue until the store answers.
        with urllib.request.urlopen(f"{urls[0]}/minio/health/ready", timeout=60) as answer:
            assert answer.status == 200
        return process, urls

    try:
        yield launch
    finally:
        for process in started:
            process.kill()
            process.wait()
