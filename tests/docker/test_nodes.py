"""Multi-node is real: jobs over several containers, queues, reasons, drained and lost nodes."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from f7t_testbuild.model import PartState
from tests.docker.conftest import Containers
from tests.support.live import Live, until


def _script(*options: str, command: str = "true") -> str:
    lines = "".join(f"#SBATCH {option}\n" for option in options)
    return f"#!/bin/bash\n#SBATCH --time=5\n{lines}{command}\n"


def _submitted(live: Live, script: str) -> dict[str, Any]:
    task = live.submit(script)
    assert task["status"] == "200", task
    data: dict[str, Any] = task["data"]
    return data


def _output(live: Live, data: dict[str, Any], name: str = "out.txt") -> str:
    directory = data["job_file"].rpartition("/")[0]
    answer = live.get("/utilities/download", params={"sourcePath": f"{directory}/{name}"})
    assert answer.status_code == 200, answer.text
    return answer.text


def _queued(live: Live, job_id: int) -> dict[str, Any]:
    """The job as the queue shows it."""
    listed = live.settled(live.get(f"/compute/jobs/{job_id}"))["data"]
    (job,) = [one for one in listed.values() if str(one["jobid"]) == str(job_id)]
    found: dict[str, Any] = job
    return found


def _in_state(live: Live, job_id: int, state: str) -> dict[str, Any]:
    def probe() -> dict[str, Any] | None:
        job = _queued(live, job_id)
        return job if job["state"] == state else None

    return until(probe, what=f"job {job_id} {state}")


def test_a_job_over_two_nodes_runs_in_two_containers(live: Live, containers: Containers) -> None:
    command = "srun sh -c 'echo $SLURMD_NODENAME $(hostname)'"
    options = ("--nodes=2", "--ntasks-per-node=1", "--output=out.txt")
    data = _submitted(live, _script(*options, command=command))
    row = live.accounted(data["jobid"])
    assert (row["state"], row["nodes"]) == ("COMPLETED", "2")
    lines = dict(line.split() for line in _output(live, data).splitlines())
    assert lines.keys() == {"cluster", "nid02"}
    expected = {
        containers.all()["compute-1"].attrs["Config"]["Hostname"],
        containers.all()["compute-2"].attrs["Config"]["Hostname"],
    }
    assert set(lines.values()) == expected


def test_a_job_array(live: Live) -> None:
    options = ("--array=1-3", "--output=out-%a.txt")
    data = _submitted(live, _script(*options, command="echo task $SLURM_ARRAY_TASK_ID"))

    def probe() -> list[str] | None:
        answer = live.get("/compute/acct", params={"jobs": str(data["jobid"])})
        rows = live.settled(answer)["data"] or []
        states = [row["state"] for row in rows if "_" in row["jobid"]]
        return states if len(states) == 3 and set(states) == {"COMPLETED"} else None

    until(probe, what="all tasks of the array accounted")
    told = {_output(live, data, f"out-{number}.txt") for number in (1, 2, 3)}
    assert told == {"task 1\n", "task 2\n", "task 3\n"}


def test_the_transfer_partition_has_a_node_of_its_own(live: Live) -> None:
    data = _submitted(live, _script("--partition=xfer"))
    row = live.accounted(data["jobid"])
    assert (row["state"], row["partition"], row["nodelist"]) == ("COMPLETED", "xfer", "xfer01")


def test_a_pending_job_says_why(live: Live) -> None:
    first = _submitted(live, _script(command="sleep 300"))
    waits = _submitted(live, _script(f"--dependency=afterok:{first['jobid']}"))
    try:
        assert _in_state(live, waits["jobid"], "PENDING")["nodelist"] == "(Dependency)"
    finally:
        for job in (waits, first):
            live.settled(live.delete(f"/compute/jobs/{job['jobid']}"))


def test_a_drained_node_takes_no_job_until_it_is_resumed(
    live: Live, containers: Containers
) -> None:
    change = ("scontrol", "update", "NodeName=nid02")
    containers.run("cluster", *change, "State=DRAIN", "Reason=test")
    try:
        job_id = _submitted(live, _script("--nodelist=nid02"))["jobid"]
        reason = _in_state(live, job_id, "PENDING")["nodelist"]
        assert re.search("DRAINED|ReqNodeNotAvail|UnavailableNodes", reason), reason
    finally:
        containers.run("cluster", *change, "State=RESUME")
    row = live.accounted(job_id)
    assert (row["state"], row["nodelist"]) == ("COMPLETED", "nid02")


@pytest.mark.timeout(240)
def test_a_node_whose_container_started_again_takes_jobs(live: Live) -> None:
    """It may have another address then; the controller is told."""
    live.runtime.restart("compute-2")
    _ready(live, "compute-2", "slurmd-nid02")
    row = live.accounted(_submitted(live, _script("--nodelist=nid02"))["jobid"], seconds=120)
    assert (row["state"], row["nodelist"]) == ("COMPLETED", "nid02")


@pytest.mark.timeout(240)
def test_a_running_job_survives_the_death_of_the_head(live: Live, containers: Containers) -> None:
    """Once the controller has saved its state, which it does every five seconds."""
    data = _submitted(live, _script("--output=out.txt", command="sleep 25; echo survived"))
    _in_state(live, data["jobid"], "RUNNING")
    seen = time.time()
    state = ("find", "/var/lib/cluster/slurmctld/job_state", "-newermt", f"@{seen:.3f}")
    until(lambda: containers.run("cluster", *state).strip() or None, what="state saved")
    live.runtime.kill("cluster")
    _ready(live, "cluster", "slurmctld", "sshd")
    row = live.accounted(data["jobid"], seconds=120)
    assert row["state"] == "COMPLETED"
    assert _output(live, data) == "survived\n"


def _ready(live: Live, *names: str) -> None:
    def probe() -> bool | None:
        states = {part.name: part.state for part in live.runtime.status().parts}
        return all(states.get(name) is PartState.READY for name in names) or None

    until(probe, seconds=120, what=f"{', '.join(names)} ready")
