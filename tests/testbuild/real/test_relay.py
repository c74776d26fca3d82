"""The relay as a process of its own, between real sockets, without any third-party package."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.live import until

TESTBUILD = Path(__file__).resolve().parents[3] / "testbuild"
BIG = 48 * 1024 * 1024
RESET = struct.pack("ii", 1, 0)
Begin = Callable[..., "Relay"]


class Relay:
    """One relay process; `-S` hides all installed packages from it."""

    def __init__(self, *arguments: str, descriptors: tuple[int, ...] = ()) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-S", "-m", "f7t_testbuild.relay", *arguments],
            env={"PYTHONPATH": str(TESTBUILD)},
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            text=True,
        )
        assert self.process.stderr is not None
        self.errors = self.process.stderr
        self.first_line = self.errors.readline()

    def connect(self) -> socket.socket:
        found = re.match(r"relaying 127\.0\.0\.1:(\d+) to ", self.first_line)
        assert found, self.first_line
        return socket.create_connection(("127.0.0.1", int(found[1])), timeout=30)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.errors.close()


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Starts relays on a free port; they are gone after the test."""
    begun: list[Relay] = []

    def start(target: socket.socket | str, *arguments: str, **options: tuple[int, ...]) -> Relay:
        to = target if isinstance(target, str) else f"127.0.0.1:{target.getsockname()[1]}"
        begun.append(Relay("--to", to, *(arguments or ("--listen", "127.0.0.1:0")), **options))
        return begun[-1]

    yield start
    for relay in begun:
        relay.end()


@pytest.fixture
def target() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


def both_ends(relay: Relay, target: socket.socket) -> tuple[socket.socket, socket.socket]:
    client = relay.connect()
    server, _ = target.accept()
    server.settimeout(30)
    return client, server


def all_of(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def test_each_direction_ends_on_its_own(begin: Begin, target: socket.socket) -> None:
    client, server = both_ends(begin(target), target)
    with client, server:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert all_of(server) == b"question"
        server.sendall(b"late answer")
        server.shutdown(socket.SHUT_WR)
        assert all_of(client) == b"late answer"


def test_the_server_may_end_first(begin: Begin, target: socket.socket) -> None:
    client, server = both_ends(begin(target), target)
    with client, server:
        server.sendall(b"greeting")
        server.shutdown(socket.SHUT_WR)
        assert all_of(client) == b"greeting"
        client.sendall(b"still talking")
        client.shutdown(socket.SHUT_WR)
        assert all_of(server) == b"still talking"


def test_much_in_both_directions_at_once(begin: Begin, target: socket.socket) -> None:
    client, server = both_ends(begin(target), target)
    forth, back = (random.Random(seed).randbytes(BIG) for seed in (1, 2))
    digests: dict[str, str] = {}

    def send(connection: socket.socket, content: bytes) -> None:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)

    def receive(name: str, connection: socket.socket) -> None:
        digest = hashlib.sha256()
        buffer = memoryview(bytearray(333_333))
        while count := connection.recv_into(buffer):
            digest.update(buffer[:count])
        digests[name] = digest.hexdigest()

    with client, server:
        work = [
            threading.Thread(target=send, args=(client, forth)),
            threading.Thread(target=send, args=(server, back)),
            threading.Thread(target=receive, args=("forth", server)),
            threading.Thread(target=receive, args=("back", client)),
        ]
        for thread in work:
            thread.start()
        for thread in work:
            thread.join()
    assert digests == {
        "forth": hashlib.sha256(forth).hexdigest(),
        "back": hashlib.sha256(back).hexdigest(),
    }


def test_who_does_not_read_is_not_sent_more(begin: Begin, target: socket.socket) -> None:
    """The relay holds one buffer back; the kernel's own buffers take some megabytes."""
    client, server = both_ends(begin(target), target)
    sent = 0
    with client, server:
        client.settimeout(1)
        with suppress(TimeoutError):
            while sent < BIG:
                sent += client.send(bytes(1024 * 1024))
        client.shutdown(socket.SHUT_WR)
        received = 0
        while piece := server.recv(1024 * 1024):
            received += len(piece)
    assert received == sent < BIG


async def test_many_connections(begin: Begin) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def ask(port: int, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        message = f"{number} ".encode() * 5000
        writer.write(message)
        writer.write_eof()
        assert await reader.read(-1) == message
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1024) as server:
        relay = begin(f"localhost:{server.sockets[0].getsockname()[1]}")
        with relay.connect() as first:
            port = first.getpeername()[1]
        await asyncio.gather(*(ask(port, number) for number in range(400)))
    descriptors = Path(f"/proc/{relay.process.pid}/fd")

    def closed() -> bool | None:
        """Only standard streams, the loop's own descriptors and the listener stay."""
        return True if len(list(descriptors.iterdir())) < 12 else None

    await asyncio.to_thread(until, closed, what="every connection closed again")


def test_a_target_that_is_down_and_comes_back(begin: Begin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    relay = begin(f"127.0.0.1:{port}")
    with relay.connect() as client, pytest.raises(ConnectionResetError):
        client.recv(1)
    assert relay.errors.readline() == f"cannot connect to 127.0.0.1:{port}: Connection refused\n"

    with socket.create_server(("127.0.0.1", port)) as target:
        client, server = both_ends(relay, target)
        with client, server:
            client.sendall(b"x")
            assert server.recv(1) == b"x"


def test_a_name_that_does_not_exist(begin: Begin) -> None:
    relay = begin("no-such-host.invalid:9000")
    with relay.connect() as client, pytest.raises(ConnectionResetError):
        client.recv(1)
    assert "cannot connect to no-such-host.invalid:9000: " in relay.errors.readline()


@pytest.mark.parametrize("cut", ["server", "client"])
def test_a_cut_connection_does_not_look_finished(
    begin: Begin, target: socket.socket, cut: str
) -> None:
    client, server = both_ends(begin(target), target)
    broken, other = (server, client) if cut == "server" else (client, server)
    with other:
        broken.sendall(b"half of it")
        assert other.recv(10, socket.MSG_WAITALL) == b"half of it"
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        broken.close()
        with pytest.raises(ConnectionResetError):
            other.recv(1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once(begin: Begin, target: socket.socket, number: signal.Signals) -> None:
    relay = begin(target)
    client, server = both_ends(relay, target)
    with client, server:
        client.sendall(b"x")
        assert server.recv(1) == b"x"
        relay.process.send_signal(number)
        assert relay.process.wait(30) == 0
        assert client.recv(1) == server.recv(1) == b""


def test_an_inherited_socket(begin: Begin, target: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as offered:
        relay = begin(target, "--fd", str(offered.fileno()), descriptors=(offered.fileno(),))
        assert f"127.0.0.1:{offered.getsockname()[1]} to " in relay.first_line
    client, server = both_ends(relay, target)
    with client, server:
        server.sendall(b"y")
        assert client.recv(1) == b"y"


def test_what_it_cannot_listen_on(begin: Begin, target: socket.socket) -> None:
    taken = f"127.0.0.1:{target.getsockname()[1]}"
    no_socket = os.open("/dev/null", os.O_RDONLY)
    unbound = socket.socket()
    cases = {
        ("--listen", taken): f"cannot listen on {taken}: Address already in use",
        ("--fd", "87"): "descriptor 87 is no socket: Bad file descriptor",
        ("--fd", str(no_socket)): f"descriptor {no_socket} is no socket: Socket operation on",
        ("--fd", str(unbound.fileno())): f"descriptor {unbound.fileno()} is not a listening socket",
    }
    with unbound:
        for arguments, said in cases.items():
            inherited = (no_socket, unbound.fileno())
            relay = begin(target, *arguments, descriptors=inherited)
            assert relay.process.wait(30) == 1
            assert said in relay.first_line
    os.close(no_socket)


@pytest.mark.parametrize("text", ["9000", ":9000", "host:", "host:x", "::1:9000", "host:65536"])
def test_what_is_no_address(begin: Begin, text: str) -> None:
    relay = begin(text)
    assert relay.process.wait(30) == 2
    assert "is not HOST:PORT" in relay.errors.read()
