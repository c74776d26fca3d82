"""Hostile text in every parameter of every operation: nothing runs, no crash, nobody is touched.

Texts hold every class of bytes: what shells, SQL, formats, paths and headers treat as special, line
ends, NUL, what is no UTF-8, and attempts to leave a mark on the machine.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.firecrest.services.places import entries
from tests.firecrest.services.sound import HOME, SOUND, USER, places_of, request_of
from tests.firecrest.services.wire import form, send
from tests.support.live import Live, until

OTHERS = ("test1", "test2", "test4")
MARK = f"f7t-executed-{secrets.token_hex(6)}"
"""Made by a command that should never run, in a directory that everybody may write to."""

COMMAND = f"touch /tmp/{MARK}"
_COMMANDS = [
    f"$({COMMAND})",
    f"`{COMMAND}`",
    f"; {COMMAND}",
    f"| {COMMAND}",
    f"&& {COMMAND} #",
    f"\n{COMMAND}\n",
    f"'; {COMMAND}; '",
    f'"; {COMMAND}; "',
    f"${{IFS}}$({COMMAND})",
    f"--checkpoint-action=exec={COMMAND}",
    f"--use-compress-program={COMMAND}",
    f"-e {COMMAND}",
    f"#SBATCH --wrap='{COMMAND}'",
    f"job\n#SBATCH --export=ALL\n{COMMAND}",
    f'{{"A": "$({COMMAND})"}}',
    f'{{"A; {COMMAND}": "x"}}',
    f"{{A=$({COMMAND})}}",
]
_TEMPLATES = [
    *_COMMANDS,
    "../../home/test1/.bashrc",
    "/home/test1/test_file.txt",
    "/home/test4",
    "%2e%2e%2f%2e%2e%2fhome%2ftest1",
    "test1",
    "root",
    "%s%n%x",
    "{0.__class__}",
    "a\r\nX-Injected: yes",
    "\0",
    "-1",
    "NaN",
    "9" * 400,
    "x" * 5000,
]
_BYTES = [bytes([number]) for number in range(256)]
_piece = st.one_of(
    st.sampled_from(_TEMPLATES).map(str.encode),
    st.sampled_from(_BYTES),
    st.binary(max_size=12),
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
HOSTILE = st.lists(_piece, min_size=1, max_size=4).map(b"".join)
# Most texts are refused as JSON before they could do harm; as values of it they reach the machine.
_SPECIAL = {
    "env": HOSTILE | HOSTILE.map(lambda raw: json.dumps({"A": raw.decode("latin-1")}).encode())
}
_file_names = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=30)
_LINES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))


@dataclass(frozen=True)
class Others:
    """What belongs to others: their files, tasks and jobs."""

    files: dict[str, list[dict[str, str]]]
    tasks: dict[str, set[str]]


def _others(live: Live) -> Others:
    files = {
        path: entries(live, path, user=user, showhidden="true", recursive="true")
        for user in OTHERS
        for path in (f"/home/{user}", f"/scratch/{user}")
    }
    return Others(files, {user: _tasks(live, user) for user in OTHERS})


def _tasks(live: Live, user: str) -> set[str]:
    """Ids, without those of invalidated tasks: these expire within minutes, by themselves."""
    found = live.get("/tasks", user=user, machine=None).json()["tasks"]
    return {one["hash_id"] for one in found.values() if one["status"] != "118"}


def _active(live: Live) -> dict[str, Any]:
    answer = live.get("/compute/jobs", user=USER)
    jobs: dict[str, Any] = live.settled(answer, user=USER)["data"]
    return jobs


def _cancelled(live: Live) -> bool | None:
    """True once no job of the user is left; those that are there are told to end."""
    jobs = _active(live)
    if not jobs:
        return True
    ids = ",".join(job["jobid"] for job in jobs.values())
    live.settled(live.delete(f"/compute/jobs/{ids}", user=USER), user=USER)
    return None


@pytest.fixture(scope="module")
def unharmed(live: Live) -> Iterator[None]:
    """After all tests: no mark, others' belongings as before, no failure in the gateway's log."""
    before, home = _others(live), {one["name"] for one in entries(live, HOME, user=USER)}
    failures = live.log("gateway").count("unexpected failure")
    yield
    until(lambda: _cancelled(live), seconds=90, what="the user's jobs ended")
    marks = [one for one in entries(live, "/tmp", user=USER) if MARK in one["name"]]
    left = entries(live, HOME, user=USER, showhidden="true", recursive="true")
    assert marks == []
    assert [one["name"] for one in left if one["name"].endswith(MARK)] == []
    assert _others(live) == before
    assert live.log("gateway").count("unexpected failure") == failures
    for name in {one["name"] for one in entries(live, HOME, user=USER)} - home:
        send(live, form("DELETE", "/utilities/rm", targetPath=f"{HOME}/{name}"), user=USER)


def _told_apart(live: Live, name: str, changed: dict[str, str | bytes], file_name: str) -> None:
    """The answer is one of the contract, and no crash."""
    answer = send(live, request_of(name, changed, file_name=file_name), user=USER)
    assert answer.status in {200, 201, 204, 400, 403, 404, 405}, (name, changed, answer)
    assert answer.header("X-Injected") is None
    if answer.status >= 400:
        assert isinstance(answer.json(), dict)


def _parameters(name: str) -> list[str]:
    places = places_of(name)
    wanted = [one for one, place in places.items() if place in {"query", "path", "form"}]
    return [one for one in wanted if one != "file"]


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("name", [one for one in SOUND if _parameters(one)])
def test_commands_in_every_parameter(live: Live, name: str) -> None:
    """One after the other; as the value of a variable, which may be any text, as well."""
    for parameter in _parameters(name):
        for command in _COMMANDS:
            _told_apart(live, name, {parameter: command}, "job.sh")
            if parameter == "env":
                _told_apart(live, name, {parameter: json.dumps({"A": command})}, "job.sh")


@pytest.mark.usefixtures("unharmed")
@pytest.mark.parametrize("name", SOUND)
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_hostile_values(live: Live, name: str, data: st.DataObject) -> None:
    places, targets = places_of(name), _parameters(name)
    changed: dict[str, str | bytes] = {}
    if targets:
        wanted = data.draw(st.lists(st.sampled_from(targets), min_size=1, max_size=2, unique=True))
        changed = {one: data.draw(_SPECIAL.get(one, HOSTILE), label=one) for one in wanted}
    if "X-Task-Id" in places:
        changed["X-Task-Id"] = data.draw(_LINES)
    if any(places[one] == "path" and not value for one, value in changed.items()):
        return
    _told_apart(live, name, changed, data.draw(_file_names))
