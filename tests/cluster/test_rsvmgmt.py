"""The program `rsvmgmt` at a desk whose Slurm only takes notes."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from f7t_testbuild.cluster import desk
from f7t_testbuild.cluster.render import Network, Ports, Role, render
from f7t_testbuild.cluster.reservations import (
    Reservations,
    Rules,
)
from f7t_testbuild.cluster.site import load_site
from tests.cluster.office import (
    BOB,
    NOW,
    RULES,
    STRANGER,
    WISH,
    Notes,
    line,
)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user can reach, with a short name: sockets allow 108 bytes."""
    with tempfile.TemporaryDirectory(prefix="f7t-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@dataclass(frozen=True)
class Open:
    """A desk with its program."""

    program: Path
    socket: Path
    notes: Notes

    async def call(
        self,
        *arguments: str,
        uid: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[int, str, str]:
        """Exit status, output and errors of the program, run as `uid`."""
        process = await asyncio.create_subprocess_exec(
            *("/bin/sh", str(self.program), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(environment or {})},
            user=uid,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def opened(place: Path) -> AsyncIterator[Open]:
    places = {name: place for name in ("etc", "run", "private", "var", "spool")}
    network, role = Network(Ports(1, 2, 3, 4)), Role("native", head=True, nodes=())
    files = render(load_site(), (22, 5), (9, 2), network, role, places).files
    file = next(file for file in files if file.name == "rsvmgmt")
    program = place / file.name
    program.write_text(file.text)
    program.chmod(file.mode)
    notes = Notes([line("maint", "test")])
    users = {"alice": os.geteuid(), "bob": BOB}
    rules = Rules(users, RULES.feature, RULES.nodes, RULES.per_account, RULES.days)
    path = place / "reservations.socket"
    server = await desk.serve(path, Reservations(rules, notes.run, lambda: NOW))
    yield Open(program, path, notes)
    server.close()


async def test_the_program_prints_and_ends_as_told(opened: Open) -> None:
    assert await opened.call("-l") == (0, f"{line('maint', 'test')}\n", "")
    refused = "rsvmgmt: Error: You are not an owner of the x reservation\n"
    assert await opened.call("-d", "x") == (1, "", refused)
    usage = "rsvmgmt: Error: wrong usage, see rsvmgmt --help\n"
    assert await opened.call() == (2, "", usage)
    status, out, err = await opened.call("--help")
    assert (status, err) == (0, "")
    assert out.startswith("usage: rsvmgmt -l\n")


ATTEMPTS = (
    *("$(touch {0})", "`touch {0}`", "; touch {0}", "' ; touch {0} '", '" ; touch {0} "'),
    *("| touch {0}", "&& touch {0}", "\n touch {0}", "-K {0}", "@{0}", "%s%n%c\\0", "\\c"),
)


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_arguments_are_only_text(opened: Open, place: Path, attempt: str) -> None:
    text = attempt.format(place / "executed")
    status, out, err = await opened.call("-d", text)
    assert (status, out) == (1, "")
    assert err.startswith("rsvmgmt: Error: ")
    for position in range(6):
        words = ["maint", "test", *WISH]
        words[position] = text
        status = (await opened.call("-a", *words))[0]
        assert status == (0 if position == 0 and any(map(str.isalnum, text)) else 1)
    assert not (place / "executed").exists()
    assert all(len(words) == 9 and " " not in "".join(words) for words in opened.notes.told)


async def test_the_callers_settings_of_curl_do_not_count(opened: Open, place: Path) -> None:
    (place / ".curlrc").write_text(f"silent\noutput = {place}/stolen\n")
    surroundings = {"HOME": str(place), "http_proxy": "http://127.0.0.1:1", "SUDO_UID": "0"}
    assert (await opened.call("-l", environment=surroundings))[0] == 0


async def test_the_kernel_says_who_calls(opened: Open) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become other users")
    assert await opened.call("-l", uid=STRANGER) == (
        *(77, ""),
        f"rsvmgmt: Error: user id {STRANGER} may not use this program\n",
    )
    # What a caller says of itself counts for nothing.
    lies = {"SUDO_UID": str(BOB), "USER": "bob", "LOGNAME": "bob"}
    assert (await opened.call("-l", uid=STRANGER, environment=lies))[0] == 77
    assert await opened.call("-d", "maint", uid=BOB) == (
        *(1, ""),
        "rsvmgmt: Error: You are not an owner of the maint reservation\n",
    )
    assert opened.notes.told == []


async def test_everybody_reaches_the_desk(opened: Open) -> None:
    assert stat.S_IMODE(opened.socket.stat().st_mode) == 0o666


async def test_a_desk_that_is_not_there(opened: Open) -> None:
    opened.socket.unlink()
    away = "rsvmgmt: Error: the reservation desk of the login node does not answer\n"
    assert await opened.call("-l") == (1, "", away)


@pytest.mark.parametrize(
    "request_text",
    [
        b"\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n-l",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n\xff\xff\0",
        b"x" * 40000,
    ],
)
async def test_nonsense_is_told_from_requests(opened: Open, request_text: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(opened.socket)
    with closing(writer):
        writer.write(request_text)
        writer.write_eof()
        try:
            answer = await reader.read()
        except ConnectionResetError:  # it did not read on to the end
            answer = b"\n2\n"
    assert b"\n2\n" in answer
    assert (await opened.call("-l"))[0] == 0


async def test_idle_callers_cannot_take_all_descriptors(opened: Open) -> None:
    """The door closes, and opens again when they have gone."""
    idle = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    for caller in idle:
        caller.connect(str(opened.socket))
        await asyncio.sleep(0)
    assert (await opened.call("-l"))[0] == 1
    for caller in idle:
        caller.close()
    async with asyncio.timeout(10):
        while (await opened.call("-l"))[0] != 0:
            pass
