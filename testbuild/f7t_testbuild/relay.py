"""Carries TCP connections from one address to another, where a program cannot listen itself.

`python -m f7t_testbuild.relay (--fd N | --listen HOST:PORT) --to HOST:PORT`. Standard library only:
it also runs in containers that hold nothing but Python 3.11 and this package. SIGTERM and SIGINT
end it at once, with status 0; so do not expect it to finish what it carries.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import os
import resource
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from typing import NoReturn

BACKLOG = 1024
CONNECT_TIMEOUT = 5.0
"""Seconds for one address of the target."""
FIRST_BUFFER = 16 * 1024
LARGEST_BUFFER = 512 * 1024
"""A direction begins with a small buffer and gets this one once it proves to be busy."""
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RESET = struct.pack("ii", 1, 0)
"""struct linger (socket(7)): close(2) resets the connection instead of ending it in order."""


@dataclass(frozen=True)
class Address:
    """Host (a name or a number) and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`HOST:PORT`, an IPv6 number in brackets. Raises `ArgumentTypeError`."""
    host, _, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    plain = host and (bracketed or ":" not in host)
    if not plain or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return Address(host, int(port))


class Unusable(Exception):
    """There is nothing to listen on."""


def inherited(descriptor: int) -> socket.socket:
    """The listening socket behind a descriptor; raises `Unusable`."""
    try:
        listener = socket.socket(fileno=descriptor)
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return listener
        listener.detach()
    except OSError as error:
        raise Unusable(f"descriptor {descriptor} is no socket: {error.strerror}") from error
    raise Unusable(f"descriptor {descriptor} is not a listening socket")


def opened(address: Address) -> socket.socket:
    """A socket that listens there; raises `Unusable`."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(BACKLOG)
    except OSError as error:
        raise Unusable(f"cannot listen on {address}: {error.strerror}") from error
    return listener


async def serve(listener: socket.socket, target: Address) -> NoReturn:
    """Accept for ever; each connection is carried by a task of its own."""
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    carried: set[asyncio.Task[None]] = set()
    while True:
        try:
            client, _ = await loop.sock_accept(listener)
        except OSError as error:
            if error.errno in EXHAUSTED:
                _log(f"cannot accept: {error.strerror}")
                # The next end of a connection makes room; with none there, others hold it all.
                await asyncio.wait(
                    {asyncio.create_task(asyncio.sleep(1)), *carried},
                    return_when=asyncio.FIRST_COMPLETED,
                )
            continue
        task = asyncio.create_task(carry(client, target))
        carried.add(task)
        task.add_done_callback(carried.discard)


async def carry(client: socket.socket, target: Address) -> None:
    """Connect to the target and carry both directions to their ends.

    Whatever breaks is passed on as a reset: a cut transfer must not look like a finished one.
    """
    with client:
        try:
            client.setblocking(False)
            server = await connect(target)
        except OSError as error:
            _log(f"cannot connect to {target}: {error.strerror or error}")
            _reset(client)
            return
        with server:
            try:
                for side in (client, server):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                async with asyncio.TaskGroup() as directions:
                    directions.create_task(pump(client, server))
                    directions.create_task(pump(server, client))
            except* OSError:
                _reset(client)
                _reset(server)


async def connect(target: Address) -> socket.socket:
    """A connection to the first address that takes it; the name is looked up anew each time.

    Raises `OSError` (also `TimeoutError`) of the last address, or of the look-up.
    """
    loop = asyncio.get_running_loop()
    failure: OSError = OSError(errno.EADDRNOTAVAIL, "the name has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(
        target.host, target.port, type=socket.SOCK_STREAM
    ):
        server = socket.socket(family, kind, protocol)
        try:
            server.setblocking(False)
            await asyncio.wait_for(loop.sock_connect(server, address), CONNECT_TIMEOUT)
        except TimeoutError:
            server.close()
            failure = TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        except OSError as error:
            server.close()
            # asyncio puts words of its own in the place of the kernel's.
            failure = OSError(error.errno, os.strerror(error.errno or 0))
        except BaseException:
            server.close()
            raise
        else:
            return server
    raise failure


async def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry one direction until its sender ends it, then end it towards the receiver too.

    Nothing is read before the last piece was taken, so a slow receiver slows the sender down.
    """
    loop = asyncio.get_running_loop()
    buffer = memoryview(bytearray(FIRST_BUFFER))
    while count := await loop.sock_recv_into(source, buffer):
        await loop.sock_sendall(sink, buffer[:count])
        if count == len(buffer) < LARGEST_BUFFER:
            buffer = memoryview(bytearray(LARGEST_BUFFER))
        # Where neither side ever has to wait, the others still get their turn.
        await asyncio.sleep(0)
    sink.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end(_number: int, _frame: object) -> NoReturn:
    os._exit(0)  # at once: nothing is left to write, and a look-up of a name could hold it up


def main() -> int:
    """Listen and carry; 2 for bad arguments, 1 when it cannot listen."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    parser = argparse.ArgumentParser(prog="python -m f7t_testbuild.relay", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int, metavar="N", help="inherited listening socket")
    where.add_argument("--listen", type=parse_address, metavar="HOST:PORT")
    parser.add_argument("--to", type=parse_address, metavar="HOST:PORT", required=True)
    arguments = parser.parse_args()
    try:
        listener = inherited(arguments.fd) if arguments.listen is None else opened(arguments.listen)
    except Unusable as failure:
        _log(f"error: {failure}")
        return 1
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    host, port = listener.getsockname()[:2]
    _log(f"relaying {Address(host, port)} to {arguments.to}")
    return asyncio.run(serve(listener, arguments.to))


if __name__ == "__main__":
    sys.exit(main())
