"""What is repeated and what must not be, when a connection breaks at the worst moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import asyncssh
import pytest

from f7t.errors import ConnectionRefused
from f7t.ssh.channel import ChannelNotOpened, execute


class Breaking:
    """A connection that breaks while a channel is being opened, before or after the server's yes.

    No real server can be made to break exactly there.
    """

    def __init__(self, *, confirmed: bool, closed: bool) -> None:
        self._confirmed = confirmed
        self._closed = closed
        self.requests = 0

    async def create_session(
        self, factory: Callable[[], asyncssh.SSHClientSession[bytes]], line: str, *, encoding: None
    ) -> None:
        self.requests += 1
        session = factory()
        if self._confirmed:
            session.connection_made(cast(Any, None))
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "SSH connection closed")

    def is_closed(self) -> bool:
        return self._closed


async def run(connection: Breaking, released: list[bool]) -> None:
    await execute(
        cast(asyncssh.SSHClientConnection, connection),
        "true",
        stdin=None,
        time_limit=10,
        output_limit=10,
        release=lambda: released.append(True),
    )


async def test_a_command_that_may_have_begun_is_never_sent_again() -> None:
    connection, released = Breaking(confirmed=True, closed=False), list[bool]()
    with pytest.raises(ConnectionRefused):
        await run(connection, released)
    assert (connection.requests, released) == (1, [True])


async def test_a_command_that_was_not_begun_is_left_to_another_connection() -> None:
    connection, released = Breaking(confirmed=False, closed=True), list[bool]()
    with pytest.raises(ChannelNotOpened):
        await run(connection, released)
    assert (connection.requests, released) == (1, [True])


async def test_a_full_server_is_asked_again_for_a_moment() -> None:
    connection, released = Breaking(confirmed=False, closed=False), list[bool]()
    with pytest.raises(ChannelNotOpened):
        await run(connection, released)
    assert connection.requests > 3
    assert released == [True]
