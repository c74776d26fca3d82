"""Commands over a real sshd: output, limits, hostile arguments, channels."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.errors import CommandTimeout, OutputLimitExceeded
from f7t.ssh.channel import Completed
from f7t.ssh.connection import PoolSettings
from f7t.ssh.pool import Session, SshPool

if TYPE_CHECKING:
    from f7t.delegation import CertificateAuthority
    from tests.support.sshd import Sshd, Until


async def run(
    session: Session,
    *argv: str,
    stdin: bytes | None = None,
    environment: dict[str, str] | None = None,
) -> Completed:
    return await session.run(
        argv, stdin=stdin, environment=environment, time_limit=20, output_limit=1 << 20
    )


async def until_gone(session: Session, pattern: str) -> None:
    """Wait until no process of test1 has `pattern` in its command line."""
    script = 'while pgrep -u test1 -f "$PATTERN"; do sleep 0.05; done'
    await run(session, "sh", "-c", script, environment={"PATTERN": pattern})


async def test_status_and_both_streams_come_back_as_bytes(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        done = await run(session, "sh", "-c", r"printf 'out\377'; printf 'err\376' >&2; exit 3")
        assert done == Completed(3, b"out\xff", b"err\xfe")
        assert (await run(session, "id", "-un")).stdout == b"test1\n"
        assert (await run(session, "pwd")).stdout.decode().strip() == str(sshd.home("test1"))
    assert pool.stats().connections == 1


async def test_a_program_ended_by_a_signal_has_a_negative_status(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        assert (await run(session, "sh", "-c", "kill -9 $$")).exit_status == -9


async def test_an_unknown_program_is_a_status_not_an_exception(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        done = await run(session, "nosuchprogram")
        assert done.exit_status == 127
        assert b"nosuchprogram" in done.stderr


async def test_input_of_a_megabyte_goes_round(pool: SshPool, sshd: Sshd) -> None:
    data = bytes(range(256)) * 4096
    async with pool.session("test1", sshd) as session:
        done = await session.run(["cat"], stdin=data, time_limit=20, output_limit=len(data))
        assert done.stdout == data
        assert (await run(session, "cat")).stdout == b""


async def test_a_program_that_does_not_read_its_input_is_no_failure(
    pool: SshPool, sshd: Sshd
) -> None:
    async with pool.session("test1", sshd) as session:
        done = await run(session, "true", stdin=b"x" * 5_000_000)
        assert done.exit_status == 0


async def test_the_environment_is_what_was_asked_for(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        show = 'printf "%s|%s" "$A" "$LC_ALL"'
        done = await run(session, "sh", "-c", show, environment={"A": "b, 'c'"})
        assert done.stdout == b"b, 'c'|C"


@pytest.mark.parametrize(
    "word",
    [
        "$(touch {0})",
        "`touch {0}`",
        "'; touch {0}; '",
        '"; touch {0}; "',
        "\ntouch {0}\n",
        "&& touch {0}",
        "| touch {0}",
        "> {0}",
        "${{IFS}}",
        "\x1b]0;x\x07 | touch {0} #",
    ],
)
async def test_hostile_arguments_are_never_executed(
    word: str, pool: SshPool, sshd: Sshd, home: Path
) -> None:
    hostile = word.format(home / "executed")
    async with pool.session("test1", sshd) as session:
        done = await run(session, "printf", "%s", hostile)
        assert done.stdout == hostile.encode()
    assert not (home / "executed").exists()


async def test_a_chatty_start_up_file_does_not_get_into_the_output(
    pool: SshPool, sshd: Sshd
) -> None:
    (sshd.home("chatty") / ".bashrc").write_text("echo Welcome; echo Beware >&2\n")
    async with pool.session("chatty", sshd) as session:
        assert await run(session, "echo", "x") == Completed(0, b"x\n", b"")


async def test_a_command_over_its_time_limit_is_ended_on_the_machine(
    pool: SshPool, sshd: Sshd
) -> None:
    async with pool.session("test1", sshd) as session:
        with pytest.raises(CommandTimeout):
            await session.run(["sleep", "4711"], time_limit=0.2, output_limit=10)
        await until_gone(session, "sleep 4711")


async def test_a_command_that_ignores_sigterm_is_killed(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        with pytest.raises(CommandTimeout):
            await session.run(
                ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; : 4712; done"],
                time_limit=0.3,
                output_limit=10,
            )
        await until_gone(session, "while :; do sleep 0.1; : 4712")


async def test_a_cancelled_caller_leaves_nothing_running(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        running = asyncio.create_task(run(session, "sleep", "4713"))
        await run(session, "sh", "-c", "until pgrep -x sleep; do :; done")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await until_gone(session, "sleep 4713")


async def test_output_over_the_limit_ends_the_command(pool: SshPool, sshd: Sshd) -> None:
    async with pool.session("test1", sshd) as session:
        with pytest.raises(OutputLimitExceeded) as refused:
            await session.run(["yes", "4714"], time_limit=20, output_limit=100_000)
        assert refused.value.limit == 100_000
        await until_gone(session, "yes 4714")
        exact = await session.run(["printf", "%100s", ""], time_limit=20, output_limit=100)
        assert len(exact.stdout) == 100


async def test_channels_queue_above_the_cap_and_a_second_connection_helps(
    authority: CertificateAuthority, sshd: Sshd, home: Path, until: Until
) -> None:
    settings = PoolSettings(channels_per_connection=4, connections_per_user=2)
    pool = SshPool(authority, known_hosts=sshd.known_hosts, settings=settings)
    before = sshd.logins()
    try:
        async with pool.session("test1", sshd) as session:
            # Each command waits for the file, so that all are there together or queue.
            script = f"until [ -e {home}/go ]; do sleep 0.05; done; echo done"
            commands = [asyncio.create_task(run(session, "sh", "-c", script)) for _ in range(20)]
            await until(lambda: pool.stats().waiting == 14 and pool.stats().connections == 2)
            (home / "go").touch()
            assert {(await command).stdout for command in commands} == {b"done\n"}
        assert pool.stats().waiting == 0
        assert pool.stats().in_use == 0
    finally:
        await pool.close()
    assert sshd.logins() - before == 2


async def test_cancelled_waiters_give_their_turn_to_the_next(
    authority: CertificateAuthority, sshd: Sshd, home: Path, until: Until
) -> None:
    settings = PoolSettings(channels_per_connection=2, connections_per_user=1)
    pool = SshPool(authority, known_hosts=sshd.known_hosts, settings=settings)
    try:
        async with pool.session("test1", sshd) as session:
            script = f"until [ -e {home}/go ]; do sleep 0.05; done"
            first = asyncio.create_task(run(session, "sh", "-c", script))
            waiting = [asyncio.create_task(run(session, "echo", str(n))) for n in range(4)]
            await until(lambda: pool.stats().waiting == 4)
            waiting[0].cancel()
            waiting[2].cancel()
            (home / "go").touch()
            await first
            assert (await waiting[1]).stdout == b"1\n"
            assert (await waiting[3]).stdout == b"3\n"
        assert pool.stats().waiting == 0
    finally:
        await pool.close()
