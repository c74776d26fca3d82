"""Operations are answered past the framework; everything else is still the framework's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, Query
from starlette.middleware import Middleware

from f7t.services.dispatch import Dispatch
from f7t.services.routing import OperationRoute
from tests.firecrest.http.wire import exchange, head, served

router = APIRouter(route_class=OperationRoute)


@router.delete("/things/{name}", operation_id="reservations_delete", status_code=204)
async def delete(name: str) -> None:
    """Nothing to say."""


@router.get("/things/{name}", operation_id="status_service")
async def get(
    name: str, asked: Annotated[str | None, Query(alias="asWritten")] = None
) -> dict[str, Any]:
    """Says what it was asked."""
    return {"name": name, "asked": asked}


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = FastAPI(version="1.16.6", middleware=[Middleware(Dispatch)])
    app.include_router(router)
    async with served(app) as number:
        yield number


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/things/a", b'{"name":"a","asked":null}'),
        ("/things/a?asWritten=", b'{"name":"a","asked":""}'),
        ("/things/a%20b?asWritten=1&asWritten=2", b'{"name":"a b","asked":"2"}'),
    ],
)
async def test_arguments_come_from_path_and_query(port: int, target: str, body: bytes) -> None:
    answer = await exchange(port, head("GET", target))
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [("GET", "/things/a/b", 404), ("GET", "/things/", 404), ("PUT", "/things/a", 405)],
)
async def test_what_is_no_operation_is_the_frameworks(
    port: int, method: str, target: str, status: int
) -> None:
    assert (await exchange(port, head(method, target))).status == status


async def test_an_answer_without_content_leaves_the_connection_usable(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head("DELETE", "/things/a").replace(b"Connection: close\r\n", b""))
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 204 ")
    assert b"content-length" not in answer.lower()
    writer.write(head("GET", "/things/a"))
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
