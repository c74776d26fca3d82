"""One gigabyte goes both ways while the gateway's memory stays flat: the bytes do not pass it."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.firecrest.services.places import run
from tests.support.live import Live, until

GIBIBYTE = 1 << 30
BLOCK = 1 << 20
GROWTH = 50 << 20
"""Bytes that all gateway processes together may grow."""


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    direct = [int(child) for file in tasks for child in file.read_text().split()]
    return [pid, *(below for child in direct for below in _children(child))]


def _resident(pids: list[int]) -> int:
    """Bytes of memory of these processes together."""
    page = os.sysconf("SC_PAGE_SIZE")
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page for pid in pids)


@dataclass
class Peak:
    before: int
    highest: int = 0


@contextmanager
def _watched(live: Live) -> Iterator[Peak]:
    """Highest memory of the gateway while the block runs."""
    parts = live.runtime.status().parts
    [main] = [part.pid for part in parts if part.name == "gateway"]
    assert main is not None
    pids = _children(main)
    peak = Peak(_resident(pids))
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            peak.highest = max(peak.highest, _resident(pids))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


@pytest.fixture
def gigabyte(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A sparse file with a random mebibyte every 64, and its SHA-256."""
    path = tmp_path / "gigabyte"
    noise = random.Random(20200401)
    with path.open("wb") as file:
        for start in range(0, GIBIBYTE, 64 * BLOCK):
            file.seek(start)
            file.write(noise.randbytes(BLOCK))
        file.truncate(GIBIBYTE)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    yield path, digest
    path.unlink()


@pytest.mark.timeout(300)
def test_one_gigabyte_both_ways(live: Live, gigabyte: tuple[Path, str]) -> None:
    file, digest = gigabyte
    place = run(live, "mkdir target")
    with _watched(live) as peak:
        answer = live.post(
            "/storage/xfer-external/upload",
            data={"targetPath": f"{place}/target", "sourcePath": str(file)},
        )
        task = live.settled(answer, states=frozenset({"111", "400"}))
        command = task["data"]["msg"]["command"]
        subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=200)
        uploaded = until(
            lambda: _in(live, task["task_id"], {"114", "115", "400"}), seconds=200, what="upload"
        )
        assert uploaded == "114"
        source = f"{place}/target/{file.name}"
        created = live.post("/storage/xfer-external/download", data={"sourcePath": source})
        link = live.settled(created, seconds=200)
        assert link["status"] == "117", link
        assert _digest(link["data"]) == digest
    invalidated = live.post(
        "/storage/xfer-external/invalidate", headers={"X-Task-Id": link["task_id"]}
    )
    assert invalidated.status_code == 201
    run(live, f"rm -- {source}")
    assert peak.highest - peak.before < GROWTH, f"grew by {peak.highest - peak.before} bytes"


def _in(live: Live, task_id: str, states: set[str]) -> str | None:
    status: str = live.task(task_id)["status"]
    return status if status in states else None


def _digest(url: str) -> str:
    seen = hashlib.sha256()
    with requests.get(url, stream=True, timeout=60) as answer:
        answer.raise_for_status()
        for block in answer.iter_content(BLOCK):
            seen.update(block)
    return seen.hexdigest()
