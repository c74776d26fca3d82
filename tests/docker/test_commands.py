"""f7t against containers: the same commands, answers and exit codes as natively."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from f7t_testbuild import model
from f7t_testbuild.docker import parts
from f7t_testbuild.docker.project import project_name
from f7t_testbuild.images import catalogue, engine
from f7t_testbuild.model import CLIENT_ID
from tests.docker.conftest import Containers
from tests.support.live import Live, free_port_base, until

F7T = str(Path(sys.executable).parent / "f7t")


def _run(live: Live, *arguments: str, code: int = 0) -> str:
    where = ("--name", live.testbuild.name, "--state-root", str(live.testbuild.state_root))
    done = subprocess.run(
        [F7T, *arguments, *where], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_status_tells_every_part(live: Live) -> None:
    status = json.loads(_run(live, "status", "--json"))
    assert (status["running"], status["runtime"], status["way"]) == (True, "docker", "containers")
    states = {part["name"]: part["state"] for part in status["parts"]}
    shown = {"gateway", "identity", "staging", "redis", "delegation", "cluster", "compute-1"}
    shown |= {"compute-2", "slurmctld", "slurmd-nid02", "munged@compute-2", "sshd"}
    assert {name: states.get(name) for name in shown} == dict.fromkeys(shown, "ready")
    versions = {part["name"]: part["version"] for part in status["parts"]}
    assert live.choices.slurm is not None
    assert versions["slurmctld"].startswith(live.choices.slurm)
    assert versions["redis"][0].isdigit()


def test_logs_of_containers_and_of_daemons_inside(live: Live) -> None:
    assert '"logger"' in _run(live, "logs", "gateway", "-n", "5")
    assert "slurmctld" in _run(live, "logs", "slurmctld", "-n", "50")
    everything = _run(live, "logs", "-n", "1")
    assert {line.split()[0] for line in everything.splitlines()} >= {"gateway", "sshd"}
    _run(live, "logs", "nobody", code=1)


def test_token_and_environment(live: Live) -> None:
    token = _run(live, "token", "--user", "test2").strip()
    headers = {"Authorization": f"Bearer {token}"}
    assert requests.get(f"{live.url}/tasks", headers=headers, timeout=10).status_code == 200
    variables = json.loads(_run(live, "env", "--format", "json"))
    assert variables["FIRECREST_URL"] == live.url
    assert variables["FIRECREST_CLIENT_ID"] == CLIENT_ID


def test_doctor_finds_nothing_in_the_way(live: Live) -> None:
    report = json.loads(_run(live, "doctor", "--json"))
    assert report["ready"] is True
    names = {check["name"] for check in report["checks"]}
    assert {"engine", "compose", "images", "ports"} <= names


def test_up_again_is_harmless_and_other_numbers_are_refused(live: Live) -> None:
    again = json.loads(_run(live, "up", "--json"))
    assert (again["started"], again["runtime"]) == (False, "docker")
    _run(live, "up", "--nodes", "5", code=1)


@pytest.mark.timeout(240)
def test_reset_puts_everything_back_to_the_seed(live: Live) -> None:
    task = live.submit("#!/bin/bash\n#SBATCH --time=10\nsleep 600\n")
    file = {"file": ("left.txt", b"left\n")}
    home = {"targetPath": "/home/test1"}
    assert live.post("/utilities/upload", data=home, files=file).status_code == 201
    form = {"sourcePath": "x.bin", "targetPath": "/home/test1"}
    waiting = live.post("/storage/xfer-external/upload", data=form)
    live.settled(waiting, states=frozenset({"111"}))

    assert "as new" in _run(live, "reset")

    names = {entry["name"] for entry in live.get("/utilities/ls", params=home).json()["output"]}
    assert names == {"test_directory", "test_file.txt"}
    assert live.get("/tasks", machine=None).json() == {"tasks": {}}
    active = live.settled(live.get("/compute/jobs"))["data"]
    assert str(task["data"]["jobid"]) not in str(active)


def _left(testbuild: model.Testbuild) -> list[str]:
    """Whatever the engine still has of a testbuild."""
    client = docker.from_env()
    label: dict[str, str | list[str] | bool] = {
        "label": f"{parts.PROJECT_LABEL}={project_name(testbuild)}"
    }
    found: list[Any] = [
        *client.containers.list(all=True, filters=label),
        *client.volumes.list(filters=label),
        *client.networks.list(filters=label),
    ]
    return [one.name for one in found]


def _options(live: Live, testbuild: model.Testbuild) -> list[str]:
    assert live.choices.slurm is not None
    return [
        *("--name", testbuild.name, "--state-root", str(testbuild.state_root)),
        *("--port-base", str(testbuild.port_base), "--nodes", "1", "--runtime", "docker"),
        *("--slurm", live.choices.slurm, "--identity", "embedded", "--store", "embedded"),
    ]


@pytest.mark.timeout(300)
def test_two_testbuilds_side_by_side_and_nothing_left_of_the_second(
    live: Live, tmp_path: Path
) -> None:
    second = model.Testbuild("second", free_port_base(), tmp_path)
    started = subprocess.run(
        [F7T, "up", *_options(live, second)], capture_output=True, text=True, check=False
    )
    try:
        assert started.returncode == 0, started.stderr
        assert "proved in" in started.stdout
        assert live.get("/tasks", machine=None).status_code == 200
        assert requests.get(f"{second.gateway_url}/tasks", timeout=10).status_code == 401
        foreign = requests.get(
            f"{second.gateway_url}/tasks",
            headers={"Authorization": f"Bearer {live.token()}"},
            timeout=10,
        )
        assert foreign.json() == {"message": "No credentials found for given 'iss'"}
    finally:
        where = ["--name", second.name, "--state-root", str(tmp_path)]
        ended = subprocess.run(
            [F7T, "down", "--purge", *where], capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stderr
    assert _left(second) == []
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.timeout(300)
def test_an_interrupted_start_undoes_itself(live: Live, tmp_path: Path) -> None:
    third = model.Testbuild("third", free_port_base(), tmp_path)
    with subprocess.Popen(
        [F7T, "up", *_options(live, third)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "cluster-1 started" in line:
                process.send_signal(signal.SIGINT)
                break
        told = process.stderr.read()
    assert process.returncode == 130, told
    assert "interrupted" in told
    assert [name for name in _left(third) if "_" not in name] == []
    where = ["--name", third.name, "--state-root", str(tmp_path)]
    subprocess.run([F7T, "down", "--purge", *where], capture_output=True, check=True)
    assert _left(third) == []


def test_a_taken_port_is_told_before_anything_starts(live: Live, tmp_path: Path) -> None:
    fourth = model.Testbuild("fourth", free_port_base(), tmp_path)
    options = _options(live, fourth)
    with socket.create_server(("127.0.0.1", fourth.staging_port)):
        done = subprocess.run([F7T, "up", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"port {fourth.staging_port} (staging) is taken by" in done.stderr
    assert _left(fourth) == []


def test_a_dead_container_is_told_and_comes_back(live: Live, containers: Containers) -> None:
    containers.all()["redis"].kill()
    dead = json.loads(_run(live, "status", "--json", code=1))
    states = {part["name"]: part["state"] for part in dead["parts"]}
    assert states["redis"] == "failed"
    containers.all()["redis"].start()

    def ready() -> bool | None:
        status = json.loads(_run_any(live, "status", "--json"))
        return all(part["state"] == "ready" for part in status["parts"]) or None

    until(ready, seconds=60, what="all parts ready again")


def _run_any(live: Live, *arguments: str) -> str:
    where = ("--name", live.testbuild.name, "--state-root", str(live.testbuild.state_root))
    return subprocess.run(
        [F7T, *arguments, *where], capture_output=True, text=True, timeout=60, check=False
    ).stdout


def test_logs_are_followed_in_containers_and_daemons(live: Live, containers: Containers) -> None:
    sources = live.runtime.logs()
    gateway, sshd = sources["gateway"], sources["sshd"]
    gateway.tail(5)
    sshd.tail(5)
    answer = live.get("/utilities/ls", params={"targetPath": "/home/test1"})
    wanted = answer.headers["X-Request-Id"]
    told: list[str] = []

    def seen() -> bool | None:
        told.extend(gateway.added())
        return any(wanted in line for line in told) or None

    until(seen, what="the request in the followed log")
    assert len([line for line in told if wanted in line]) == 1
    assert gateway.added() == []
    containers.run("cluster", "sh", "-c", "echo followed >> /var/log/cluster/sshd.log")
    assert "followed" in sshd.added()
    assert "followed" not in sshd.added()


def test_an_image_that_cannot_be_had_is_told_with_the_ways_out(live: Live, tmp_path: Path) -> None:
    """Slurm 19.05 where Ubuntu's base image is neither there nor to be pulled."""
    base = catalogue.SLURM_BASES["19.05"]
    if engine.find(base) is not None:
        pytest.skip(f"{base} is there")
    fifth = model.Testbuild("fifth", free_port_base(), tmp_path)
    options = [word if word != live.choices.slurm else "19.05" for word in _options(live, fifth)]
    done = subprocess.run([F7T, "up", *options], capture_output=True, text=True, check=False)
    if done.returncode == 0:
        subprocess.run([F7T, "down", "--purge", *options[:4]], capture_output=True, check=True)
        pytest.skip(f"{base} could be pulled")
    assert done.returncode == 1
    assert "building firecrest-testbuild/cluster:19.05 failed" in done.stderr
    assert "--slurm 22.05" in done.stderr
    assert "make images" in done.stderr
    assert "--runtime native" in done.stderr
    assert _left(fifth) == []


@pytest.mark.timeout(300)
def test_who_asked_for_no_containers_gets_the_native_runtime(tmp_path: Path) -> None:
    """`make up` ends with a running testbuild where an engine answers and no image can be had."""
    if engine.find(catalogue.cluster("19.05").tag) or engine.find(catalogue.SLURM_BASES["19.05"]):
        pytest.skip("the default images are there")
    sixth = model.Testbuild("sixth", free_port_base(), tmp_path)
    where = ["--name", sixth.name, "--state-root", str(tmp_path)]
    done = subprocess.run(
        [F7T, "up", *where, "--port-base", str(sixth.port_base), "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "F7T_RUNTIME": "auto"},
        check=False,
    )
    try:
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        if told["runtime"] == "docker":
            pytest.skip("the default images could be pulled")
        assert told["proof"]["job_id"] > 0
        assert "runtime native instead of docker: building" in done.stderr
        assert "make images" in done.stderr
    finally:
        ended = subprocess.run([F7T, "down", "--purge", *where], capture_output=True, check=False)
    assert ended.returncode == 0
    assert _left(sixth) == []
