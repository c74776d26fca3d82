"""A gateway without the authority's key, in front of the same cluster (delegation.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.firecrest.delegation.certificator import SECRET, Certificator
from tests.firecrest.services.variants import Variant, gateway_with
from tests.support.live import Live

DENIED_USER = "test2"


@dataclass(frozen=True)
class Pair:
    """The gateway, its log, and the certificator that it asks."""

    gateway: Variant
    log: Path
    certificator: Certificator


@pytest.fixture
def pair(live: Live, tmp_path: Path) -> Iterator[Pair]:
    directories = tmp_path / "certificator", tmp_path / "gateway"
    for directory in directories:
        directory.mkdir()
    key = asyncssh.read_private_key(str(live.testbuild.directory / "ca" / "user_ca"))
    policy = {"denied_users": {"cluster": [DENIED_USER]}}
    certificator = Certificator(directories[0], key, policy)
    certificator.start()

    def change(settings: dict[str, Any]) -> None:
        del settings["ssh"]["ca_key"]
        settings["ssh"] |= {
            "certificator_url": certificator.url,
            "certificator_secret": SECRET,
        }

    try:
        with gateway_with(live, directories[1], change) as gateway:
            yield Pair(gateway, directories[1] / "gateway.log", certificator)
    finally:
        if certificator.process is not None:
            certificator.stop()


def test_it_is_asked_and_its_absence_is_told(pair: Pair) -> None:
    gateway = pair.gateway

    def ls(user: str) -> Any:
        return gateway.get("/utilities/ls", user=user, params={"targetPath": "/tmp"})

    def state() -> tuple[str, int]:
        one = gateway.get("/status/services/certificator", machine=None).json()
        return one["status"], one["status_code"]

    assert ls("test1").status_code == 200
    assert state() == ("available", 200)
    assert [line["user"] for line in pair.certificator.lines("certificate issued")] == ["test1"]

    denied = ls(DENIED_USER)
    assert denied.status_code == 400
    expected = "User does not have permissions to access machine"
    assert denied.headers["X-Permission-Denied"] == expected

    assert pair.certificator.stop() == 0
    assert state() == ("not available", 400)
    assert ls("test1").status_code == 200, "who is logged in goes on"
    failed = ls("test4")
    assert failed.status_code == 400
    assert failed.headers["X-Error"] == "Delegation service is not available"
    out = gateway.get("/status/systems/cluster", user="test4", machine=None).json()["out"]
    assert out["description"] == "System does not accept connections"

    pair.certificator.start()
    assert state() == ("available", 200)
    assert ls("test4").status_code == 200
    assert "no certificate service" in pair.log.read_text()
    for log in (pair.log, pair.certificator.log):
        assert SECRET not in log.read_text()
