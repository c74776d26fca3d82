"""An older configured version serves what that release had (D28)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from f7t.auth import TokenVerifier
from f7t.services.operations import OPERATIONS
from f7t.services.versions import PARAMETER_GROUPS, SINCE, serves, shows
from f7t.settings import AuthSettings, Settings
from tests.firecrest.http.conftest import OneToken
from tests.firecrest.http.wire import exchange, head, served


def _one_token(auth: AuthSettings) -> TokenVerifier:
    return OneToken(auth)


@pytest.fixture(scope="module")
async def old(settings: Settings) -> AsyncIterator[int]:
    """Port of the real application of release 1.14.0, with nothing behind it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("f7t.app.TokenVerifier", _one_token)
        from f7t.app import create_app

        app = create_app(settings.model_copy(update={"firecrest_version": "1.14.0"}))
        app.state.parts = None
        async with served(app) as number:
            yield number


def test_every_row_is_an_operation() -> None:
    assert set(SINCE) <= set(OPERATIONS)
    assert set(PARAMETER_GROUPS) <= {"general", "compute", "storage", "utilities"}


@pytest.mark.parametrize(
    ("version", "operation", "expected"),
    [
        ("1.16.6", "utilities_compress", True),
        ("1.16.0", "utilities_compress", True),
        ("1.16", "utilities_compress", True),
        ("1.16.0rc1", "utilities_compress", True),
        ("1.16.0.dev3+local", "utilities_compress", True),
        ("1.15.9", "utilities_compress", False),
        ("1.9.0", "utilities_head", False),
        ("1.11.0", "utilities_head", True),
        ("1.0", "utilities_ls", True),
        ("2.0", "compute_nodes", True),
    ],
)
def test_order_of_versions(version: str, operation: str, expected: bool) -> None:
    assert serves(version, operation) is expected


@pytest.mark.parametrize(
    ("version", "groups"),
    [
        ("1.16.6", {"general", "compute", "storage", "utilities"}),
        ("1.16.0", {"compute", "storage", "utilities"}),
        ("1.14.0", {"storage", "utilities"}),
    ],
)
def test_groups_of_parameters(version: str, groups: set[str]) -> None:
    names = ("general", "compute", "storage", "utilities")
    assert {name for name in names if shows(version, name)} == groups


@pytest.mark.parametrize("path", ["/status/filesystems", "/status/filesystems/cluster"])
async def test_a_later_operation_is_no_route(old: int, gateway: int, path: str) -> None:
    answer = await exchange(old, head("GET", path))
    assert (answer.status, json.loads(answer.body)) == (
        404,
        {"description": "The requested URL was not found"},
    )
    assert (await exchange(old, head("GET", path, token=None))).status == 401
    assert (await exchange(gateway, head("GET", path))).status != 404


async def test_the_documentation_shows_what_is_served(old: int, gateway: int) -> None:
    documents = [
        json.loads((await exchange(port, head("GET", "/docs/openapi.json", token=None))).body)
        for port in (old, gateway)
    ]
    before, now = (set(one["paths"]) for one in documents)
    assert {"/status/filesystems", "/status/filesystems/{system}"} <= now - before
    assert "/utilities/ls" in before
    assert documents[0]["info"]["version"] == "1.14.0"
