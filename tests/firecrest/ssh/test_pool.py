"""Connections: opened once for all, trusted, renewed, closed; and why they do not come about."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
import pytest

from f7t.delegation import CertificateAuthority
from f7t.errors import (
    CertificateRefused,
    CommandTimeout,
    ConnectionRefused,
    MachineUnavailable,
)
from f7t.joining import Joining
from f7t.ssh.connection import PoolSettings
from f7t.ssh.pool import Session, SshPool

if TYPE_CHECKING:
    from tests.support.sshd import Sshd, Until


@dataclass(frozen=True)
class Address:
    """A configured system, of which only these three values matter here."""

    host: str
    port: int
    name: str = "cluster"


async def whoami(session: Session) -> bytes:
    return (await session.run(["id", "-un"], time_limit=20, output_limit=1000)).stdout


async def test_fifty_first_requests_of_a_user_share_one_login(pool: SshPool, sshd: Sshd) -> None:
    before = sshd.logins()

    async def request() -> bytes:
        async with pool.session("test1", sshd) as session:
            return await whoami(session)

    assert set(await asyncio.gather(*(request() for _ in range(50)))) == {b"test1\n"}
    # One login, and one more when a queue formed for the channels of the first.
    assert sshd.logins() - before <= PoolSettings().connections_per_user
    assert pool.stats().handshakes <= PoolSettings().connections_per_user


async def test_sessions_that_only_read_files_share_one_login(pool: SshPool, sshd: Sshd) -> None:
    # A user of its own: sshd may tell of a login of the test before only now.
    before = sshd.logins("test2")

    async def request() -> None:
        async with pool.session("test2", sshd) as session:
            await session.files.make_directories(".")

    await asyncio.gather(*(request() for _ in range(50)))
    assert sshd.logins("test2") - before == 1
    assert pool.stats().handshakes == 1


async def test_users_never_share_a_connection(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as one, pool.session("test2", sshd) as other:
        assert await whoami(one) == b"test1\n"
        assert await whoami(other) == b"test2\n"
    assert pool.stats().connections == 2


async def test_many_users_at_once_stay_below_the_limit_of_unfinished_logins(
    authority: CertificateAuthority, sshd: Sshd
) -> None:
    """sshd drops logins above MaxStartups 10; six pools together are above it and try again."""
    pools = [SshPool(authority, known_hosts=sshd.known_hosts) for _ in range(6)]

    async def request(pool: SshPool, user: str) -> bytes:
        async with pool.session(user, sshd) as session:
            return await whoami(session)

    try:
        users = ("test1", "test2", "chatty")
        answers = await asyncio.gather(*(request(pool, user) for pool in pools for user in users))
        assert answers == [f"{user}\n".encode() for _ in pools for user in users]
        assert sum(pool.stats().failures for pool in pools) == 0
    finally:
        await asyncio.gather(*(pool.close() for pool in pools))


async def test_an_abandoned_opening_serves_the_others(pool: SshPool, sshd: Sshd) -> None:
    async def request() -> bytes:
        async with pool.session("test1", sshd) as session:
            return await whoami(session)

    first, second = asyncio.create_task(request()), asyncio.create_task(request())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == b"test1\n"
    assert pool.stats().handshakes == 1


async def test_a_killed_sshd_is_noticed_and_the_next_request_reconnects(
    authority: CertificateAuthority, sshd: Sshd
) -> None:
    pool = SshPool(authority, known_hosts=sshd.known_hosts)
    try:
        async with pool.session("test1", sshd) as session:
            hanging = asyncio.create_task(
                session.run(["sleep", "4720"], time_limit=60, output_limit=10)
            )
            # Channels are opened in order: the first command has begun when the second is done.
            assert await whoami(session) == b"test1\n"
            sshd.stop()
            # It may have had an effect: it is reported, not repeated.
            with pytest.raises(ConnectionRefused, match="Connection lost"):
                await hanging
            with pytest.raises(ConnectionRefused, match="Connection refused"):
                await whoami(session)
            sshd.start()
            # The same session goes on, with commands as with files.
            assert await whoami(session) == b"test1\n"
            await session.files.make_directories(".")
    finally:
        if sshd.stopped:
            sshd.start()
        await pool.close()


async def test_a_file_operation_on_a_dead_connection_is_given_to_a_new_one(
    authority: CertificateAuthority, sshd: Sshd
) -> None:
    pool = SshPool(authority, known_hosts=sshd.known_hosts)
    try:
        async with pool.session("test1", sshd) as session:
            sshd.stop()
            sshd.start()
            # Nothing was awaited in between: the pool cannot know yet that the connection is gone.
            assert await session.files.size("/etc/passwd") > 0
        assert pool.stats().handshakes == 2
    finally:
        if sshd.stopped:
            sshd.start()
        await pool.close()


async def test_a_hanging_server_is_left_and_the_next_operation_gets_another(
    authority: CertificateAuthority, sshd: Sshd
) -> None:
    settings = PoolSettings(file_time_limit=0.5)
    pool = SshPool(authority, known_hosts=sshd.known_hosts, settings=settings)
    try:
        async with pool.session("test1", sshd) as session:
            sshd.inside("pkill", "-STOP", "-u", "test1", "sshd")
            with pytest.raises(CommandTimeout):
                await session.files.size("/etc/passwd")
            assert await session.files.size("/etc/passwd") > 0
        assert pool.stats().handshakes == 2
    finally:
        sshd.inside("pkill", "-CONT", "-u", "test1", "sshd")
        await pool.close()


async def test_an_expired_certificate_is_refused_by_the_machine(
    ca_key: asyncssh.SSHKey, sshd: Sshd
) -> None:
    class Late(CertificateAuthority):
        """Signs for a minute that has passed."""

        async def issue(
            self,
            user: str,
            system: str,
            public_key: asyncssh.SSHKey,
            *,
            lifetime: timedelta = timedelta(minutes=1),
        ) -> asyncssh.SSHCertificate:
            return ca_key.generate_user_certificate(
                public_key, "late", principals=[user], valid_after="-2h", valid_before="-1h"
            )

    pool = SshPool(Late(ca_key), known_hosts=sshd.known_hosts)
    try:
        with pytest.raises(CertificateRefused):
            async with pool.session("test1", sshd):
                pass
        assert "Certificate invalid: expired" in sshd.log.read_text()
        assert (pool.stats().handshakes, pool.stats().failures) == (1, 1)
    finally:
        await pool.close()


async def test_a_certificate_of_another_authority_is_refused(sshd: Sshd) -> None:
    foreign = CertificateAuthority(asyncssh.generate_private_key("ssh-ed25519"))
    pool = SshPool(foreign, known_hosts=sshd.known_hosts)
    try:
        with pytest.raises(CertificateRefused):
            async with pool.session("test1", sshd):
                pass
    finally:
        await pool.close()


@pytest.mark.parametrize("user", ["locked", "nosuchuser", "denied-user", "root", "test1,test2"])
async def test_users_who_may_not_log_in_are_refused(user: str, pool: SshPool, sshd: Sshd) -> None:
    with pytest.raises(CertificateRefused):
        async with pool.session(user, sshd):
            pass
    assert pool.stats().connections == 0


@pytest.mark.parametrize("content", ["other key", "", "absent"])
async def test_a_machine_with_an_unknown_host_key_is_not_trusted(
    content: str, authority: CertificateAuthority, sshd: Sshd, tmp_path: Path
) -> None:
    known_hosts = tmp_path / "known_hosts"
    if content == "other key":
        other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        known_hosts.write_text(f"[127.0.0.1]:{sshd.port} {other}")
    elif content == "":
        known_hosts.write_text("")
    before = sshd.logins()
    pool = SshPool(authority, known_hosts=known_hosts)
    try:
        with pytest.raises(ConnectionRefused, match="Host key verification failed"):
            async with pool.session("test1", sshd):
                pass
    finally:
        await pool.close()
    assert sshd.logins() == before


@pytest.mark.parametrize(
    ("pattern", "trusted"),
    [
        ("[localhost]:{port}", True),
        ("other,[localhost]:{port}", True),
        ("[localhost]:22", False),
        ("[elsewhere]:{port}", False),
    ],
)
async def test_a_host_key_is_pinned_for_a_name_and_a_port(
    pattern: str, trusted: bool, authority: CertificateAuthority, sshd: Sshd, tmp_path: Path
) -> None:
    """As in a network of containers: `[cluster]:8022 ssh-ed25519 …`."""
    key = sshd.known_hosts.read_text().partition(" ")[2]
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"{pattern.format(port=sshd.port)} {key}")
    pool = SshPool(authority, known_hosts=known_hosts)
    try:
        if trusted:
            async with pool.session("test1", Address("localhost", sshd.port)) as session:
                assert await whoami(session) == b"test1\n"
        else:
            with pytest.raises(ConnectionRefused, match="Host key verification failed"):
                async with pool.session("test1", Address("localhost", sshd.port)):
                    pass
    finally:
        await pool.close()


async def test_a_closed_port_is_a_refused_connection(pool: SshPool) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", reserved.getsockname()[1])
        with pytest.raises(ConnectionRefused, match=r"^Connection refused$"):
            async with pool.session("test1", address):
                pass


async def test_a_name_that_does_not_resolve_is_an_unavailable_machine(pool: SshPool) -> None:
    with pytest.raises(MachineUnavailable):
        async with pool.session("test1", Address("no-such-host.invalid", 22)):
            pass


async def test_a_silent_machine_is_given_up(authority: CertificateAuthority, sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pool = SshPool(
            authority, known_hosts=sshd.known_hosts, settings=PoolSettings(connect_timeout=0.2)
        )
        try:
            with pytest.raises(ConnectionRefused, match="timed out"):
                async with pool.session("test1", Address("127.0.0.1", silent.getsockname()[1])):
                    pass
        finally:
            await pool.close()


async def test_an_old_connection_gets_no_new_work_but_finishes_its_own(
    authority: CertificateAuthority, sshd: Sshd, home: Path
) -> None:
    settings = PoolSettings(maximum_age=0.3)
    pool = SshPool(authority, known_hosts=sshd.known_hosts, settings=settings)
    try:
        async with pool.session("test1", sshd) as session:
            script = f"until [ -e {home}/go ]; do sleep 0.05; done; echo done"
            old = asyncio.create_task(
                session.run(["sh", "-c", script], time_limit=60, output_limit=100)
            )
            while pool.stats().handshakes == 1:
                await whoami(session)
            (home / "go").touch()
            assert (await old).stdout == b"done\n"
    finally:
        await pool.close()


async def test_an_idle_connection_is_closed(
    authority: CertificateAuthority, sshd: Sshd, until: Until
) -> None:
    settings = PoolSettings(idle_time=0.1)
    pool = SshPool(authority, known_hosts=sshd.known_hosts, settings=settings)
    try:
        async with pool.session("test1", sshd) as session:
            await whoami(session)
        await until(lambda: pool.stats().connections == 0)
        async with pool.session("test1", sshd) as session:
            assert await whoami(session) == b"test1\n"
    finally:
        await pool.close()


async def test_a_closed_pool_refuses_and_leaves_no_task(
    authority: CertificateAuthority, sshd: Sshd, until: Until
) -> None:
    before = asyncio.all_tasks()
    pool = SshPool(authority, known_hosts=sshd.known_hosts)
    async with pool.session("test1", sshd) as session:
        waiting = asyncio.create_task(
            session.run(["sleep", "4721"], time_limit=60, output_limit=10)
        )
        await whoami(session)
        await pool.close()
        with pytest.raises(ConnectionRefused):
            await waiting
        with pytest.raises(ConnectionRefused):
            await whoami(session)
    with pytest.raises(ConnectionRefused):
        async with pool.session("test1", sshd):
            pass
    await until(lambda: not asyncio.all_tasks() - before)


async def test_the_settings_are_what_the_machine_sees(sshd: Sshd, pool: SshPool) -> None:
    async with pool.session("test1", replace_name(sshd)) as session:
        await whoami(session)
    assert "user=test1 system=renamed serial=" in sshd.log.read_text()


def replace_name(sshd: Sshd) -> Address:
    return replace(Address(sshd.host, sshd.port), name="renamed")


async def test_what_is_asked_in_one_turn_is_sent_by_one_call(
    pool: SshPool, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    class Recorded(Joining):
        def _send(self) -> None:
            calls.append(len(self._held))
            super()._send()

    monkeypatch.setattr("f7t.ssh.connection.Joining", Recorded)
    async with pool.session("test1", sshd) as session:
        calls.clear()
        sizes = await asyncio.gather(*(session.files.size("/etc/passwd") for _ in range(4)))
        assert len(set(sizes)) == 1
        assert max(calls) >= 4
