"""The rules of `rsvmgmt`, and the program itself at a desk whose Slurm only takes notes."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from f7t_testbuild.cluster import desk
from f7t_testbuild.cluster.render import Network, Ports, Role, render
from f7t_testbuild.cluster.reservations import (
    Answer,
    ExitStatus,
    Reservations,
    Rules,
    parse_reservations,
)
from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.supervise.program import Outcome

ALICE, BOB, STRANGER = 10001, 10002, 10003
RULES = Rules({"alice": ALICE, "bob": BOB}, feature="f7t", nodes=2, per_account=5, days=365)
NOW = datetime(2026, 1, 1, 12)
START, END = "2026-02-01T10:00:00", "2026-02-01T11:00:00"
WISH = ("1", "f7t", START, END)
BUSY = (
    "Error creating the reservation: Requested nodes are busy\n"
    "Note, unless nodes are directly requested a reservation must exist in a single partition.\n"
)


def _line(name: str, accounts: str) -> str:
    return f"ReservationName={name} Accounts={accounts} TRES=cpu=16 State=INACTIVE"


@dataclass
class Notes:
    """Slurm as far as the rules look at it; remembers what it was told to change."""

    reservations: list[str] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=lambda: {"alice": "test\n", "bob": "other\n"})
    outcome: Outcome = field(default_factory=lambda: Outcome(0, "done\n"))
    told: list[tuple[str, ...]] = field(default_factory=list)

    async def run(self, argv: Sequence[str]) -> Outcome:
        match list(argv):
            case ["scontrol", "-o", "show", "reservation"]:
                return Outcome(0, "\n".join(self.reservations) or "No reservations in the system\n")
            case ["sacctmgr", *_, who, "format=account"]:
                return Outcome(0, self.accounts[who.removeprefix("user=")])
        self.told.append(tuple(argv))
        return self.outcome


def _office(notes: Notes) -> Reservations:
    return Reservations(RULES, notes.run, lambda: NOW)


async def _said(notes: Notes, *arguments: str, uid: int = ALICE) -> Answer:
    return await _office(notes).answer(uid, arguments)


def _refused(reason: str) -> Answer:
    return Answer(ExitStatus.REFUSED, f"rsvmgmt: Error: {reason}")


async def test_create_hands_on_single_arguments() -> None:
    notes = Notes()
    answer = await _said(notes, "-a", "maint", "test", "02", "f7t", START, END)
    assert answer == Answer(ExitStatus.DONE, "done")
    assert notes.told == [
        (
            *("scontrol", "create", "reservation", "ReservationName=maint", "Accounts=test"),
            *("NodeCnt=2", f"StartTime={START}", f"EndTime={END}", "Features=f7t"),
        )
    ]


async def test_update_and_delete_of_ones_own() -> None:
    notes = Notes([_line("maint", "test")])
    assert (await _said(notes, "-u", "maint", *WISH)).status is ExitStatus.DONE
    deleted = await _said(notes, "-d", "maint")
    assert deleted == Answer(ExitStatus.DONE, "Reservation deleted: maint")
    assert notes.told == [
        (
            *("scontrol", "update", "ReservationName=maint", "NodeCnt=1"),
            *(f"StartTime={START}", f"EndTime={END}"),
        ),
        ("scontrol", "delete", "ReservationName=maint"),
    ]


@pytest.mark.parametrize("accounts", ["other", "test,other", "(null)", "-test", ""])
@pytest.mark.parametrize("command", [("-d", "maint"), ("-u", "maint", *WISH)])
async def test_nobody_elses_is_touched(accounts: str, command: tuple[str, ...]) -> None:
    """In the words of one that does not exist."""
    refused = _refused("You are not an owner of the maint reservation")
    notes = Notes([_line("maint", accounts)])
    assert await _said(notes, *command) == refused
    assert await _said(Notes(), *command) == refused
    assert notes.told == []


async def test_list_shows_ones_own() -> None:
    own = _line("mine", "test")
    notes = Notes([_line("yours", "other"), own, _line("ours", "test,other")])
    assert await _said(notes, "-l") == Answer(ExitStatus.DONE, own)
    assert (await _said(notes, "-l", uid=BOB)).text == _line("yours", "other")
    assert await _said(Notes(), "-l") == Answer(ExitStatus.DONE, "")


@pytest.mark.parametrize("command", [("-l",), ("-a", "x", "test", *WISH), ("-d", "x"), ()])
async def test_only_named_users_may(command: tuple[str, ...]) -> None:
    notes = Notes([_line("x", "test")])
    for uid in (STRANGER, 0, 65534, -1):
        answer = await _said(notes, *command, uid=uid)
        assert answer.status is ExitStatus.FORBIDDEN
        assert answer.text == f"rsvmgmt: Error: user id {uid} may not use this program"
    assert notes.told == []


async def test_account_must_be_the_callers() -> None:
    notes = Notes()
    for account in ("other", "root", "", "test,other", "test Users=bob", "TEST"):
        answer = await _said(notes, "-a", "maint", account, *WISH)
        assert answer == _refused(f"alice does not belong to the account {account}")
    assert notes.told == []


async def test_five_an_account() -> None:
    notes = Notes([_line(f"r{number}", "test") for number in range(4)] + [_line("o", "other")])
    assert (await _said(notes, "-a", "fifth", "test", *WISH)).status is ExitStatus.DONE
    notes.reservations.append(_line("fifth", "test"))
    answer = await _said(notes, "-a", "sixth", "test", *WISH)
    assert answer == _refused("the account test has 5 reservations, more are not allowed")
    assert (await _said(notes, "-a", "b", "other", *WISH, uid=BOB)).status is ExitStatus.DONE


async def test_five_an_account_also_when_all_come_at_once() -> None:
    """Between looking and creating others must wait."""
    notes = Notes()

    async def slow(argv: Sequence[str]) -> Outcome:
        for _ in range(5):
            await asyncio.sleep(0)
        done = await notes.run(argv)
        if argv[1] == "create":
            notes.reservations.append(_line(argv[3].partition("=")[2], "test"))
        return done

    office = Reservations(RULES, slow, lambda: NOW)
    wishes = [office.answer(ALICE, ("-a", f"r{number}", "test", *WISH)) for number in range(9)]
    statuses = [answer.status for answer in await asyncio.gather(*wishes)]
    assert statuses.count(ExitStatus.DONE) == 5
    assert len(notes.told) == 5


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a_b", "ab"),
        ("A-b.1", "A-b1"),
        ("x$(id)", "xid"),
        ("é日x", "x"),
        ("a b\nAccounts=other", "abAccountsother"),
        ("-d", "-d"),
    ],
)
async def test_names_are_reduced(given: str, kept: str) -> None:
    notes = Notes()
    await _said(notes, "-a", given, "test", *WISH)
    assert notes.told[0][3] == f"ReservationName={kept}"
    notes = Notes([_line(kept, "test")])
    await _said(notes, "-d", given)
    assert notes.told == [("scontrol", "delete", f"ReservationName={kept}")]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "no letter and no digit in the name "),
        ("_$", "no letter and no digit in the name _$"),
        ("--\n", "no letter and no digit in the name --?"),
        ("x" * 65, "the name is longer than 64 characters"),
    ],
)
async def test_names_without_anything(name: str, reason: str) -> None:
    for command in (("-a", name, "test", *WISH), ("-d", name), ("-u", name, *WISH)):
        assert await _said(Notes(), *command) == _refused(reason)


TIMES = "YYYY-MM-DDTHH:MM:SS"


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (("3", "f7t", START, END), "the number of nodes 3 is greater than 2 available"),
        (("0", "f7t", START, END), "the number of nodes 0 is no integer from 1 to 999999999"),
        (("1 Users=x", "f7t", START, END), "the number of nodes 1 Users=x is no integer from 1"),
        (("-1", "f7t", START, END), "the number of nodes -1 is no integer from 1"),
        (("٣", "f7t", START, END), "the number of nodes ٣ is no integer from 1"),
        (("9" * 5000, "f7t", START, END), f"the number of nodes {'9' * 100}... is no integer"),
        (("1", "gpu", START, END), "only f7t feature type are supported"),
        (("1", "f7t,gpu", START, END), "only f7t feature type are supported"),
        (("1", "", START, END), "only f7t feature type are supported"),
        (("1", "f7t", "now", END), f"the start now is not {TIMES}"),
        (("1", "f7t", START, f"{END} Flags=MAINT"), f"the end {END} Flags=MAINT is not {TIMES}"),
        (("1", "f7t", START, f"{END}\n"), f"the end {END}? is not {TIMES}"),
        (("1", "f7t", "2026-02-30T10:00:00", END), "the start 2026-02-30T10:00:00 is no moment"),
        (("1", "f7t", END, START), "the end is not after the start"),
        (("1", "f7t", START, START), "the end is not after the start"),
        (("1", "f7t", START, "2027-01-01T12:00:01"), "the end 2027-01-01T12:00:01 is not within"),
        (("1", "f7t", "2027-01-01T12:00:01", "2027-01-02T12:00:00"), "the start 2027-01-01T12:00"),
        (("1", "f7t", "0001-01-01T00:00:00", END), "the start 0001-01-01T00:00:00 is not within"),
    ],
)
async def test_wishes_beyond_the_rules(wish: tuple[str, ...], reason: str) -> None:
    notes = Notes([_line("mine", "test")])
    for command in (("-a", "new", "test", *wish), ("-u", "mine", *wish)):
        answer = await _said(notes, *command)
        assert answer.status is ExitStatus.REFUSED
        assert answer.text.startswith(f"rsvmgmt: Error: {reason}")
    assert notes.told == []


async def test_a_year_is_the_limit_and_allowed() -> None:
    wish = ("1", "f7t", START, "2027-01-01T12:00:00")
    assert (await _said(Notes(), "-a", "x", "test", *wish)).status is ExitStatus.DONE


@pytest.mark.parametrize(
    "arguments", [(), ("",), ("-x",), ("-l", "x"), ("-d",), ("-a", "x"), ("-u", "x", "test", *WISH)]
)
async def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    answer = await _said(Notes(), *arguments)
    assert answer.status is ExitStatus.USAGE
    assert "see rsvmgmt --help" in answer.text


async def test_slurms_own_reason_is_told() -> None:
    notes = Notes(outcome=Outcome(1, BUSY))
    answer = await _said(notes, "-a", "x", "test", *WISH)
    assert answer == _refused("Error creating the reservation: Requested nodes are busy")
    notes.outcome = Outcome(1, "")
    assert await _said(notes, "-a", "x", "test", *WISH) == _refused("scontrol failed")


async def test_slurm_that_is_away() -> None:
    async def silent(_: Sequence[str]) -> Outcome:
        raise TimeoutError

    async def absent(_: Sequence[str]) -> Outcome:
        raise FileNotFoundError("cannot run sacctmgr")

    office = Reservations(RULES, silent, lambda: NOW)
    assert await office.answer(ALICE, ["-l"]) == _refused("sacctmgr does not answer")
    office = Reservations(RULES, absent, lambda: NOW)
    assert await office.answer(ALICE, ["-l"]) == _refused("cannot run sacctmgr")


def test_reading_what_scontrol_shows() -> None:
    assert parse_reservations("No reservations in the system\n") == []
    found = parse_reservations(f"{_line('a', 'x,y')}\n\n{_line('b', '(null)')}\n")
    assert [(one.name, one.accounts) for one in found] == [
        ("a", frozenset({"x", "y"})),
        ("b", frozenset({"(null)"})),
    ]


def test_the_site_names_who_may() -> None:
    site = load_site(3)
    assert site.reservation_rules == Rules(
        users={"test1": 10001, "service-account-firecrest-sample": 10010},
        feature="f7t",
        nodes=3,
        per_account=5,
        days=365,
    )
    assert set(site.reservations.users) <= {user.name for user in site.users}


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
    notes = Notes([_line("maint", "test")])
    users = {"alice": os.geteuid(), "bob": BOB}
    rules = Rules(users, RULES.feature, RULES.nodes, RULES.per_account, RULES.days)
    path = place / "reservations.socket"
    server = await desk.serve(path, Reservations(rules, notes.run, lambda: NOW))
    yield Open(program, path, notes)
    server.close()


async def test_the_program_prints_and_ends_as_told(opened: Open) -> None:
    assert await opened.call("-l") == (0, f"{_line('maint', 'test')}\n", "")
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
