"""Where `rsvmgmt` asks: a unix socket for all users, served with the rights of the cluster's root.

The kernel says who calls (SO_PEERCRED of unix(7)), so no program with a set-user-id bit and no
sudo is needed: those give no rights at all where the cluster runs in a user namespace, or where
its users exist only by a preloaded library. The language is the little HTTP that curl speaks, as
every machine of the cluster has curl: arguments ended by zero bytes go in, exit status and text
come out. Standard library only.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.cluster.reservations import PROGRAM, Answer, ExitStatus, Reservations, Rules

_PATIENCE = 25.0
"""Seconds for one caller, the wait for its turn included; less than the program waits."""
_GUESTS = 32
"""Callers at a time; who comes then finds the door closed."""
_LARGEST = 16384
"""Bytes of a head, and of a body."""
_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9]{1,9})[ \t]*\r$", re.IGNORECASE | re.MULTILINE)
_CREDENTIALS = struct.Struct("3i")
_NONSENSE = Answer(ExitStatus.USAGE, f"{PROGRAM}: Error: this is no request of {PROGRAM}")


@dataclass(frozen=True)
class Desk:
    """Where the desk is and what it allows; travels as JSON."""

    socket: str
    rules: Rules


async def serve(path: Path, reservations: Reservations) -> asyncio.Server:
    """Listen on `path` (mode 0666) and answer whoever comes."""
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - a local file
    guests: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(guests) < _GUESTS:
                guests.add(writer)
                async with asyncio.timeout(_PATIENCE):
                    answer = await _answer(reader, _caller(writer), reservations)
                    writer.write(_response(answer))
                    await writer.drain()
        except (TimeoutError, ConnectionError):
            return
        finally:
            guests.discard(writer)
            writer.close()

    previous = os.umask(0o111)
    try:
        return await asyncio.start_unix_server(talk, path, limit=_LARGEST)
    finally:
        os.umask(previous)


def _caller(writer: asyncio.StreamWriter) -> int:
    """User id of the process that connected."""
    connection: socket.socket = writer.get_extra_info("socket")
    option = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(option)[1]
    return uid


async def _answer(reader: asyncio.StreamReader, uid: int, reservations: Reservations) -> Answer:
    try:
        arguments = await _arguments(reader)
    except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return _NONSENSE
    return await reservations.answer(uid, arguments)


async def _arguments(reader: asyncio.StreamReader) -> list[str]:
    """What the program was called with; raises `ValueError` or asyncio's errors for nonsense."""
    head = await reader.readuntil(b"\r\n\r\n")
    declared = _LENGTH.search(head)
    if declared is None or int(declared[1]) > _LARGEST:
        raise ValueError("no length, or too much of it")
    body = await reader.readexactly(int(declared[1]))
    *arguments, rest = body.decode().split("\0")
    if rest:
        raise ValueError("the last argument has no end")
    return arguments


def _response(answer: Answer) -> bytes:
    body = f"{int(answer.status)}\n{answer.text}\n".encode(errors="replace")
    head = f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
