"""All connections of one user on one machine: opened once for all who wait, shared, queued for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress

from f7t.errors import ConnectionRefused
from f7t.gathering import Gathering
from f7t.ssh.channel import Completed
from f7t.ssh.connection import Link, PoolSettings
from f7t.ssh.programs import Program
from f7t.ssh.questions import Statuses


class Account:
    """The connections of one (user, machine), and who waits for a channel.

    Attributes:
        statuses: questions for the status of files, by whether links are followed.
        requests: to serial programs, by their names.
    """

    def __init__(
        self, dial: Callable[[], Coroutine[None, None, Link]], settings: PoolSettings
    ) -> None:
        """Open connections with `dial`, within `settings`."""
        self._dial = dial
        self._settings = settings
        self._links: list[Link] = []
        self._opening: asyncio.Task[Link] | None = None
        self._waiting: deque[asyncio.Future[Link]] = deque()
        self._watching: set[asyncio.Task[None]] = set()
        self._holders = 0
        self._closed = False
        self.statuses: Statuses = {False: Gathering(), True: Gathering()}
        self.requests: dict[str, Gathering[Completed]] = {}

    @property
    def links(self) -> tuple[Link, ...]:
        """Connections that are not closed."""
        return tuple(self._links)

    @property
    def waiting(self) -> int:
        """Commands that wait for a channel."""
        return len(self._waiting)

    @property
    def empty(self) -> bool:
        """Whether nothing is open or being opened, and nobody holds a session."""
        return not (self._links or self._opening or self._holders)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Count one session."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1

    async def connected(self) -> Link:
        """A usable connection, the least busy one; opened if there is none (single flight).

        Raises:
            RemoteError: see `Dialer.dial`.
        """
        usable = self._usable()
        if usable:
            return min(usable, key=lambda link: link.users)
        return await asyncio.shield(self._open())

    async def acquire(self) -> Link:
        """A connection with a channel reserved for one command; give it back with `release`.

        Waits when all channels are taken, first come, first served, and opens one more connection
        meanwhile if the user may have one.

        Raises:
            RemoteError: no connection is left and a new one could not be opened.
        """
        turn: asyncio.Future[Link] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            self._serve()
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release(turn.result())
            else:
                with suppress(ValueError):
                    self._waiting.remove(turn)
            raise

    def beside(self, program: Program) -> Link | None:
        """Like `acquire`, of a connection where such a program waits for work, if there is one."""
        for link in self._usable():
            if link.programs.has(program):
                link.reserve_channel()
                return link
        return None

    def release(self, link: Link) -> None:
        """Give back the channel of an `acquire`."""
        link.free_channel()
        self._serve()

    def tidy(self) -> None:
        """Close connections that were idle for too long or are too old; programs as well."""
        for link in self._links:
            link.programs.tidy()
            if link.idle(self._settings.idle_time) or not link.usable(self._settings.maximum_age):
                link.retire()

    async def close(self) -> None:
        """Close everything, and refuse who waits."""
        self._closed = True
        self._refuse(ConnectionRefused("The connection pool is closed"))
        if self._opening:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        for link in self._links:
            link.retired = True
            link.connection.close()
        if self._watching:
            await asyncio.wait(self._watching)

    def _usable(self) -> list[Link]:
        return [link for link in self._links if link.usable(self._settings.maximum_age)]

    def _serve(self) -> None:
        """Hand free channels to those who wait; see to one more connection if they must go on."""
        usable = self._usable()
        while self._waiting:
            free = [link for link in usable if link.has_room]
            if not free:
                break
            turn = self._waiting.popleft()
            if turn.done():
                continue
            link = min(free, key=lambda link: link.commands)
            link.reserve_channel()
            turn.set_result(link)
        if self._closed:
            self._refuse(ConnectionRefused("The connection pool is closed"))
        elif self._waiting and len(usable) < self._settings.connections_per_user:
            self._open()

    def _open(self) -> asyncio.Task[Link]:
        if self._closed:
            raise ConnectionRefused("The connection pool is closed")
        if self._opening is None:
            self._opening = asyncio.create_task(self._dial())
            self._opening.add_done_callback(self._opened)
        return self._opening

    def _opened(self, opening: asyncio.Task[Link]) -> None:
        self._opening = None
        if opening.cancelled():
            return
        error = opening.exception()
        if error is None:
            link = opening.result()
            self._links.append(link)
            watching = asyncio.create_task(self._watch(link))
            self._watching.add(watching)
            watching.add_done_callback(self._watching.discard)
            self._serve()
        elif not self._usable():
            self._refuse(error)

    def _refuse(self, error: BaseException) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_exception(error)

    async def _watch(self, link: Link) -> None:
        await link.connection.wait_closed()
        link.lost = True
        self._links.remove(link)
        self._serve()
