"""Requests to a program that stays: its start, the dearest part of a short command, is paid once.

A program is kept beside its connection when it has answered, for whoever comes next. One that was
given up in the middle of an answer is ended: nobody could tell the rest of it from the next one.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import suppress

import asyncssh

from f7t.errors import CommandTimeout, ConnectionRefused, OutputLimitExceeded
from f7t.ssh.channel import (
    ChannelNotOpened,
    Completed,
    Output,
    begun,
    ended,
    release_when_over,
)
from f7t.ssh.programs import Program
from f7t.ssh.quoting import BEGIN

_FRAMES = 1024
"""Bytes that a program may print besides its answer."""

_KEPT = 8
"""Idle programs of one kind beside a connection."""


class Conversation:
    """A program that runs; ask one request at a time."""

    def __init__(
        self,
        program: Program,
        channel: asyncssh.SSHClientChannel[bytes],
        output: Output,
    ) -> None:
        """Used by `converse`."""
        self.program = program
        self.began = self.used = time.monotonic()
        self._channel = channel
        self._output = output
        self._opened = False

    @property
    def is_over(self) -> bool:
        """Whether the program has ended."""
        return self._output.closed.is_set()

    async def ask(self, request: bytes, output_limit: int) -> Completed:
        """Its answer.

        Raises:
            ChannelNotOpened: it was gone, the request was certainly not begun.
            ConnectionRefused: it ended, or the connection broke, while it may have been at work.
            OutputLimitExceeded: it printed more than `output_limit` bytes.
        """
        nonce = secrets.token_hex(16).encode()
        text = self.program.asked(request, nonce)
        self._output.limit = output_limit + _FRAMES
        try:
            self._channel.write(text if self._opened else self.program.opening + text)
        except OSError as error:
            raise ChannelNotOpened("The program is gone") from error
        output = self._output
        while True:
            answer = self._answer(nonce)
            if answer is not None:
                output.clear()
                self.used = time.monotonic()
                return answer
            if output.closed.is_set():
                raise ConnectionRefused("Connection lost while a command was running")
            if output.is_over_limit:
                raise OutputLimitExceeded(output_limit)
            output.changed.clear()
            await output.changed.wait()

    def _answer(self, nonce: bytes) -> Completed | None:
        output = self._output
        if not self._opened:
            # What precedes is noise of start-up files.
            out, err = (text.partition(BEGIN) for text in (output.stdout, output.stderr))
            if not (out[1] and err[1]):
                return None
            output.stdout[:], output.stderr[:] = out[2], err[2]
            self._opened = True
        return self.program.answer(nonce, bytes(output.stdout), bytes(output.stderr))

    def leave(self) -> None:
        """Tell an idle program that nothing follows: it ends by itself."""
        with suppress(OSError):
            self._channel.write_eof()

    async def end(self) -> None:
        """Make sure that nothing of it is left."""
        await ended(self._channel, self._output.closed)


class IdlePrograms:
    """Programs beside one connection that wait for the next request."""

    def __init__(self, idle_time: float, maximum_age: float) -> None:
        """Seconds for which one is kept without work, and from its start."""
        self._idle_time = idle_time
        self._maximum_age = maximum_age
        self._kept: list[Conversation] = []

    @property
    def serial(self) -> int:
        """Channels that serial programs keep."""
        return sum(1 for one in self._kept if one.program.serial)

    def has(self, program: Program) -> bool:
        """Whether one of this kind waits for work."""
        self.tidy()
        return any(one.program.name == program.name for one in self._kept)

    def take(self, program: Program) -> Conversation | None:
        """The one of this kind that was used last, None if there is none."""
        self.tidy()
        for one in reversed(self._kept):
            if one.program.name == program.name:
                self._kept.remove(one)
                return one
        return None

    def keep(self, conversation: Conversation) -> None:
        """Give one back that has answered."""
        self._kept.append(conversation)
        same = [one for one in self._kept if one.program.name == conversation.program.name]
        if len(same) > _KEPT:
            self._leave(same[0])
        self.tidy()

    def make_room(self, channels: int) -> None:
        """Let programs go until so many are left at most: serial ones last, else the least used."""
        going = sorted(self._kept, key=lambda one: (one.program.serial, one.used))
        for one in going[: max(0, len(going) - channels)]:
            self._leave(one)

    def tidy(self) -> None:
        """Let those go that are over, unused for too long, or too old."""
        now = time.monotonic()
        for one in list(self._kept):
            idle, age = now - one.used, now - one.began
            if one.is_over or idle >= self._idle_time or age >= self._maximum_age:
                self._leave(one)

    def _leave(self, conversation: Conversation) -> None:
        self._kept.remove(conversation)
        conversation.leave()


async def converse(
    connection: asyncssh.SSHClientConnection,
    idle: IdlePrograms,
    room: int,
    program: Program,
    request: bytes,
    *,
    time_limit: float,
    output_limit: int,
    release: Callable[[], None],
) -> Completed:
    """Ask an idle program, or a new one; arguments and errors as of `channel.execute`.

    Args:
        room: for so many idle programs there are channels beside this one.
    """
    kept = idle.take(program)
    if kept is None:
        idle.make_room(room)
    beginning = asyncio.create_task(_begin(connection, program, kept))
    over = False
    try:
        async with asyncio.timeout(time_limit):
            conversation = await asyncio.shield(beginning)
            answer = await conversation.ask(request, output_limit)
    except TimeoutError as error:
        raise CommandTimeout(f"Command ran longer than {time_limit:g} s") from error
    else:
        over = True
        idle.keep(conversation)
        return answer
    finally:
        if over:
            release()
        else:
            release_when_over(beginning, release)


async def _begin(
    connection: asyncssh.SSHClientConnection, program: Program, kept: Conversation | None
) -> Conversation:
    if kept is not None:
        return kept
    output = Output(_FRAMES)
    channel = await begun(connection, program.line, output)
    return Conversation(program, channel, output)
