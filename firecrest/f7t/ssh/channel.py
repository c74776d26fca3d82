"""One command on one channel of an open connection: input, output, limits, end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import asyncssh

from f7t.errors import CommandTimeout, ConnectionRefused, OutputLimitExceeded
from f7t.ssh import counting
from f7t.ssh.quoting import BEGIN, without_noise

_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL of a command that must end."""

_FULL_PAUSES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
"""Seconds between requests for a channel that the machine says it does not have."""


@dataclass(frozen=True)
class Completed:
    """What a remote command left behind.

    Attributes:
        exit_status: its exit status; minus the signal's number if a signal ended it, as in
            `subprocess` (-1 if the signal is unknown here).
        stdout: raw bytes.
        stderr: raw bytes.
    """

    exit_status: int
    stdout: bytes
    stderr: bytes


class ChannelNotOpened(Exception):
    """The command was certainly not begun: no channel came about, another connection may do it."""


class _Exec(asyncssh.SSHClientSession[bytes]):
    """Collects the output of one exec request."""

    def __init__(self, output_limit: int) -> None:
        self.opened = False
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.over_limit = False
        self.changed = asyncio.Event()
        self.closed = asyncio.Event()
        self._room = output_limit + 2 * len(BEGIN)

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self.opened = True

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        self._room -= len(data)
        if self._room < 0:
            self.over_limit = True
            self.changed.set()
        elif datatype == asyncssh.EXTENDED_DATA_STDERR:
            self.stderr += data
        else:
            self.stdout += data

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        self.changed.set()


@dataclass(frozen=True)
class _Command:
    """A command that was begun and must be ended with `end`, whatever happened."""

    channel: asyncssh.SSHClientChannel[bytes]
    output: _Exec

    async def completed(self, stdin: bytes | None, output_limit: int) -> Completed:
        """Feed it and wait for its end."""
        with suppress(OSError):  # it may have ended without reading: its exit status tells
            if stdin:
                self.channel.write(stdin)
            self.channel.write_eof()
        await self.output.changed.wait()
        if self.output.over_limit:
            raise OutputLimitExceeded(output_limit)
        status = self.channel.get_returncode()
        if status is None:
            raise ConnectionRefused("Connection lost while a command was running")
        return Completed(
            status,
            without_noise(bytes(self.output.stdout)),
            without_noise(bytes(self.output.stderr)),
        )

    async def end(self) -> None:
        """Make sure that nothing of it is left: SIGTERM, SIGKILL after a grace, channel closed."""
        for stop in (self.channel.terminate, self.channel.kill):
            if self.output.closed.is_set():
                return
            with suppress(TimeoutError, OSError):  # OSError: the channel is closing already
                stop()
                async with asyncio.timeout(_GRACE):
                    await self.output.closed.wait()
        self.channel.abort()


async def _begin(
    connection: asyncssh.SSHClientConnection, line: str, output_limit: int
) -> _Command:
    """Open a channel and request the command.

    sshd counts a closed channel for a moment longer than we do, so that a burst of commands may
    find it full: the request for a channel is then repeated.
    """
    for pause in _FULL_PAUSES:
        try:
            return await _request(connection, line, output_limit)
        except ChannelNotOpened:
            if connection.is_closed():
                raise
        await asyncio.sleep(pause)
    return await _request(connection, line, output_limit)


async def _request(
    connection: asyncssh.SSHClientConnection, line: str, output_limit: int
) -> _Command:
    collector = _Exec(output_limit)
    try:
        channel, _ = await connection.create_session(
            lambda: collector,
            line,
            encoding=None,  # text mode would close the connection on the first non-UTF-8 byte
        )
    except (asyncssh.ChannelOpenError, asyncssh.ConnectionLost, OSError) as error:
        if not collector.opened:
            raise ChannelNotOpened(str(error)) from error
        raise ConnectionRefused("Connection lost while a command was starting") from error
    counting.channels.inc()
    return _Command(channel, collector)


_ending: set[asyncio.Task[None]] = set()


def _release_when_over(beginning: asyncio.Task[_Command], release: Callable[[], None]) -> None:
    """Call `release` once the channel is free; a command that was given up is ended first."""
    if beginning.done():
        failed = beginning.cancelled() or beginning.exception() is not None
        if failed or beginning.result().output.closed.is_set():
            release()
            return

    async def finish() -> None:
        try:
            with suppress(ChannelNotOpened, ConnectionRefused):
                await (await beginning).end()
        finally:
            release()

    task = asyncio.create_task(finish())
    _ending.add(task)
    task.add_done_callback(_ending.discard)


async def execute(
    connection: asyncssh.SSHClientConnection,
    line: str,
    *,
    stdin: bytes | None,
    time_limit: float,
    output_limit: int,
    release: Callable[[], None],
) -> Completed:
    """Run `line`, a text of `quoting.command_line`, to its end or to its limits.

    Args:
        connection: an authenticated connection.
        line: text of the exec request.
        stdin: the command's whole input.
        time_limit: seconds for opening the channel and for the command.
        output_limit: bytes of stdout and stderr together.
        release: called exactly once, when the channel is free again. A command that was given up
            (limit passed, caller cancelled) is ended in the background, so this may be later than
            the return.

    Raises:
        CommandTimeout: it took longer than `time_limit`.
        OutputLimitExceeded: it printed more than `output_limit`.
        ChannelNotOpened: it was certainly not begun; no channel came about.
        ConnectionRefused: the connection broke while it may have been running.
    """
    beginning = asyncio.create_task(_begin(connection, line, output_limit))
    try:
        async with asyncio.timeout(time_limit):
            command = await asyncio.shield(beginning)
            return await command.completed(stdin, output_limit)
    except TimeoutError as error:
        raise CommandTimeout(f"Command ran longer than {time_limit:g} s") from error
    finally:
        _release_when_over(beginning, release)
