"""The profile `scale`: two gateways behind HAProxy, in containers of a testbuild of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from f7t_testbuild import model
from f7t_testbuild.commands.common import open_runtime, select
from f7t_testbuild.docker.project import project_name
from f7t_testbuild.model import SYSTEM, PartState
from f7t_testbuild.ports import is_free
from tests.docker.conftest import Containers
from tests.support.gateways import is_ready_again, part, past_the_balancer, raw, ready_again
from tests.support.live import Live, free_port_base

pytestmark = pytest.mark.timeout(600)
F7T = str(Path(sys.executable).parent / "f7t")
NAMES = ("gateway", "gateway-2")


def _port_base() -> int:
    while True:
        base = free_port_base()
        if all(map(is_free, model.Testbuild(port_base=base).ports_with(2).values())):
            return base


@pytest.fixture(scope="module")
def scaled(live: Live) -> Iterator[Live]:
    """As `f7t up --gateways 2` makes it, with its proof, of the kind that the other tests use."""
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    where = ["--name", "scaled", "--state-root", str(root)]
    kind = ["--runtime", "docker", "--slurm", str(live.choices.slurm)]
    kind += ["--identity", "embedded", "--store", "embedded", "--nodes", "1"]
    numbers = ["--gateways", "2", "--workers", "1", "--port-base", str(_port_base())]
    try:
        done = subprocess.run(
            [F7T, "up", *where, *kind, *numbers], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        selection = select("scaled", root)
        runtime = open_runtime(selection)
        secrets = json.loads(selection.testbuild.secrets_file.read_text())
        yield Live(selection.testbuild, secrets, "containers", runtime, selection.choices)
    finally:
        ended = subprocess.run([F7T, "down", "--purge", *where], capture_output=True, check=False)
        shutil.rmtree(root, ignore_errors=True)
    assert ended.returncode == 0, ended.stderr


def test_the_usual_address_is_the_balancers(scaled: Live) -> None:
    parts = {one.name: one for one in scaled.runtime.status().parts}
    assert {parts[name].state for name in (*NAMES, "balancer")} == {PartState.READY}
    assert parts["balancer"].address == f"127.0.0.1:{scaled.testbuild.gateway_port}"
    assert parts["balancer"].version[0].isdigit()
    shown = [parts[name].address for name in NAMES]
    ports = [scaled.testbuild.gateway_ports(number)[0] for number in (1, 2)]
    assert shown == [f"127.0.0.1:{port}" for port in ports]
    task = scaled.submit("#!/bin/bash\ntrue\n")
    assert task["status"] == "200", task
    assert task["task_url"].startswith(f"{scaled.url}/tasks/")
    for number in (1, 2):
        assert past_the_balancer(scaled, number).task(task["hash_id"]) == task


def test_names_of_headers_keep_their_capitals(scaled: Live) -> None:
    line = "GET /utilities/ls?targetPath=/home/test1/none"
    headers = f"Authorization: Bearer {scaled.token()}\r\nX-Machine-Name: {SYSTEM}"
    answer = raw(scaled.url, line, headers)
    assert answer == raw(past_the_balancer(scaled, 1).url, line, headers)
    assert any(one.startswith(b"X-Invalid-Path:") for one in answer[1])


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_gateway_interrupts_nobody_who_reads(scaled: Live, name: str) -> None:
    before = part(scaled, name).pid
    scaled.runtime.kill(name)
    for user in ("test1", "test2", "test4"):
        answer = scaled.get("/utilities/ls", user=user, params={"targetPath": "/home"})
        assert answer.status_code == 200, answer.text
    while not is_ready_again(scaled, name, before):
        assert scaled.get("/status/systems", machine=None).status_code == 200
    ready_again(scaled, name, before)


def test_the_balancer_has_no_rights_and_holds_no_secret(scaled: Live) -> None:
    containers = Containers(project_name(scaled.testbuild))
    balancer = containers.all()["balancer"]
    assert balancer.attrs["HostConfig"]["ReadonlyRootfs"]
    assert balancer.attrs["HostConfig"]["CapDrop"] == ["ALL"]
    assert balancer.attrs["Mounts"] == []
    assert containers.run("balancer", "id", "-u").strip() == "10004"
