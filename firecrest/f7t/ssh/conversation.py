"""Requests to a program that stays: its start, the dearest part of a short command, is paid once.

A program is kept beside its connection when it has answered, for whoever comes next. One that was
given up in the middle of an answer is ended: nobody could tell the rest of it from the next one.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import asyncssh

from f7t.errors import CommandTimeout, ConnectionRefused, OutputLimitExceeded
from f7t.ssh.channel import (
    ChannelNotOpened,
    Completed,
    Output,
    begun,
    ended,
    release_when_ended,
    release_when_over,
)
from f7t.ssh.programs import Program
from f7t.ssh.quoting import BEGIN

_FRAMES = 1024
"""Bytes that a program may print besides its answer."""

_KEPT = 8
"""Idle programs of one kind beside a connection."""

Heard: TypeAlias = Callable[[bytes], None]
"""Told what was printed of an answer on standard output so far, once more with whatever follows."""


@dataclass(frozen=True)
class _Asked:
    """A request that waits for its answer."""

    nonce: bytes
    limit: int
    heard: Heard | None
    answer: asyncio.Future[Completed]


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
        self._asked: _Asked | None = None
        output.changed = self._listen

    @property
    def is_over(self) -> bool:
        """Whether the program has ended."""
        return self._output.closed.is_set()

    async def ask(self, request: bytes, output_limit: int, heard: Heard | None = None) -> Completed:
        """Its answer, of which `heard` is told while it is incomplete.

        Raises:
            ChannelNotOpened: it was gone, the request was certainly not begun.
            ConnectionRefused: it ended, or the connection broke, while it may have been at work.
            OutputLimitExceeded: it printed more than `output_limit` bytes.
        """
        nonce = secrets.token_hex(8).encode()
        text = self.program.asked(request, nonce)
        self._output.limit = output_limit + _FRAMES
        try:
            self._channel.write(text if self._opened else self.program.opening + text)
        except OSError as error:
            raise ChannelNotOpened("The program is gone") from error
        answer: asyncio.Future[Completed] = asyncio.get_running_loop().create_future()
        self._asked = _Asked(nonce, output_limit, heard, answer)
        self._listen()
        try:
            return await answer
        finally:
            self._asked = None

    def _listen(self) -> None:
        """Look at what was printed, once for each packet: who asked is woken by the last one."""
        asked = self._asked
        if asked is None or asked.answer.done():
            return
        try:
            answer = self._found(asked.nonce)
            if answer is None and self._opened and self._output.stdout and asked.heard is not None:
                asked.heard(bytes(self._output.stdout))
        except Exception as error:  # which is the asker's, not the connection's
            asked.answer.set_exception(error)
            return
        if answer is not None:
            self._output.clear()
            self.used = time.monotonic()
            asked.answer.set_result(answer)
        elif self.is_over:
            lost = ConnectionRefused("Connection lost while a command was running")
            asked.answer.set_exception(lost)
        elif self._output.is_over_limit:
            asked.answer.set_exception(OutputLimitExceeded(asked.limit))

    def _found(self, nonce: bytes) -> Completed | None:
        output = self._output
        if not self._opened:
            # What precedes is noise of start-up files.
            out, err = (text.partition(BEGIN) for text in (output.stdout, output.stderr))
            if not (out[1] and err[1]):
                return None
            output.stdout[:], output.stderr[:] = out[2], err[2]
            self._opened = True
        if nonce not in output.stdout:  # without a copy of all that was printed, packet by packet
            return None
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
    heard: Heard | None = None,
) -> Completed:
    """Ask an idle program, or a new one; arguments and errors as of `channel.execute`.

    Args:
        room: for so many idle programs there are channels beside this one.
        heard: told of an answer that is incomplete.
    """
    found: Awaitable[Conversation]
    kept = idle.take(program)
    if kept is None:
        idle.make_room(room)
        beginning = asyncio.create_task(_begin(connection, program))
        found, give_up = asyncio.shield(beginning), partial(release_when_over, beginning, release)
    else:  # without a task of its own, so that the request is on its way at once
        found, give_up = _itself(kept), partial(release_when_ended, kept, release)
    over = False
    try:
        async with asyncio.timeout(time_limit):
            conversation = await found
            answer = await conversation.ask(request, output_limit, heard)
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
            give_up()


async def _itself(conversation: Conversation) -> Conversation:
    return conversation


async def _begin(connection: asyncssh.SSHClientConnection, program: Program) -> Conversation:
    output = Output(_FRAMES)
    channel = await begun(connection, program.line, output)
    return Conversation(program, channel, output)
