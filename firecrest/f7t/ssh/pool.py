"""Who is connected: one pool per process, connections per user and system."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncssh

from f7t.errors import ConnectionRefused
from f7t.gathering import Gathering
from f7t.ssh import channel, conversation
from f7t.ssh.account import Account
from f7t.ssh.changes import FileChanges
from f7t.ssh.channel import ChannelNotOpened, Completed
from f7t.ssh.connection import Authority, Dialer, Link, Machine, PoolSettings
from f7t.ssh.contents import RemoteContents
from f7t.ssh.conversation import Heard
from f7t.ssh.facts import MachineFacts
from f7t.ssh.files import RemoteFiles
from f7t.ssh.programs import Program
from f7t.ssh.questions import RemoteQuestions
from f7t.ssh.quoting import command_line

_SWEEP_INTERVAL = 5.0
_CHANNEL_ATTEMPTS = 3


@dataclass(frozen=True)
class PoolStats:
    """Figures for the metrics page.

    Attributes:
        connections: open now.
        in_use: connections with at least one operation in progress.
        waiting: commands that wait for a channel.
        handshakes: logins tried since the start.
        failures: logins that failed for good.
    """

    connections: int
    in_use: int
    waiting: int
    handshakes: int
    failures: int


class Session:
    """A user on a machine: commands and files, over whatever connection is free."""

    def __init__(
        self, account: Account, facts: MachineFacts, settings: PoolSettings, user: str
    ) -> None:
        """Used by `SshPool.session`."""
        self.user = user
        self._account = account
        limit = settings.file_time_limit
        self.files = RemoteFiles(account.connected, self, facts, limit)
        self.changes = FileChanges(account.connected, self, self.files, limit)
        self.contents = RemoteContents(account.connected, limit)
        self.questions = RemoteQuestions(account.connected, self, limit, account.statuses)

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        time_limit: float,
        output_limit: int,
    ) -> Completed:
        """Run one command as the user and wait for its end, whatever its exit status.

        Waits for a channel when all are taken (that wait is not part of the limit). A command that
        was certainly not begun because its connection was dead is given to another connection.

        Args:
            argv: program and arguments, taken literally; found in the session's PATH.
            stdin: the command's whole input.
            environment: additional variables; LC_ALL is `C` unless named here.
            time_limit: seconds; on expiry the remote process group is terminated.
            output_limit: bytes of stdout and stderr together.

        Raises:
            CommandTimeout, OutputLimitExceeded: a limit was passed.
            ConnectionRefused: the connection broke while the command may have been running.
            RemoteError: no connection; see `Dialer.dial`.
            ValueError: `argv` or `environment` cannot be carried; see `command_line`.
        """
        line = command_line(argv, environment)

        async def execute(link: Link) -> Completed:
            # Programs that wait for work hold channels: this one needs one of its own.
            link.programs.make_room(link.capacity - link.commands)
            return await channel.execute(
                link.connection,
                line,
                stdin=stdin,
                time_limit=time_limit,
                output_limit=output_limit,
                release=partial(self._account.release, link),
            )

        return await self._given(execute)

    async def ask(
        self,
        program: Program,
        request: bytes,
        *,
        time_limit: float,
        output_limit: int,
        heard: Heard | None = None,
    ) -> Completed:
        """Give a request to a program that stays, begun if none is idle; else like `run`.

        Args:
            heard: told of an answer that is incomplete.

        Raises:
            CommandTimeout, OutputLimitExceeded, ConnectionRefused, RemoteError: as `run`.
        """

        async def converse(link: Link) -> Completed:
            return await conversation.converse(
                link.connection,
                link.programs,
                link.capacity - link.commands,
                program,
                request,
                time_limit=time_limit,
                output_limit=output_limit,
                release=partial(self._account.release, link),
                heard=heard,
            )

        return await self._given(converse, program if program.serial else None)

    async def ask_together(
        self, program: Program, request: str, *, time_limit: float, output_limit: int
    ) -> Completed:
        """`ask` of a serial program, with what others of the user want to know at the same time.

        Their answers are in the answer too. Raises as `ask`.
        """

        async def ask(requests: Sequence[str]) -> Sequence[Completed]:
            text = "\n".join(requests).encode()
            done = await self.ask(program, text, time_limit=time_limit, output_limit=output_limit)
            return [done] * len(requests)

        together = self._account.requests.setdefault(program.name, Gathering(at_once=1, eager=True))
        return await together.answer(request, ask)

    async def _given(
        self, work: Callable[[Link], Awaitable[Completed]], program: Program | None = None
    ) -> Completed:
        """Work on a channel that is reserved for it, which it releases by itself.

        Args:
            program: one that may have kept its channel.
        """
        for _ in range(_CHANNEL_ATTEMPTS):
            link = self._account.beside(program) if program else None
            link = link or await self._account.acquire()
            try:
                return await work(link)
            except ChannelNotOpened as error:
                link.retire()
                reason = error
        raise ConnectionRefused(f"The machine opens no channel: {reason}")


class SshPool:
    """Keeps connections warm; the only way of the gateway to a machine."""

    def __init__(
        self,
        authority: Authority,
        *,
        known_hosts: Path,
        settings: PoolSettings | None = None,
    ) -> None:
        """Log in with certificates of `authority`; trust the host keys in `known_hosts` only.

        The key pair that the certificates are made for lives in this process's memory only. The
        pool belongs to the event loop in which it is first used.
        """
        self._settings = settings or PoolSettings()
        key = asyncssh.generate_private_key("ssh-ed25519")
        self._dialer = Dialer(authority, key, known_hosts, self._settings)
        self._accounts: dict[tuple[str, str, str, int], Account] = {}
        self._facts: dict[tuple[str, str, int], MachineFacts] = {}
        self._logins: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._handshakes = 0
        self._failures = 0
        self._closed = False

    @asynccontextmanager
    async def session(self, user: str, system: Machine) -> AsyncIterator[Session]:
        """A session of `user` on `system`; a connection is open when this is entered.

        Raises:
            RemoteError: see `Dialer.dial`.
        """
        if self._closed:
            raise ConnectionRefused("The connection pool is closed")
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        place = (system.name, system.host, system.port)
        account = self._accounts.get((user, *place))
        if account is None:
            account = Account(lambda: self._dial(user, system), self._settings)
            self._accounts[user, *place] = account
        facts = self._facts.get(place)
        if facts is None:
            facts = self._facts[place] = MachineFacts()
        with account.held():
            await account.connected()
            yield Session(account, facts, self._settings, user)

    def stats(self) -> PoolStats:
        """Figures of this moment."""
        links = [link for account in self._accounts.values() for link in account.links]
        return PoolStats(
            connections=len(links),
            in_use=sum(1 for link in links if link.users),
            waiting=sum(account.waiting for account in self._accounts.values()),
            handshakes=self._handshakes,
            failures=self._failures,
        )

    async def close(self) -> None:
        """Close all connections and end everything that runs in the background."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await asyncio.gather(*(account.close() for account in self._accounts.values()))
        self._accounts.clear()

    async def _dial(self, user: str, system: Machine) -> Link:
        """One login, with a bounded number of them at a time per machine."""
        address = (system.host, system.port)
        turn = self._logins.setdefault(address, asyncio.Semaphore(self._settings.handshakes))
        async with turn:
            self._handshakes += 1
            try:
                return await self._dialer.dial(user, system)
            except Exception:
                self._failures += 1
                raise

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_INTERVAL, self._settings.idle_time / 2))
            for key, account in list(self._accounts.items()):
                account.tidy()
                if account.empty:
                    del self._accounts[key]
