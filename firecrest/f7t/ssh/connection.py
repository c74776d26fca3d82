"""One authenticated connection to a login node: how it is opened, and what is known of it."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol, cast

import asyncssh

from f7t.errors import CertificateRefused, ConnectionRefused, MachineUnavailable, RemoteError
from f7t.joining import Joining
from f7t.ssh import counting
from f7t.ssh.conversation import IdlePrograms


class Machine(Protocol):
    """What the pool must know of a configured system."""

    @property
    def name(self) -> str:
        """Public name; the certificate's audit trail names it."""

    @property
    def host(self) -> str:
        """Address of the login node's sshd."""

    @property
    def port(self) -> int:
        """Its TCP port."""


class Authority(Protocol):
    """Who signs user certificates: the process itself, or the certificator that it asks."""

    async def issue(
        self, user: str, system: str, public_key: asyncssh.SSHKey, *, lifetime: timedelta
    ) -> asyncssh.SSHCertificate:
        """A certificate for `user`; raises `CertificateRefused` or `DelegationUnavailable`."""


@dataclass(frozen=True)
class PoolSettings:
    """Limits of the pool; durations in seconds.

    Attributes:
        certificate_lifetime: validity of a certificate; it is only needed to log in.
        connect_timeout: TCP connection and login together.
        channels_per_connection: exec and SFTP channels; below sshd's MaxSessions (10).
        connections_per_user: connections of one user to one system.
        idle_time: an unused connection is closed after this.
        maximum_age: a connection is given no new work after this.
        handshakes: concurrent logins per machine; below sshd's MaxStartups (10).
        attempts: tries of a login that the machine drops (MaxStartups of many clients).
        file_time_limit: of one file operation.
        program_idle_time: a long-lived program without work is ended after this; 0 keeps none.
        program_maximum_age: a long-lived program is given no new work after this.
    """

    certificate_lifetime: float = 300.0
    connect_timeout: float = 10.0
    channels_per_connection: int = 9
    connections_per_user: int = 2
    idle_time: float = 60.0
    maximum_age: float = 600.0
    handshakes: int = 8
    attempts: int = 5
    file_time_limit: float = 5.0
    program_idle_time: float = 10.0
    program_maximum_age: float = 60.0


@dataclass(eq=False)
class Link:
    """An open connection of one user, its warm SFTP channel, and what is going on over it.

    Attributes:
        connection: the SSH connection.
        sftp: SFTP client over one channel, paths as bytes.
        capacity: exec channels it may have besides.
        programs: long-lived ones, on exec channels that are free for anybody.
        commands: exec channels in use.
        users: operations in progress, over exec and SFTP.
        opened_at, used_at: monotonic clock.
        retired: gets no new work.
        lost: the connection is gone.
    """

    connection: asyncssh.SSHClientConnection
    sftp: asyncssh.SFTPClient
    capacity: int
    programs: IdlePrograms
    commands: int = 0
    users: int = 0
    opened_at: float = field(default_factory=time.monotonic)
    used_at: float = field(default_factory=time.monotonic)
    retired: bool = False
    lost: bool = False

    @property
    def has_room(self) -> bool:
        """Whether an exec channel is free; of those that serial programs keep one may be had."""
        return self.commands + min(self.programs.serial, self.capacity - 1) < self.capacity

    def usable(self, maximum_age: float) -> bool:
        """Whether new work may be given to it."""
        young = time.monotonic() - self.opened_at < maximum_age
        return young and not (self.retired or self.lost or self.connection.is_closed())

    def idle(self, idle_time: float) -> bool:
        """Whether nobody has used it for `idle_time` seconds."""
        return not self.users and time.monotonic() - self.used_at > idle_time

    def reserve_channel(self) -> None:
        """Count one command; undone by `free_channel`."""
        self.commands += 1
        self.users += 1

    def free_channel(self) -> None:
        """The channel of a command is free again."""
        self.commands -= 1
        self._one_less()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Count one file operation."""
        self.users += 1
        try:
            yield
        finally:
            self._one_less()

    def _one_less(self) -> None:
        self.users -= 1
        self.used_at = time.monotonic()
        if self.retired:
            self.retire()

    def retire(self) -> None:
        """Give it no new work; close it when the present work is done."""
        self.retired = True
        if not self.users:
            self.connection.close()


# aes128-gcm is the quickest where AES-NI exists; group-exchange costs 0.5 s of CPU and is left out.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
)
_KEY_EXCHANGES = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
)
_KEEPALIVE_INTERVAL = 15
_RETRY_PAUSE = 0.05
_NO_ROUTE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH})


class _Opening(asyncio.Protocol):
    """Gives a connection that has come about to a session that sends its packets together."""

    def __init__(self, session: asyncio.Protocol) -> None:
        self._session = session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        connected = cast("asyncio.Transport", transport)
        connected.set_protocol(self._session)
        joining = Joining(connected, asyncio.get_running_loop())
        self._session.connection_made(cast("asyncio.Transport", joining))


class _Tcp:
    """What asyncssh goes through to a machine, as its `tunnel`: TCP."""

    async def create_connection(
        self, session_factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        """Like that of an event loop; raises `OSError`."""
        session = session_factory()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(lambda: _Opening(session), host, port)
        return transport, session


@dataclass(frozen=True)
class Dialer:
    """Opens connections with certificates of one authority for one process key.

    Attributes:
        authority: signs the certificates.
        key: this process's ephemeral ed25519 key.
        known_hosts: pinned host keys, in OpenSSH's format; read at each connection.
        settings: limits.
    """

    authority: Authority
    key: asyncssh.SSHKey
    known_hosts: Path
    settings: PoolSettings

    async def dial(self, user: str, machine: Machine) -> Link:
        """Log in as `user` and open the SFTP channel.

        A login that the machine drops is tried again, with the same certificate. The first
        operation on a fresh connection is 45 ms slower than later ones: the SFTP channel takes that
        blow here.

        Raises:
            MachineUnavailable: the name does not resolve, or there is no route.
            CertificateRefused: no certificate was issued, or the machine does not accept it.
            DelegationUnavailable: there was no answer to the wish for a certificate.
            ConnectionRefused: any other reason, an untrusted host key among them.
        """
        lifetime = timedelta(seconds=self.settings.certificate_lifetime)
        certificate = await self.authority.issue(user, machine.name, self.key, lifetime=lifetime)
        for attempt in range(1, self.settings.attempts + 1):
            try:
                async with asyncio.timeout(self.settings.connect_timeout):
                    return await self._login(user, machine, certificate)
            except (ConnectionResetError, asyncssh.ConnectionLost) as error:
                if attempt == self.settings.attempts:
                    raise ConnectionRefused("Connection reset by peer") from error
                await asyncio.sleep(random.uniform(0.5, 1.5) * _RETRY_PAUSE * attempt)
            except (OSError, asyncssh.Error) as error:  # TimeoutError is an OSError
                raise _reason(error) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _login(
        self, user: str, machine: Machine, certificate: asyncssh.SSHCertificate
    ) -> Link:
        connection = await asyncssh.connect(
            machine.host,
            machine.port,
            username=user,
            client_keys=[(self.key, certificate)],
            known_hosts=str(self.known_hosts),
            tunnel=_Tcp(),
            config=None,
            agent_path=None,
            preferred_auth="publickey",
            encryption_algs=_CIPHERS,
            kex_algs=_KEY_EXCHANGES,
            compression_algs=None,
            keepalive_interval=_KEEPALIVE_INTERVAL,
        )
        counting.connects.inc()
        try:
            sftp = await connection.start_sftp_client(path_encoding=None)
        except BaseException:
            connection.abort()
            raise
        counting.channels.inc()
        settings = self.settings
        programs = IdlePrograms(settings.program_idle_time, settings.program_maximum_age)
        return Link(connection, sftp, settings.channels_per_connection - 1, programs)


def _reason(error: OSError | asyncssh.Error) -> RemoteError:
    """The project's name for a connection that did not come about."""
    if isinstance(error, socket.gaierror):
        return MachineUnavailable("Name or service not known")
    if isinstance(error, asyncssh.PermissionDenied):
        return CertificateRefused("The machine did not accept the user's certificate")
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return ConnectionRefused("Host key verification failed")
    if isinstance(error, TimeoutError):
        return ConnectionRefused("Connection timed out")
    if isinstance(error, FileNotFoundError):
        return ConnectionRefused("Host key verification failed: no host key is pinned")
    if isinstance(error, OSError):
        if error.errno in _NO_ROUTE:
            return MachineUnavailable("No route to host")
        if error.errno == errno.ECONNREFUSED:
            return ConnectionRefused("Connection refused")
        return ConnectionRefused(error.strerror or "Connection failed")
    return ConnectionRefused(f"SSH connection failed: {error.reason}")
