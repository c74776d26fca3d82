"""What is written in one turn of the event loop is sent together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

import pytest

from f7t.joining import Joining


class _Recorded(asyncio.Transport):
    """Keeps what is sent, call by call, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__({"peername": "somebody"})
        self.sent: list[bytes] = []
        self.closed_after = -1

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.sent.append(b"".join(list_of_data))

    def close(self) -> None:
        self.closed_after = len(self.sent)

    def is_closing(self) -> bool:
        return self.closed_after >= 0


@pytest.fixture
def recorded() -> _Recorded:
    return _Recorded()


@pytest.fixture
async def joining(recorded: _Recorded) -> asyncio.Transport:
    return cast("asyncio.Transport", Joining(recorded, asyncio.get_running_loop()))


async def test_head_and_body_are_sent_by_one_call(
    joining: asyncio.Transport, recorded: _Recorded
) -> None:
    for number in (b"1", b"2"):
        joining.write(b"head " + number)
        joining.write(b" body")
        await asyncio.sleep(0)
    assert recorded.sent == [b"head 1 body", b"head 2 body"]
    assert joining.get_extra_info("peername") == "somebody"


async def test_much_is_sent_at_once(joining: asyncio.Transport, recorded: _Recorded) -> None:
    """Else the transport would not notice that its receiver is too slow."""
    large = bytes(40_000)
    joining.write(b"head")
    joining.write(large)
    assert recorded.sent == [b"head" + large]
    joining.write(b"re")
    joining.write(b"st")
    await asyncio.sleep(0)
    assert recorded.sent[1:] == [b"rest"]


async def test_what_is_held_is_sent_before_the_connection_closes(
    joining: asyncio.Transport, recorded: _Recorded
) -> None:
    joining.write(b"last words")
    joining.close()
    assert recorded.sent == [b"last words"]
    assert recorded.closed_after == 1


async def test_a_client_who_goes_before_the_turn_ends_is_sent_nothing(
    joining: asyncio.Transport, recorded: _Recorded
) -> None:
    joining.write(b"to nobody")
    recorded.close()  # as the event loop does when it meets the end of the connection
    await asyncio.sleep(0)
    joining.close()
    assert recorded.sent == []
