"""`/reservations` says that it will go, in whatever it answers (contract §1)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from tests.firecrest.http.wire import TOKEN, exchange, head

SINCE = 1711111630


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("GET", "/reservations/status", TOKEN, 200),
        ("GET", "/reservations/nope/nope", TOKEN, 404),
        ("PATCH", "/reservations", TOKEN, 400),
        ("GET", "/reservations", None, 401),
        ("GET", "/reservations/", None, 401),
    ],
)
async def test_every_answer(
    gateway: int, method: str, path: str, token: str | None, status: int
) -> None:
    answer = await exchange(gateway, head(method, path, token=token))
    assert answer.status == status
    assert answer.header("Deprecation") == f"@{SINCE}"
    sunset = answer.header("Sunset") or ""
    assert sunset.endswith(" GMT")
    assert parsedate_to_datetime(sunset).timestamp() > SINCE


@pytest.mark.parametrize("path", ["/compute/reservations/x", "/reservationsx", "/status/nope"])
async def test_nothing_else(gateway: int, path: str) -> None:
    answer = await exchange(gateway, head("GET", path))
    assert answer.header("Deprecation") is None
    assert answer.header("Sunset") is None


async def test_pages_of_other_origins_may_read_it(gateway: int) -> None:
    answer = await exchange(
        gateway, head("GET", "/reservations/status", Origin="http://portal.example")
    )
    exposed = (answer.header("Access-Control-Expose-Headers") or "").split(", ")
    assert {"Deprecation", "Sunset", "X-Request-Id"} <= set(exposed)
    assert {"Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} <= {
        *exposed
    }
    assert len(exposed) == len(set(exposed))


@pytest.mark.parametrize("service", ["utilities", "compute", "storage", "tasks", "reservations"])
async def test_signs_of_life_need_a_token(gateway: int, service: str) -> None:
    path = f"/{service}/status"
    assert (await exchange(gateway, head("GET", path))).status == 200
    assert (await exchange(gateway, head("GET", path, token=None))).status == 401
