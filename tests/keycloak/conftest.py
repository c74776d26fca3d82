"""A running issuer, variants of the realm, and a browser that keeps its cookies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from tests.support.issuer import (
    PUBLIC_URL,
    REALM_FILE,
    SECRETS,
    Browser,
    Names,
    RunningIssuer,
    launch,
    parameters,
)

Change = Callable[[dict[str, Any]], None]


class StartIssuer(Protocol):
    """Start an issuer on a fresh port; it is stopped at the end of the test."""

    def __call__(
        self, state: Path, realm: Path = ..., environment: Mapping[str, str] = ...
    ) -> RunningIssuer: ...


@pytest.fixture(scope="session")
def names() -> Names:
    return Names()


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIssuer]:
    """One issuer for all tests that do not change it."""
    running = launch(tmp_path_factory.mktemp("identity"))
    yield running
    running.stop()


@pytest.fixture
def start_issuer() -> Iterator[StartIssuer]:
    started: list[RunningIssuer] = []

    def start(
        state: Path, realm: Path = REALM_FILE, environment: Mapping[str, str] = SECRETS
    ) -> RunningIssuer:
        started.append(launch(state, realm, environment))
        return started[-1]

    yield start
    for running in started:
        running.stop()


@pytest.fixture
def realm_variant(tmp_path: Path) -> Callable[[Change], Path]:
    """Write a copy of the realm file that a function has changed."""

    def vary(change: Change) -> Path:
        realm = json.loads(REALM_FILE.read_text())
        change(realm)
        path = tmp_path / "variant.json"
        path.write_text(json.dumps(realm))
        return path

    return vary


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class TimedIssuer:
    """An issuer in this process, with a clock in our hands."""

    http: httpx.AsyncClient
    clock: Clock
    oidc: str = "/auth/realms/kcrealm/protocol/openid-connect"

    async def token(self, data: Mapping[str, str]) -> httpx.Response:
        return await self.http.post(f"{self.oidc}/token", data=dict(data))


@pytest.fixture
async def timed(tmp_path: Path) -> AsyncIterator[TimedIssuer]:
    from f7t_identity.app import create_app
    from f7t_identity.keys import KeyRing
    from f7t_identity.realmfile import load_realm

    clock = Clock()
    keys = KeyRing(tmp_path / "state")
    app = create_app(load_realm(REALM_FILE, SECRETS), keys, PUBLIC_URL, clock)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://identity") as http:
        yield TimedIssuer(http, clock)


@pytest.fixture
def new_browser(issuer: RunningIssuer) -> Iterator[Callable[[], Browser]]:
    opened: list[Browser] = []

    def make() -> Browser:
        opened.append(Browser(issuer))
        return opened[-1]

    yield make
    for browser in opened:
        browser.http.close()


@pytest.fixture(scope="session")
def sent_back() -> Callable[[httpx.Response], dict[str, str]]:
    return parameters
