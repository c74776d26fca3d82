"""Two gateways behind HAProxy, natively, in a testbuild of their own: one service to its clients.

The tests of this file run in their order: the last ones change the settings and stop everything.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from f7t_testbuild import model
from f7t_testbuild.credentials import client_of, issue_token
from f7t_testbuild.model import SYSTEM, PartState
from f7t_testbuild.native.remains import marked_processes
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.packages import HAPROXY, find_program
from f7t_testbuild.ports import is_free
from f7t_testbuild.proof import prove
from f7t_testbuild.remembered import Choices
from tests.support.gateways import is_ready_again, is_up, part, past_the_balancer, raw, ready_again
from tests.support.live import Live, free_port_base, until

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]
GATEWAYS = 2
NAMES = ("gateway-1", "gateway-2")
HOME = "/home/test1"


def _port_base() -> int:
    while True:
        base = free_port_base()
        if all(map(is_free, model.Testbuild(port_base=base).ports_with(GATEWAYS).values())):
            return base


@pytest.fixture(scope="module")
def scaled() -> Iterator[Live]:
    assert find_program(HAPROXY.name), "f7t packages --gateways 2 installs it"
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    testbuild = model.Testbuild("scaled", _port_base(), root)
    runtime = NativeRuntime(testbuild, workers=1, gateways=GATEWAYS)
    try:
        runtime.up(print)
        secrets = json.loads(testbuild.secrets_file.read_text())
        choices = Choices(testbuild.port_base, workers=1, gateways=GATEWAYS)
        yield Live(testbuild, secrets, runtime.status().way, runtime, choices)
    finally:
        runtime.down(print, purge=True)
        shutil.rmtree(root, ignore_errors=True)


def served_by(live: Live) -> list[str]:
    """The gateway of every request so far, as the balancer's log tells."""
    lines = [line for line in live.log("balancer").splitlines() if line.startswith("{")]
    return [json.loads(line)["server"] for line in lines]


def test_status_and_logs_show_the_gateways_and_the_balancer(scaled: Live) -> None:
    parts = {one.name: one for one in scaled.runtime.status().parts}
    assert {parts[name].state for name in (*NAMES, "balancer")} == {PartState.READY}
    assert "gateway" not in parts
    assert parts["balancer"].address == f"127.0.0.1:{scaled.testbuild.gateway_port}"
    assert parts["balancer"].what == "HAProxy in front of 2 gateways (real)"
    assert parts["balancer"].version[0].isdigit()
    assert {*NAMES, "balancer"} <= scaled.runtime.logs().keys()
    token = issue_token(scaled.testbuild, client_of(scaled.testbuild))
    scaled.get("/status/systems")
    logged = "".join(scaled.log(name) for name in (*NAMES, "balancer"))
    assert token.rpartition(".")[2] not in logged
    assert scaled.token().rpartition(".")[2] not in logged


def test_the_walk(scaled: Live) -> None:
    """A token, a job in accounting, a file through the staging area both ways; then as test1."""
    proof = prove(
        scaled.testbuild, lambda: issue_token(scaled.testbuild, client_of(scaled.testbuild))
    )
    assert proof.steps[-1].name == "job"
    task = scaled.submit("#!/bin/bash\n#SBATCH --job-name=walk\nhostname\n")
    assert task["status"] == "200", task
    assert task["task_url"] == f"{scaled.url}/tasks/{task['hash_id']}"
    scaled.accounted(task["data"]["jobid"])


def test_answers_are_the_gateways_own_to_the_letter(scaled: Live) -> None:
    """Status, header names in their capitals and order, and the body; ids and times aside."""
    direct = past_the_balancer(scaled, 1)
    good = f"Authorization: Bearer {scaled.token()}\r\nX-Machine-Name: {SYSTEM}"
    requested = [
        ("GET /utilities/ls?targetPath=/home/test1/none", good),
        ("GET /utilities/ls?targetPath=/home/test1", good),
        ("GET /utilities/ls?targetPath=/home", good.replace(SYSTEM, "nowhere")),
        ("GET /compute/jobs/none", good.replace(SYSTEM, "nowhere")),
        ("GET /reservations", good),
        ("GET /utilities/none", good),
        ("GET /utilities/ls", "Accept: */*"),
        ("GET /none", good),
        ("GET /docs", "Accept: */*"),
        ("OPTIONS /utilities/ls", "Origin: http://a\r\nAccess-Control-Request-Method: GET"),
        ("GET /utilities/ls?targetPath=/home/%C3%A9t%C3%A9", good),
    ]
    for line, headers in requested:
        here, there = raw(scaled.url, line, headers), raw(direct.url, line, headers)
        assert here == there, line
    # The HTTP library of the gateway refuses this one, in words and small letters of its own.
    malformed = ("GET /utilities/ls?targetPath=/home/\u00e9t\u00e9", good)
    here, there = raw(scaled.url, *malformed), raw(direct.url, *malformed)
    assert (here[0], here[2]) == (there[0], there[2])


def test_what_one_gateway_began_the_other_tells(scaled: Live) -> None:
    first, second = past_the_balancer(scaled, 1), past_the_balancer(scaled, 2)
    answer = first.post("/compute/jobs", files={"file": ("s.sh", "#!/bin/bash\ntrue\n")})
    told = second.settled(answer)
    assert told["status"] == "200", told
    assert first.task(told["hash_id"]) == told == scaled.task(told["hash_id"])


def test_a_user_has_one_gateway_and_others_the_other(scaled: Live) -> None:
    """Seen in the balancer's log; a user who asks much at once may overflow."""
    users = ("test1", "test2", "test4")
    begun = len(served_by(scaled))
    for user in users:
        for _ in range(4):
            scaled.get("/status/systems", user=user)
    lines = until(lambda: _at_least(served_by(scaled)[begun:], 12), what="the log")
    for number, user in enumerate(users):
        assert len(set(lines[4 * number : 4 * number + 4])) == 1, user


def _at_least(found: list[str], count: int) -> list[str] | None:
    return found if len(found) >= count else None


def test_large_bodies_pass_and_larger_ones_are_refused_as_without_balancer(scaled: Live) -> None:
    content = random.Random(1).randbytes(5 * 1024 * 1024 - 1024)
    form = {"targetPath": HOME}
    sent = scaled.post("/utilities/upload", data=form, files={"file": ("large.bin", content)})
    assert sent.status_code == 201, sent.text
    source = {"sourcePath": f"{HOME}/large.bin"}
    got = scaled.get("/utilities/download", params=source).content
    assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()
    for live in (scaled, past_the_balancer(scaled, 1)):
        files = {"file": ("larger.bin", content * 2)}
        refused = live.post("/utilities/upload", data=form, files=files)
        assert refused.status_code == 413
        assert "The file is over 5242880 bytes" in refused.text


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_gateway_interrupts_nobody_who_reads(scaled: Live, name: str) -> None:
    """From the kill until the gateway is back, calls of all users are answered by somebody."""
    before = part(scaled, name).pid
    scaled.runtime.kill(name)
    answered = 0
    while not is_ready_again(scaled, name, before):
        for user in ("test1", "test2", "test4"):
            answer = scaled.get("/utilities/ls", user=user, params={"targetPath": "/home"})
            assert answer.status_code == 200, answer.text
            answered += 1
    assert answered
    ready_again(scaled, name, before)
    assert part(scaled, name).restarts >= 1


def test_a_submission_under_way_ends_although_its_gateway_is_killed(scaled: Live) -> None:
    """Accepted by one gateway, which is killed at once: carried out once, and told by the other."""
    first, second = past_the_balancer(scaled, 1), past_the_balancer(scaled, 2)
    before = part(scaled, "gateway-1").pid
    script = "#!/bin/bash\n#SBATCH --job-name=survivor\ntrue\n"
    answers = [first.post("/compute/jobs", files={"file": ("s.sh", script)}) for _ in range(4)]
    scaled.runtime.kill("gateway-1")
    for answer in answers:
        task = second.settled(answer)
        assert task["status"] == "200", task
    assert [*second.accounted_names().values()].count("survivor") == len(answers)
    ready_again(scaled, "gateway-1", before)


@contextmanager
def slow_shell(live: Live, user: str) -> Iterator[None]:
    """Every remote command of a user takes two seconds more."""
    source = {"sourcePath": f"/home/{user}/.bashrc"}
    seed = live.get("/utilities/download", user=user, params=source).content
    _write_bashrc(live, user, b"sleep 2\n")
    try:
        yield
    finally:
        _write_bashrc(live, user, seed)


def _write_bashrc(live: Live, user: str, content: bytes) -> None:
    form, file = {"targetPath": f"/home/{user}"}, {"file": (".bashrc", content)}
    answer = live.post("/utilities/upload", user=user, data=form, files=file)
    assert answer.status_code == 201, answer.text


def test_what_a_gateway_that_hangs_had_begun_the_other_ends(scaled: Live) -> None:
    """It holds its connections and answers nothing: its tasks are taken over, once only."""
    first, second = past_the_balancer(scaled, 1), past_the_balancer(scaled, 2)
    group = part(scaled, "gateway-1").pid
    assert group is not None
    script = "#!/bin/bash\n#SBATCH --job-name=orphan\ntrue\n"
    with slow_shell(second, "test2"):
        answer = first.post("/compute/jobs", user="test2", files={"file": ("s.sh", script)})
        os.killpg(group, signal.SIGSTOP)
        try:
            task = second.settled(answer, user="test2")
            until(lambda: not is_up(scaled, "gateway-1") or None, what="it is out")
            for user in ("test1", "test2", "test4"):
                assert scaled.get("/status/systems", user=user).status_code == 200
        finally:
            os.killpg(group, signal.SIGCONT)
    assert task["status"] == "200", task
    assert [*second.accounted_names(user="test2").values()].count("orphan") == 1
    until(lambda: is_up(scaled, "gateway-1") or None, what="it is in again")


def test_a_restarted_balancer_refuses_no_connection(scaled: Live) -> None:
    before = part(scaled, "balancer").pid
    with ThreadPoolExecutor(1) as pool:
        restarting = pool.submit(scaled.runtime.restart, "balancer")
        while not restarting.done() or not is_ready_again(scaled, "balancer", before):
            assert scaled.get("/status/systems", machine=None).status_code == 200
    ready_again(scaled, "balancer", before)


def test_reset_empties_what_both_share(scaled: Live) -> None:
    assert scaled.get("/tasks", machine=None).json()["tasks"]
    scaled.runtime.reset(print)
    for number in (1, 2):
        live = past_the_balancer(scaled, number)
        assert live.get("/tasks", machine=None).json()["tasks"] == {}


def test_the_rate_limit_counts_both_and_a_rolling_restart_brings_it_in(scaled: Live) -> None:
    """One gateway after the other reads the new settings; the service answers all the while."""
    file = scaled.testbuild.directory / "gateway.yaml"
    settings = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(settings | {"rate_limit": {"requests": 6, "period": 300}}))
    for name in NAMES:
        before = part(scaled, name).pid
        tell_balancer(scaled, f"set server gateways/{name} state drain")
        scaled.runtime.restart(name)
        until(lambda: is_ready_again(scaled, name, before) or None, what=name)  # noqa: B023
        tell_balancer(scaled, f"set server gateways/{name} state ready")
        ready_again(scaled, name, before)
        assert scaled.get("/status/systems", user="test4", machine=None).status_code == 200
    gateways = [past_the_balancer(scaled, number) for number in (1, 2)]
    remaining = [
        gateways[count % 2].get("/status/systems", user="test2").headers["RateLimit-Remaining"]
        for count in range(6)
    ]
    assert remaining == ["5", "4", "3", "2", "1", "0"]
    refused = scaled.get("/status/systems", user="test2")
    assert refused.status_code == 429
    assert "Retry-After" in refused.headers


def tell_balancer(live: Live, command: str) -> None:
    """As docs/scaling.md does with socat; HAProxy answers a line only if it does not obey."""
    with socket.socket(socket.AF_UNIX) as control:
        control.connect(str(live.testbuild.directory / "run" / "balancer.sock"))
        control.sendall(f"{command}\n".encode())
        assert control.recv(4096).strip() == b"", command


def test_nothing_stays_after_down(scaled: Live) -> None:
    ports = scaled.testbuild.ports_with(GATEWAYS).values()
    assert not any(map(is_free, ports))
    scaled.runtime.down(print)
    assert all(map(is_free, ports))
    assert marked_processes(scaled.testbuild.directory) == []
    assert not list((scaled.testbuild.directory / "run").glob("*.sock"))
    with pytest.raises(requests.ConnectionError):
        requests.get(scaled.url, timeout=5)
