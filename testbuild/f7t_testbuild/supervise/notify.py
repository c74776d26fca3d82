"""How a part talks to its supervisor: the datagrams of sd_notify(3) on an inherited socket.

`READY=1`, `STATUS=<text>`, `ERROR=<why it gives up>`, and `FDSTORE=1` with `FDNAME=<name>` and a
descriptor, by which a part hands a listening socket to its siblings. Closing the supervisor's end
means "stop", so a part also notices that its supervisor died.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "TESTBUILD_NOTIFY_FD"
_LARGEST = 65536


@dataclass(frozen=True)
class Message:
    """One received datagram."""

    values: Mapping[str, str]
    descriptors: tuple[int, ...]


def pair() -> tuple[socket.socket, socket.socket]:
    """The supervisor's end and the part's end."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(end: socket.socket, *descriptors: int, **values: str) -> None:
    """Send one message, e.g. `send(end, READY="1")`; a vanished peer is no error."""
    text = "\n".join(f"{key}={' '.join(value.splitlines())}" for key, value in values.items())
    try:
        socket.send_fds(end, [text.encode()], list(descriptors))
    except (BrokenPipeError, ConnectionResetError):
        return


def receive(end: socket.socket) -> Message | None:
    """The next message, or None when the other side is gone. Raises `BlockingIOError`."""
    try:
        data, descriptors, _, _ = socket.recv_fds(end, _LARGEST, 8)
    except ConnectionResetError:
        return None
    if not data:
        return None
    pairs = (line.partition("=") for line in data.decode(errors="replace").splitlines())
    return Message({key: value for key, _, value in pairs}, tuple(descriptors))


def inherited() -> socket.socket | None:
    """The part's end, from the variable that the supervisor set; None when run by hand."""
    number = os.environ.pop(VARIABLE, "")
    return socket.socket(fileno=int(number)) if number else None
