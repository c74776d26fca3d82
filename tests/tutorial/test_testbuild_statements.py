"""What the tutorial says of its testbuild (T50 to T52)."""
# ruff: noqa: N802 - the rows of the walk have capital letters

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from f7t_testbuild.model import PartState, PartStatus
from tests.support.live import Live, until
from tests.tutorial.clients import Requests
from tests.tutorial.machine import Machine
from tests.tutorial.walk import (
    HOME,
    downloaded,
    finished,
    job_script,
    offered,
    post_as_printed,
    reached,
    submitted,
)


def part(live: Live, name: str) -> PartStatus:
    """A part as `f7t status` shows it."""
    parts = {one.name: one for one in live.runtime.status().parts}
    return parts[name]


def test_T50_all_inhabitants_are_there(live: Live) -> None:
    """What the tutorial's containers are, here are parts; services live in the gateway."""
    status = live.runtime.status()
    states = {one.name: one.state for one in status.parts}
    inhabitants = ("gateway", "cluster", "staging", "redis", "identity")
    cluster = ("sshd", "slurmctld", "slurmdbd", "mariadbd", "munged", "slurmd-cluster")
    for name in (*inhabitants, *cluster):
        assert states[name] is PartState.READY, (name, states)
    services = {
        entry["service"]: entry["status"]
        for entry in live.get("/status/services", machine=None).json()["out"]
    }
    for service in ("compute", "storage", "tasks", "utilities", "certificator"):
        assert services[service] == "available", services


@pytest.mark.parametrize("user", ["test1", "test2", "test4"])
def test_T51_users_exist_in_realm_and_cluster(live: Live, machine: Machine, user: str) -> None:
    listing = live.get("/utilities/ls", user=user, params={"targetPath": f"/home/{user}"})
    assert listing.status_code == 200
    assert {entry["user"] for entry in listing.json()["output"]} == {user}
    assert machine.run(user, "id", "-un").strip() == user


def test_T51_slurm_version_is_the_one_that_status_tells(
    python: Requests, live: Live, tmp_path: Path
) -> None:
    """The tutorial's 19.05 is the default of the Docker runtime; natively it is Debian's Slurm."""
    claimed = part(live, "slurmctld").version
    script = job_script(tmp_path, "sinfo --version; scontrol version", output="version.txt")
    task = submitted(python, script, live.url)
    finished(python, task["data"]["jobid"], live.url)
    said = downloaded(python, f"{HOME}/firecrest/{task['hash_id']}/version.txt").decode()
    assert [line.split()[-1] for line in said.splitlines()] == [claimed, claimed]


def restart(live: Live, name: str, how: str) -> None:
    """End a part's process, in order or by force, and wait for its successor."""
    before = part(live, name).pid
    assert before is not None
    if how == "kill":
        live.runtime.kill(name)
    else:
        live.runtime.restart(name)

    def successor() -> PartStatus | None:
        now = part(live, name)
        return now if now.state is PartState.READY and now.pid not in {None, before} else None

    until(successor, what=f"{name} ready again")

    def answers() -> bool | None:
        try:
            return live.get("/tasks", machine=None).status_code == 200 or None
        except requests.ConnectionError:
            return None

    until(answers, what="tasks answer again")


@pytest.mark.parametrize("how", ["restart", "kill"])
@pytest.mark.parametrize("name", ["gateway", "redis"])
def test_T52_tasks_survive_a_restart(
    python: Requests, live: Live, machine: Machine, big_file: Path, name: str, how: str
) -> None:
    """A settled task is unchanged; a waiting one still finishes afterwards."""
    settled = submitted(python, job_script(big_file.parent, "true"), live.url)
    waiting = offered(python, big_file, live.url)
    restart(live, name, how)
    assert python.task(settled["hash_id"]).json()["task"] == settled
    assert python.task(waiting["hash_id"]).json()["task"] == waiting
    assert post_as_printed(waiting, big_file.parent).status == 204
    reached(python, waiting["hash_id"], "114")
    assert machine.stat(f"{HOME}/{big_file.name}")["size"] == str(big_file.stat().st_size)
    listed = python.tasks().json()["tasks"]
    assert listed[settled["hash_id"]]["data"] == settled["data"]
    assert listed[waiting["hash_id"]]["status"] == "114"


def test_T52_a_submission_under_way_survives_the_gateway(
    live: Live, slow_shell: str, tmp_path: Path
) -> None:
    """Accepted, then the gateway is killed in the middle: it is carried out, and only once."""
    script = "#!/bin/bash\n#SBATCH --job-name=survivor\n#SBATCH --time=10:00\ntrue\n"
    answer = live.post("/compute/jobs", user=slow_shell, files={"file": ("s.sh", script)})
    task_id = created_id(answer, live)
    restart(live, "gateway", "kill")
    task = live.settled(answer, user=slow_shell)
    assert task["hash_id"] == task_id
    assert task["status"] == "200", task
    assert [*live.accounted_names(user=slow_shell).values()].count("survivor") == 1


def created_id(answer: requests.Response, live: Live) -> str:
    assert answer.status_code == 201, answer.text
    task_id = str(answer.json()["task_id"])
    assert live.task(task_id, user="test2")["status"] == "100"
    return task_id
