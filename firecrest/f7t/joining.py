"""Sends together what is written together.

A server writes an answer's head and body one after the other, an SSH connection each packet by
itself: sent one by one, each costs a call of the system and wakes the peer for a part of what it
needs.
"""

from __future__ import annotations

import asyncio
from typing import Any

_HELD_AT_MOST = 32 * 1024
"""Bytes that wait for what is written after them."""


class Joining:
    """A transport that sends together what is written in one turn of the event loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send it soon; at once if much is held, so that the transport can ask for a pause."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._size += len(data)
        if self._size > _HELD_AT_MOST:
            self._send()

    def close(self) -> None:
        """Close when all of it is sent."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        held, self._held, self._size = self._held, [], 0
        # The client may have gone in the same turn, and a closed transport refuses to be written.
        if held and not self._transport.is_closing():
            self._transport.writelines(held)
