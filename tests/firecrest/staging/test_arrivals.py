"""The watcher: complete objects are noticed, others never count, and the store is spared."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from f7t.errors import StagingUnavailable
from f7t.staging.area import StagingArea, StoredObject
from f7t.staging.arrivals import Arrivals, interval_after
from f7t.staging.form import UploadForm

TTL = 600


@pytest_asyncio.fixture
async def arrivals(area: StagingArea) -> AsyncIterator[Arrivals]:
    arrivals = Arrivals(area, interval=0.05)
    yield arrivals
    await arrivals.close()


def _multipart(form: UploadForm, content: bytes) -> tuple[str, bytes]:
    """Content type and body of the form as a client posts it."""
    request = httpx.Request(
        "POST", form.url, data=dict(form.fields), files={"file": ("f", content)}
    )
    return request.headers["content-type"], request.read()


async def _post(form: UploadForm, content: bytes = b"content") -> None:
    kind, body = _multipart(form, content)
    async with httpx.AsyncClient() as client:
        answer = await client.post(form.url, content=body, headers={"content-type": kind})
    assert answer.status_code == 204


async def test_an_arrival_is_noticed(
    area: StagingArea, arrivals: Arrivals, user: str, task_id: str
) -> None:
    form = await area.upload_form(user, task_id, "f", "f", TTL)
    waiting = asyncio.create_task(arrivals.wait_for(user, task_id, "f"))
    await _post(form)
    async with asyncio.timeout(20):
        assert await waiting == StoredObject(f"{task_id}/f", 7)


async def test_an_object_that_is_there_already_is_found(
    area: StagingArea, arrivals: Arrivals, user: str, task_id: str
) -> None:
    """As after a restart of the gateway."""
    await _post(await area.upload_form(user, task_id, "f", "f", TTL))
    async with asyncio.timeout(20):
        assert (await arrivals.wait_for(user, task_id, "f")).size == 7


async def test_an_incomplete_upload_does_not_count(
    area: StagingArea, arrivals: Arrivals, user: str, task_id: str
) -> None:
    form = await area.upload_form(user, task_id, "f", "f", TTL)
    kind, body = _multipart(form, b"x" * 1_000_000)
    waiting = asyncio.create_task(arrivals.wait_for(user, task_id, "f"))
    target = urlsplit(form.url)
    with socket.create_connection((target.hostname, target.port)) as client:
        head = (
            f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        client.sendall(head.encode() + body[:-1000])
        for _ in range(3):
            assert not await area.listing(user, "")
        assert not waiting.done()
        client.sendall(body[-1000:])
        async with asyncio.timeout(20):
            assert (await waiting).size == 1_000_000


async def test_each_waits_for_its_own_object(
    area: StagingArea, arrivals: Arrivals, user: str
) -> None:
    """A key that another one begins with, another user's bucket, the same object twice."""
    ids = [f"{n:032x}" for n in range(3)]
    forms = [await area.upload_form(user, task, "f", "f", TTL) for task in ids]
    longer = await area.upload_form(user, ids[0], "f.txt", "f.txt", TTL)
    elsewhere = await area.upload_form(f"{user}b", ids[0], "f", "f", TTL)
    waits = [asyncio.create_task(arrivals.wait_for(user, task, "f")) for task in (*ids, ids[0])]
    await _post(longer)
    await _post(elsewhere)
    await _post(forms[1])
    async with asyncio.timeout(20):
        assert (await waits[1]).key == f"{ids[1]}/f"
        assert not any(waits[n].done() for n in (0, 2, 3))
        await _post(forms[0])
        await asyncio.gather(waits[0], waits[3])
        assert not waits[2].done()
        await _post(forms[2])
        await waits[2]


class _CountedArea:
    """Counts the looks and fails the first ones; otherwise the real thing."""

    def __init__(self, area: StagingArea, failures: int = 0) -> None:
        self._area = area
        self._failures = failures
        self.looks: list[tuple[str, str]] = []
        self.looked = asyncio.Semaphore(0)

    async def listing(self, bucket: str, prefix: str) -> Sequence[StoredObject]:
        self.looks.append((bucket, prefix))
        self.looked.release()
        if len(self.looks) <= self._failures:
            raise StagingUnavailable("The staging area is not available (test)")
        return await self._area.listing(bucket, prefix)


async def test_many_uploads_of_a_bucket_cost_one_look(area: StagingArea, user: str) -> None:
    counted = _CountedArea(area)
    arrivals = Arrivals(counted, interval=3600)  # type: ignore[arg-type]
    waits = [asyncio.create_task(arrivals.wait_for(user, f"{n:032x}", "f")) for n in range(100)]
    async with asyncio.timeout(20):
        await counted.looked.acquire()
    assert counted.looks == [(user, "")]
    await arrivals.close()
    await asyncio.gather(*waits, return_exceptions=True)
    assert all(wait.cancelled() for wait in waits)


async def test_a_single_upload_looks_at_its_own_object(
    area: StagingArea, user: str, task_id: str
) -> None:
    counted = _CountedArea(area)
    arrivals = Arrivals(counted, interval=3600)  # type: ignore[arg-type]
    wait = asyncio.create_task(arrivals.wait_for(user, task_id, "f"))
    async with asyncio.timeout(20):
        await counted.looked.acquire()
    assert counted.looks == [(user, f"{task_id}/f")]
    await arrivals.close()
    await asyncio.gather(wait, return_exceptions=True)


async def test_nobody_waiting_costs_nothing(area: StagingArea, user: str, task_id: str) -> None:
    counted = _CountedArea(area)
    arrivals = Arrivals(counted, interval=0.001)  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await arrivals.wait_for(user, task_id, "f")
    await asyncio.sleep(0.05)
    before = len(counted.looks)
    await asyncio.sleep(0.05)
    assert len(counted.looks) == before > 0
    await arrivals.close()


async def test_a_new_wait_does_not_wait_for_the_next_look(area: StagingArea, user: str) -> None:
    ids = [f"{n:032x}" for n in range(2)]
    await _post(await area.upload_form(user, ids[1], "f", "f", TTL))
    counted = _CountedArea(area)
    arrivals = Arrivals(counted, interval=3600)  # type: ignore[arg-type]
    first = asyncio.create_task(arrivals.wait_for(user, ids[0], "f"))
    async with asyncio.timeout(20):
        await counted.looked.acquire()
        assert (await arrivals.wait_for(user, ids[1], "f")).size == 7
    assert not first.done()
    await arrivals.close()
    await asyncio.gather(first, return_exceptions=True)


async def test_an_outage_of_the_store_is_outlasted(
    area: StagingArea, user: str, task_id: str
) -> None:
    await _post(await area.upload_form(user, task_id, "f", "f", TTL))
    counted = _CountedArea(area, failures=3)
    arrivals = Arrivals(counted, interval=0.01)  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        assert (await arrivals.wait_for(user, task_id, "f")).size == 7
    assert len(counted.looks) == 4
    await arrivals.close()


@pytest.mark.parametrize(
    ("age", "interval"), [(0, 0.4), (599, 0.4), (600, 0.4), (1200, 0.8), (15000, 10), (1e6, 10)]
)
def test_looks_become_rare_for_uploads_that_nobody_posts(age: float, interval: float) -> None:
    assert interval_after(age, 0.4) == pytest.approx(interval)
