"""The counters of opened connections and channels, which load tests divide by requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from f7t.ssh.pool import SshPool
from tests.firecrest.ssh.test_run import run

if TYPE_CHECKING:
    from tests.support.sshd import Sshd

Opened = Callable[[], tuple[float, float]]


@pytest.fixture
def opened() -> Opened:
    """Connections and channels opened since the test began."""

    def now() -> tuple[float, float]:
        names = ("f7t_ssh_connects_total", "f7t_ssh_channels_total")
        connects, channels = (REGISTRY.get_sample_value(name) or 0.0 for name in names)
        return connects, channels

    before = now()
    return lambda: (now()[0] - before[0], now()[1] - before[1])


async def test_a_user_costs_one_connection_and_a_channel_for_files(
    pool: SshPool, sshd: Sshd, opened: Opened
) -> None:
    for user in ("test1", "test2"):
        async with pool.session(user, sshd) as session:
            await session.files.absolute(str(sshd.home(user)))
    assert opened() == (2, 2)
    async with pool.session("test1", sshd) as session:
        await session.files.absolute(str(sshd.home("test1")))
    assert opened() == (2, 2)


async def test_every_command_costs_a_channel(pool: SshPool, sshd: Sshd, opened: Opened) -> None:
    async with pool.session("test1", sshd) as session:
        await asyncio.gather(*(run(session, "true") for _ in range(5)))
    assert opened() == (1, 6)
