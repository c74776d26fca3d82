"""The command line on a real testbuild of its own, from `up` to `down --purge`.

The tests of this file run in their order: each finds what the one before left.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from f7t_testbuild import model, ports
from tests.support.live import free_port_base, until

F7T = str(Path(sys.executable).parent / "f7t")
DENY = ("--deny", "test2")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """A state root of its own; unix sockets allow 108 bytes, pytest's directories are too deep."""
    root = tempfile.mkdtemp(prefix="f7t-")
    yield {**os.environ, "F7T_STATE_ROOT": root}
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def run(environment: dict[str, str]) -> Run:
    """Runs `f7t ARGUMENT... --name cli` as a process of its own."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [F7T, *arguments, "--name", "cli"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.fixture(scope="module")
def testbuild(environment: dict[str, str]) -> model.Testbuild:
    return model.Testbuild("cli", free_port_base(), Path(environment["F7T_STATE_ROOT"]))


@pytest.fixture(scope="module")
def document(testbuild: model.Testbuild, run: Run) -> Iterator[dict[str, Any]]:
    """What the first `up --json` printed; the testbuild is purged when the module is done."""
    done = run("up", "--json", "--port-base", str(testbuild.port_base), "--workers", "1", *DENY)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        # Progress went to standard error, so that the document stands alone.
        assert " s] " in done.stderr
        yield json.loads(done.stdout)
    finally:
        run("down", "--purge")


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    decoded: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return decoded


def test_up_returns_a_proved_testbuild(document: dict[str, Any]) -> None:
    assert document["running"] is True
    assert document["started"] is True
    assert {part["state"] for part in document["parts"]} == {"ready"}
    steps = [step["name"] for step in document["proof"]["steps"]]
    assert steps == ["token", "system available", "submit", "upload", "download", "job"]
    assert document["proof"]["job_id"] > 0


def test_the_proof_left_nothing_in_the_home(
    document: dict[str, Any], testbuild: model.Testbuild, run: Run
) -> None:
    user = f"service-account-{model.CLIENT_ID}"
    answer = httpx.get(
        f"{testbuild.gateway_url}/utilities/ls",
        params={"targetPath": f"/home/{user}", "showhidden": "true"},
        headers={
            "Authorization": f"Bearer {run('token').stdout.strip()}",
            "X-Machine-Name": model.SYSTEM,
        },
        trust_env=False,
    )

    assert answer.status_code == 200, answer.text
    names = {entry["name"] for entry in answer.json()["output"]}
    assert not {name for name in names if name == "firecrest" or "proof" in name}


def test_status_shows_every_part(document: dict[str, Any], run: Run) -> None:
    table = run("status")
    listed = run("status", "--json")

    assert table.returncode == listed.returncode == 0
    assert document["way"] in table.stdout
    for part in json.loads(listed.stdout)["parts"]:
        for value in (part["name"], part["what"], part["version"], part["address"], part["since"]):
            assert value in table.stdout


@pytest.mark.usefixtures("document")
@pytest.mark.parametrize(("user", "status"), [("test1", 200), ("test2", 400)])
def test_a_denied_user_may_do_nothing_on_the_system(
    run: Run, testbuild: model.Testbuild, user: str, status: int
) -> None:
    answer = httpx.get(
        f"{testbuild.gateway_url}/utilities/ls",
        params={"targetPath": "/tmp"},
        headers={
            "Authorization": f"Bearer {run('token', '--user', user).stdout.strip()}",
            "X-Machine-Name": model.SYSTEM,
        },
        trust_env=False,
    )

    assert answer.status_code == status, answer.text
    denied = "User does not have permissions to access machine"
    assert answer.headers.get("X-Permission-Denied") == (denied if status == 400 else None)


@pytest.mark.usefixtures("document")
def test_who_is_denied_changes_at_a_start_only(run: Run) -> None:
    """And is remembered: the next test starts it again without the option."""
    done = run("up", "--deny", "none")

    assert done.returncode == 1
    assert "deny test2" in done.stderr


@pytest.mark.usefixtures("document")
def test_a_second_up_says_that_it_is_up(run: Run) -> None:
    again = run("up")
    as_document = json.loads(run("up", "--json").stdout)

    assert again.returncode == 0
    assert "'cli' is already up" in again.stdout
    assert "slurmctld" in again.stdout
    assert as_document["started"] is False
    assert as_document["proof"] is None


@pytest.mark.usefixtures("document")
def test_other_numbers_for_a_running_testbuild_are_refused(run: Run) -> None:
    done = run("up", "--port-base", "30000")

    assert done.returncode == 1
    assert "already up" in done.stderr
    assert "down --name cli" in done.stderr


@pytest.mark.usefixtures("document")
def test_tokens_are_of_the_user_or_the_client(run: Run, testbuild: model.Testbuild) -> None:
    person = claims(run("token", "--user", "test1").stdout.strip())
    service = claims(run("token").stdout.strip())

    assert person["preferred_username"] == "test1"
    assert person["iss"] == service["iss"] == testbuild.issuer
    assert service["preferred_username"] == f"service-account-{model.CLIENT_ID}"


@pytest.mark.usefixtures("document")
def test_the_lines_a_person_pastes_work(environment: dict[str, str]) -> None:
    script = (
        f'eval "$({F7T} env --name cli)" && eval "$({F7T} token --name cli --export)" && '
        'curl -sf -H "Authorization: Bearer $TOKEN" "$FIRECREST_URL/status/systems"'
    )

    done = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout)["out"][0]["status"] == "available"


@pytest.mark.usefixtures("document")
def test_list_and_doctor_know_that_it_runs(run: Run, environment: dict[str, str]) -> None:
    listed = subprocess.run(
        [F7T, "list", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    doctor = run("doctor")

    (row,) = json.loads(listed.stdout)["testbuilds"]
    assert (row["name"], row["running"]) == ("cli", True)
    assert doctor.returncode == 0
    assert "held by this testbuild itself" in doctor.stdout


@pytest.mark.usefixtures("document")
def test_logs_of_one_part_and_of_all(run: Run) -> None:
    everything = run("logs", "-n", "1")
    one = run("logs", "slurmctld", "-n", "3")
    none = run("logs", "nonsense")

    prefixes = {line.split(" ", 1)[0] for line in everything.stdout.splitlines()}
    assert prefixes >= {"gateway", "identity", "slurmctld"}
    assert len(one.stdout.splitlines()) == 3
    assert none.returncode == 1
    assert "slurmctld" in none.stderr


@pytest.mark.usefixtures("document")
def test_logs_follow_until_interrupted(
    environment: dict[str, str], testbuild: model.Testbuild
) -> None:
    command = [F7T, "logs", "gateway", "-f", "-n", "0", "--name", "cli"]
    with subprocess.Popen(
        command, env={**environment, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        os.set_blocking(following.stdout.fileno(), False)

        def a_line_arrives() -> str | None:
            # Asked again and again: the first requests may come before the follower's first look.
            httpx.get(f"{testbuild.gateway_url}/status/systems", trust_env=False)
            assert following.stdout is not None
            return following.stdout.readline() or None

        until(a_line_arrives, what="a followed line")
        following.send_signal(signal.SIGINT)
        assert following.wait(timeout=20) == 130


@pytest.mark.usefixtures("document")
def test_reset_keeps_it_running(run: Run) -> None:
    done = run("reset")

    assert done.returncode == 0, done.stderr
    assert run("status").returncode == 0


@pytest.mark.usefixtures("document")
def test_down_stops_all_and_purge_leaves_nothing(run: Run, testbuild: model.Testbuild) -> None:
    stopped = run("down")

    assert stopped.returncode == 0
    assert "state kept" in stopped.stdout
    assert run("status").returncode == 3
    assert ports.taken(testbuild.ports) == {}
    assert run("token").returncode == 3
    assert run("logs", "gateway", "-n", "1").returncode == 0

    again = run("down", "--purge")
    assert again.returncode == 0
    assert "was not running" in again.stdout
    assert not testbuild.directory.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_leaves_nothing_running(
    environment: dict[str, str], testbuild: model.Testbuild, run: Run, number: signal.Signals
) -> None:
    # Ports of its own: the earlier ones have been free for others since `down`.
    testbuild = replace(testbuild, port_base=free_port_base())
    command = [F7T, "up", "--name", "cli", "--port-base", str(testbuild.port_base)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as starting:
        assert starting.stderr is not None
        for line in starting.stderr:
            if "mariadbd" in line:
                break
        starting.send_signal(number)
        rest = starting.stderr.read()
        assert starting.wait(timeout=60) == 130, rest

    assert "error: interrupted" in rest
    assert run("status").returncode == 3
    assert ports.taken(testbuild.ports) == {}
    assert _processes_of(testbuild) == []
    run("down", "--purge")


def _processes_of(testbuild: model.Testbuild) -> list[str]:
    """Command lines of the processes that carry the testbuild's mark in their environment."""
    mark = f"TESTBUILD_DIRECTORY={testbuild.directory}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found
