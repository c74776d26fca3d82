"""Programs that stay, over a real sshd: answers, limits, what is kept and what is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from f7t.errors import CommandTimeout, ConnectionRefused, OutputLimitExceeded
from f7t.ssh.channel import Completed
from f7t.ssh.connection import PoolSettings
from f7t.ssh.pool import Session, SshPool
from f7t.ssh.programs import RemoteShell
from f7t.ssh.quoting import command_line
from tests.firecrest.ssh.test_run import run, until_gone

if TYPE_CHECKING:
    from f7t.delegation import CertificateAuthority
    from tests.support.sshd import Sshd

FUNCTIONS = "greet() {\nprintf 'hello %s' \"$1\"\nexit 3\n}\n"
SHELL = RemoteShell("test", FUNCTIONS, {"MARK": "4800"})
Opened = Callable[..., Awaitable[Session]]


class _Echo:
    """A program that answers every line, and says at once how many it was given."""

    name = "echo"
    line = command_line(
        ["sh", "-c", 'n=0; while read -r l; do n=$((n+1)); echo "$$ $n $l"; done'], {"MARK": "4801"}
    )
    opening = b""
    serial = True

    def asked(self, request: bytes, nonce: bytes) -> bytes:
        return request + b"\n" + nonce + b"\n"

    def answer(self, nonce: bytes, stdout: bytes, stderr: bytes) -> Completed | None:
        end = stdout.find(nonce)
        return None if end < 0 else Completed(0, stdout[:end], stderr)


ECHO = _Echo()


async def ask(session: Session, request: str | bytes, limit: int = 1 << 20) -> Completed:
    raw = request if isinstance(request, bytes) else request.encode()
    return await session.ask(SHELL, raw, time_limit=20, output_limit=limit)


async def until_over(session: Session, *marks: str) -> None:
    """Wait until no program with one of these marks runs."""
    for mark in marks:
        script = 'while grep -qsz "^MARK=$WANTED$" /proc/[0-9]*/environ; do sleep 0.05; done'
        await run(session, "sh", "-c", script, environment={"WANTED": mark})


async def pid(session: Session) -> int:
    return int((await ask(session, "echo $$")).stdout)


async def pids_of(session: Session, mark: str) -> list[int]:
    """Processes of test1 that were started as the program with this mark."""
    script = 'grep -lsz "^MARK=$WANTED$" /proc/[0-9]*/environ'
    done = await run(session, "sh", "-c", script, environment={"WANTED": mark})
    return [int(name.split("/")[2]) for name in done.stdout.decode().split()]


@pytest.fixture
async def opened(authority: CertificateAuthority, sshd: Sshd, home: Path) -> AsyncIterator[Opened]:
    """A session of test1 with settings of its own."""
    pools: list[SshPool] = []

    async def opened(user: str = "test1", **settings: float) -> Session:
        pool = SshPool(
            authority,
            known_hosts=sshd.known_hosts,
            settings=PoolSettings(**settings),  # type: ignore[arg-type]
        )
        pools.append(pool)
        async with pool.session(user, sshd) as session:
            return session

    yield opened
    for pool in pools:
        await pool.close()


async def test_status_and_both_streams_come_back_as_bytes(session: Session, home: Path) -> None:
    assert await ask(session, r"printf 'out\377'; printf 'err\376' >&2; exit 3") == Completed(
        3, b"out\xff", b"err\xfe"
    )
    assert await ask(session, "greet you") == Completed(3, b"hello you", b"")
    assert await ask(session, "pwd; nosuch 2>/dev/null") == Completed(
        127, f"{home}\n".encode(), b""
    )


async def test_one_shell_runs_all_and_no_request_disturbs_the_next(session: Session) -> None:
    first = await pid(session)
    await ask(session, "cd /; unset MARK; exit 7")
    await ask(session, "exec false")
    assert (await ask(session, 'pwd; echo "$MARK"; cat')).stdout.endswith(b"\n4800\n")
    assert await pid(session) == first


async def test_an_answer_that_looks_like_a_frame_is_none(session: Session) -> None:
    forged = r"printf '\036x\036\036%s 0\036' f7t_over; printf '\036x\036' >&2"
    assert await ask(session, forged) == Completed(0, b"\x1ex\x1e\x1ef7t_over 0\x1e", b"\x1ex\x1e")
    assert (await ask(session, "echo next")).stdout == b"next\n"


async def test_a_chatty_start_up_file_is_read_once_and_not_heard(
    opened: Opened, sshd: Sshd
) -> None:
    rc = sshd.home("chatty") / ".bashrc"
    rc.write_text("echo Welcome; echo Beware >&2; COUNT=$((COUNT + 1)); export COUNT\n")
    session = await opened("chatty")
    for _ in range(2):
        assert await ask(session, 'echo "$COUNT"') == Completed(0, b"1\n", b"")


async def test_requests_beyond_the_channels_wait_and_each_shell_has_one_at_a_time(
    opened: Opened,
) -> None:
    session = await opened(channels_per_connection=4, connections_per_user=1)
    answers = await asyncio.gather(*(ask(session, f"echo $$; echo {n}") for n in range(30)))
    said = [answer.stdout.split() for answer in answers]
    assert [words[1] for words in said] == [str(n).encode() for n in range(30)]
    assert len({words[0] for words in said}) <= 3


async def test_a_request_over_its_time_limit_is_ended_with_its_shell(session: Session) -> None:
    first = await pid(session)
    with pytest.raises(CommandTimeout):
        await session.ask(SHELL, b"sleep 4811; true", time_limit=0.3, output_limit=10)
    await until_gone(session, "sleep 4811")
    assert await pid(session) != first


async def test_a_cancelled_caller_leaves_nothing_running(session: Session) -> None:
    running = asyncio.create_task(ask(session, "sleep 4812; true"))
    await run(session, "sh", "-c", "until pgrep -f '^sleep 4812'; do sleep 0.01; done")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until_gone(session, "^sleep 4812")
    assert (await ask(session, "echo on")).stdout == b"on\n"


async def test_output_over_the_limit_ends_it(session: Session) -> None:
    with pytest.raises(OutputLimitExceeded) as refused:
        await ask(session, "yes 4813", limit=100_000)
    assert refused.value.limit == 100_000
    await until_gone(session, "yes 4813")
    exact = await ask(session, "printf %100s ''", limit=100)
    assert len(exact.stdout) == 100


async def test_a_shell_that_dies_at_work_is_a_lost_connection(session: Session) -> None:
    with pytest.raises(ConnectionRefused):
        await ask(session, "kill -9 $$")
    assert (await ask(session, "echo on")).stdout == b"on\n"


async def test_a_shell_that_died_meanwhile_is_replaced(session: Session) -> None:
    first = await pid(session)
    await run(session, "kill", "-9", str(first))
    await until_over(session, "4800")
    assert await pid(session) != first


async def test_nothing_is_kept_where_that_is_not_wanted(opened: Opened) -> None:
    session = await opened(program_idle_time=0.0)
    assert await pid(session) != await pid(session)
    session = await opened(program_maximum_age=0.0)
    assert await pid(session) != await pid(session)


async def test_unused_programs_end_by_themselves(opened: Opened) -> None:
    session = await opened(idle_time=0.4, program_idle_time=0.1)
    assert await pid(session) in await pids_of(session, "4800")
    await until_over(session, "4800")


async def test_a_command_gets_the_channel_of_an_idle_program(opened: Opened) -> None:
    session = await opened(channels_per_connection=2, connections_per_user=1)
    for _ in range(3):
        assert (await ask(session, "echo on")).stdout == b"on\n"
        assert (await run(session, "echo", "own")).stdout == b"own\n"
        said = await session.ask_together(ECHO, "x", time_limit=20, output_limit=1000)
        assert said.stdout.endswith(b" x\n" + said.stdout.split()[0] + b" 2 ")


async def test_a_serial_program_keeps_its_channel_and_is_told_several_requests_at_once(
    opened: Opened,
) -> None:
    session = await opened(channels_per_connection=4, connections_per_user=1)

    async def said(n: int) -> bytes:
        answer = await session.ask_together(ECHO, f"<{n}>", time_limit=20, output_limit=10_000)
        assert f"<{n}>".encode() in answer.stdout
        return answer.stdout

    shells = [ask(session, f"echo {n}") for n in range(20)]
    answers = await asyncio.gather(*(said(n) for n in range(20)), *shells)
    told = {answer for answer in answers if isinstance(answer, bytes)}
    assert len(told) < 5
    assert len({answer.split()[0] for answer in told}) == 1
    again = await said(99)
    assert again.split()[0] == next(iter(told)).split()[0]
    commands = [run(session, "echo", str(n)) for n in range(10)]
    assert [one.stdout for one in await asyncio.gather(*commands)] == [
        f"{n}\n".encode() for n in range(10)
    ]
    assert (await said(100)).split()[0] == again.split()[0]


async def test_nothing_stays_behind_a_closed_pool(
    authority: CertificateAuthority, session: Session, sshd: Sshd
) -> None:
    pool = SshPool(authority, known_hosts=sshd.known_hosts)
    async with pool.session("test1", sshd) as other:
        await ask(other, "true")
        await other.ask_together(ECHO, "x", time_limit=20, output_limit=1000)
        assert await pids_of(session, "4800")
        assert await pids_of(session, "4801")
    await pool.close()
    await until_over(session, "4800", "4801")


async def test_what_is_printed_is_heard_before_the_end(opened: Opened) -> None:
    """The command ends only when its first word was heard."""
    session = await opened()
    await ask(session, "true")
    heard: list[bytes] = []
    waits = (
        b"rm -f go; printf first; "
        b"for n in $(seq 100); do [ ! -e go ] || exit 0; sleep 0.1; done; exit 1"
    )

    def hear(printed: bytes) -> None:
        if not heard:
            going.append(asyncio.create_task(run(session, "touch", "go")))
        heard.append(printed)

    going: list[asyncio.Task[Completed]] = []
    done = await session.ask(SHELL, waits, time_limit=20, output_limit=100, heard=hear)
    await going[0]
    assert (done.exit_status, done.stdout, heard[0]) == (0, b"first", b"first")


async def test_who_fails_to_hear_fails_alone(opened: Opened) -> None:
    session = await opened()
    await ask(session, "true")

    def hear(_: bytes) -> None:
        raise ValueError("cannot hear")

    with pytest.raises(ValueError, match="cannot hear"):
        await session.ask(
            SHELL, b"printf first; sleep 0.3", time_limit=20, output_limit=100, heard=hear
        )
    assert (await ask(session, "printf next")).stdout == b"next"
