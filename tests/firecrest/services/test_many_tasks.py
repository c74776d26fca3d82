"""More tasks of a user than are read at once: the list comes in pieces, whole or broken."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from redis import Redis

from f7t.tasks.model import Service, Status, Task, TaskSpec, new_task
from f7t.tasks.store import BATCH, TaskStore
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.ways import WayName
from tests.support.live import SERVICE_ACCOUNT, Live

COUNT = 3 * BATCH + 1
USER = SERVICE_ACCOUNT


def _url(live: Live) -> str:
    """Of the testbuild's own Redis."""
    return f"unix://{Layout(live.testbuild.directory, WayName(live.way)).redis_socket}"


async def _stored(url: str) -> list[Task]:
    store = TaskStore(url, lifetimes=dict.fromkeys(Service, 600.0))
    try:
        tasks = [new_task(USER, Service.COMPUTE, "cluster") for _ in range(COUNT)]
        for task in tasks:
            await store.create(task, TaskSpec("queue"), owner="test", lease=60)
        return [await store.update(task.id, Status.FINISHED, "é\n", owner="test") for task in tasks]
    finally:
        await store.close()


@pytest.fixture
def redis(live: Live) -> Iterator[Redis]:
    with closing(Redis.from_url(_url(live))) as client:
        yield client


@pytest.fixture
def tasks(live: Live, redis: Redis) -> Iterator[list[Task]]:
    """Settled tasks of the user, removed at the end."""
    made = asyncio.run(_stored(_url(live)))
    yield made
    redis.delete(*(f"f7t:task:{one.id}" for one in made), f"f7t:user:{USER}")


def _raw(live: Live) -> tuple[bytes, bytes]:
    """Head and body of `GET /tasks` as they come over the wire."""
    place = urlsplit(live.url)
    request = f"GET /tasks HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n"
    request += f"Authorization: Bearer {live.token(USER)}\r\n\r\n"
    with socket.create_connection((place.hostname, place.port), timeout=30) as wire:
        wire.sendall(request.encode())
        received = b"".join(iter(lambda: wire.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return head, body


def _chunks(body: bytes) -> list[bytes]:
    """The chunks that came; the last is empty if the body came to its end."""
    chunks = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return chunks


def test_a_long_list_comes_in_pieces_and_is_the_same_document(
    live: Live, tasks: list[Task]
) -> None:
    head, body = _raw(live)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nContent-Type: application/json\r\n" in head
    chunks = _chunks(body)
    assert len(chunks) >= 4
    assert chunks[-1] == b""
    document = b"".join(chunks)
    read = json.loads(document)
    assert {one.id for one in tasks} <= set(read["tasks"])
    assert document == json.dumps(read, ensure_ascii=False, separators=(",", ":")).encode()
    one = live.task(tasks[0].id, user=USER)
    assert read["tasks"][tasks[0].id] == one | {"task_url": one["task_url"]}


def test_what_breaks_in_the_middle_is_no_document(
    live: Live, tasks: list[Task], redis: Redis
) -> None:
    """A record that cannot be read stands at the end of the list."""
    redis.set(f"f7t:task:{tasks[-1].id}", "no record", keepttl=True)
    head, body = _raw(live)
    assert head.startswith(b"HTTP/1.1 200 ")
    chunks = _chunks(body)
    assert len(chunks) >= 1
    assert chunks[-1] != b""
    with pytest.raises(ValueError, match=r".*"):
        json.loads(b"".join(chunks))
