"""One command on one channel of an open connection: input, output, limits, end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

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


class Output(asyncssh.SSHClientSession[bytes]):
    """Collects what is printed on one channel.

    Attributes:
        opened: the channel came about.
        stdout, stderr: what was printed and not taken yet, nothing more once `limit` is passed.
        limit: bytes of both together.
        changed: called when anything of this changes, and when the channel closes.
        closed: the channel is closed.
    """

    def __init__(self, limit: int) -> None:
        """Collect until more than `limit` bytes are there."""
        self.opened = False
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.limit = limit
        self.changed: Callable[[], None] = lambda: None
        self.closed = asyncio.Event()

    @property
    def is_over_limit(self) -> bool:
        """Whether more was printed than is wanted."""
        return len(self.stdout) + len(self.stderr) > self.limit

    def clear(self) -> None:
        """Forget what was printed."""
        self.stdout.clear()
        self.stderr.clear()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Called by asyncssh."""
        self.opened = True

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Called by asyncssh."""
        if self.is_over_limit:
            return
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self.stderr += data
        else:
            self.stdout += data
        self.changed()

    def eof_received(self) -> bool:
        """Called by asyncssh; our side stays open."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncssh."""
        self.closed.set()
        self.changed()


class Running(Protocol):
    """Something on a channel that must be ended, whatever happened."""

    @property
    def is_over(self) -> bool:
        """Whether its channel is closed."""

    async def end(self) -> None:
        """Make sure that nothing of it is left."""


@dataclass(frozen=True)
class _Command:
    """A command that was begun and must be ended with `end`, whatever happened."""

    channel: asyncssh.SSHClientChannel[bytes]
    output: Output

    @property
    def is_over(self) -> bool:
        """Whether its channel is closed."""
        return self.output.closed.is_set()

    async def completed(self, stdin: bytes | None, output_limit: int) -> Completed:
        """Feed it and wait for its end."""
        with suppress(OSError):  # it may have ended without reading: its exit status tells
            if stdin:
                self.channel.write(stdin)
            self.channel.write_eof()
        changed = asyncio.Event()
        self.output.changed = changed.set
        while True:
            if self.output.is_over_limit:
                raise OutputLimitExceeded(output_limit)
            if self.is_over:
                break
            changed.clear()
            await changed.wait()
        status = self.channel.get_returncode()
        if status is None:
            raise ConnectionRefused("Connection lost while a command was running")
        return Completed(
            status,
            without_noise(bytes(self.output.stdout)),
            without_noise(bytes(self.output.stderr)),
        )

    async def end(self) -> None:
        """Make sure that nothing of it is left."""
        await ended(self.channel, self.output.closed)


async def ended(channel: asyncssh.SSHClientChannel[bytes], closed: asyncio.Event) -> None:
    """End what runs on a channel: SIGTERM, SIGKILL after a grace, channel closed."""
    for stop in (channel.terminate, channel.kill):
        if closed.is_set():
            return
        with suppress(TimeoutError, OSError):  # OSError: the channel is closing already
            stop()
            async with asyncio.timeout(_GRACE):
                await closed.wait()
    channel.abort()


async def begun(
    connection: asyncssh.SSHClientConnection, line: str, output: Output
) -> asyncssh.SSHClientChannel[bytes]:
    """Open a channel and request the command `line`, whose output is collected by `output`.

    Raises `ChannelNotOpened` and `ConnectionRefused` as `execute`.

    sshd counts a closed channel for a moment longer than we do, so that a burst of commands may
    find it full: the request for a channel is then repeated.
    """
    for pause in _FULL_PAUSES:
        try:
            return await _request(connection, line, output)
        except ChannelNotOpened:
            if connection.is_closed():
                raise
        await asyncio.sleep(pause)
    return await _request(connection, line, output)


async def _request(
    connection: asyncssh.SSHClientConnection, line: str, output: Output
) -> asyncssh.SSHClientChannel[bytes]:
    try:
        channel, _ = await connection.create_session(
            lambda: output,
            line,
            encoding=None,  # text mode would close the connection on the first non-UTF-8 byte
        )
    except (asyncssh.ChannelOpenError, asyncssh.ConnectionLost, OSError) as error:
        if not output.opened:
            raise ChannelNotOpened(str(error)) from error
        raise ConnectionRefused("Connection lost while a command was starting") from error
    counting.channels.inc()
    return channel


async def _commanded(
    connection: asyncssh.SSHClientConnection, line: str, output_limit: int
) -> _Command:
    output = Output(output_limit + 2 * len(BEGIN))
    return _Command(await begun(connection, line, output), output)


_ending: set[asyncio.Task[None]] = set()

R = TypeVar("R", bound=Running)


def release_when_over(beginning: asyncio.Task[R], release: Callable[[], None]) -> None:
    """Like `release_when_ended`, of something that may not have begun, or failed to."""
    if not beginning.done():
        _release_after(_begun_and_ended(beginning), release)
    elif beginning.cancelled() or beginning.exception() is not None:
        release()
    else:
        release_when_ended(beginning.result(), release)


def release_when_ended(running: Running, release: Callable[[], None]) -> None:
    """Call `release` once the channel is free; a command that was given up is ended first."""
    if running.is_over:
        release()
    else:
        _release_after(running.end(), release)


async def _begun_and_ended(beginning: asyncio.Task[R]) -> None:
    with suppress(ChannelNotOpened, ConnectionRefused):
        await (await beginning).end()


def _release_after(ending: Coroutine[Any, Any, None], release: Callable[[], None]) -> None:
    async def finish() -> None:
        try:
            await ending
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
    beginning = asyncio.create_task(_commanded(connection, line, output_limit))
    try:
        async with asyncio.timeout(time_limit):
            command = await asyncio.shield(beginning)
            return await command.completed(stdin, output_limit)
    except TimeoutError as error:
        raise CommandTimeout(f"Command ran longer than {time_limit:g} s") from error
    finally:
        release_when_over(beginning, release)
