"""Parsers on jobs in rare states and on nodes, partitions, reservations (data/*/states.json)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from f7t.errors import CommandFailed
from f7t.slurm.cluster import parse_nodes, parse_partitions, parse_reservations
from f7t.slurm.parse import parse_accounting, parse_job_files, parse_queue, parse_submission

if TYPE_CHECKING:
    from f7t.slurm.models import QueuedJob
    from tests.firecrest.slurm.conftest import Recorded

LONG = "service-account-firecrest-sample"
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


# -- jobs ------------------------------------------------------------------------------------------


def _jobs(states: Recorded, case: str) -> dict[str, QueuedJob]:
    """By the name of the submission."""
    jobs = {job.job_id: job for job in parse_queue(states[case])}
    assert len(jobs) == len(parse_queue(states[case]))
    return {name: jobs[job_id] for name, job_id in states.ids.items() if job_id in jobs}


def test_a_cluster_without_jobs(states: Recorded) -> None:
    assert parse_queue(states["queue empty"]) == []
    assert parse_accounting(states["accounting empty"]) == []


def test_preempted_jobs(states: Recorded) -> None:
    """One partition cancels what must make room, the other puts it back into the queue."""
    jobs = _jobs(states, "queue preempted")
    assert {name: job.state for name, job in jobs.items()} == {
        "cancelled": "PREEMPTED",
        "requeued": "PENDING",
        "winner": "RUNNING",
    }
    assert (jobs["winner"].nodes, jobs["winner"].nodelist) == ("2", "nid[01-02]")
    assert STAMP.fullmatch(jobs["requeued"].start_time)


@pytest.mark.parametrize(
    ("name", "state", "nodelist"),
    [
        ("again", "PENDING", "(BeginTime)"),
        ("held-again", "PENDING", "(job requeued in held state)"),
        ("special", "SPECIAL_EXIT", "(job requeued in held state)"),
        ("stopped", "SUSPENDED", "nid01"),
        ("running", "RUNNING", "nid02"),
        ("warned", "COMPLETED", "nid02"),
        ("failing", "FAILED", "(NonZeroExitCode)"),
        ("cancelled", "PREEMPTED", "nid02"),
        ("winner", "CANCELLED", "nid[01-02]"),
        ("dependent", "PENDING", "(Dependency)"),
        ("later", "PENDING", "(BeginTime)"),
        ("held", "PENDING", "(JobHeldUser)"),
        ("drained", "PENDING", "(PartitionDown)"),
        ("large", "PENDING", "(Resources)"),
    ],
)
def test_states_and_reasons(states: Recorded, name: str, state: str, nodelist: str) -> None:
    job = _jobs(states, "queue")[name]
    assert (job.state, job.nodelist, job.name, job.user) == (state, nodelist, "job.sh", "test1")
    assert re.fullmatch(r"\d+:\d\d", job.time_used)
    assert job.start_time == "N/A" or STAMP.fullmatch(job.start_time)


def test_elements_of_an_array_that_may_not_all_run(states: Recorded) -> None:
    array = states.ids["limited"]
    jobs = {job.job_id: job for job in parse_queue(states["queue"])}
    assert jobs[f"{array}_1"].state == "RUNNING"
    waiting = jobs[f"{array}_[2-3%1]"]
    assert (waiting.state, waiting.nodelist) == ("PENDING", "(JobArrayTaskLimit)")


def test_ended_jobs_are_not_in_the_queue(states: Recorded) -> None:
    assert {"cancelled", "winner", "warned", "failing", "long"}.isdisjoint(
        _jobs(states, "queue user")
    )
    assert {"again", "special", "stopped", "running"} <= set(_jobs(states, "queue user"))


def test_long_names_are_whole(states: Recorded) -> None:
    """Nothing is cut off: neither a user of 32 characters nor a job's name of 200."""
    job = parse_submission(states["submit long"])
    assert job.files.job_file == f"/home/{LONG}/firecrest/long/job.sh"
    queued = _jobs(states, "queue")["long"]
    assert (queued.user, queued.name) == (LONG, "n" * 200)
    assert parse_queue(states["queue long"])[0].user == LONG
    [accounted] = parse_accounting(states["accounting long"])
    assert (accounted.user, accounted.name) == (LONG, "n" * 200)


def test_a_warning_is_no_failure(states: Recorded) -> None:
    if "submit warned" not in states.cases:
        pytest.skip("what 19.05 warns of was not recorded")
    assert b"can't run 1 processes on 2 nodes" in states["submit warned"].stderr
    job = parse_submission(states["submit warned"])
    assert (str(job.job_id), job.files.job_file) == (
        states.ids["warned"],
        "/home/test1/firecrest/warned/job.sh",
    )


def test_files_of_jobs_in_rare_states(states: Recorded) -> None:
    files = parse_job_files(states["job files"])
    names = {name: files[job_id] for name, job_id in states.ids.items() if job_id in files}
    assert len(names) == 9
    for name, found in names.items():
        assert found.job_file.endswith(f"/firecrest/{name}/job.sh")
        assert found.job_file_out.endswith(f"/firecrest/{name}/slurm-{states.ids[name]}.out")


def test_accounting_of_jobs_in_rare_states(states: Recorded) -> None:
    jobs = {job.job_id: job for job in parse_accounting(states["accounting"])}
    names = {name: jobs[job_id] for name, job_id in states.ids.items() if job_id in jobs}
    expected = {
        "cancelled": "PREEMPTED",
        "winner": "CANCELLED by 2001",
        "stopped": "SUSPENDED",
        "running": "RUNNING",
        "warned": "COMPLETED",
        "failing": "FAILED",
        "large": "PENDING",
    }
    assert {name: names[name].state for name in expected} == expected
    assert names["large"].nodelist == "None assigned"
    assert names["large"].start_time == "Unknown"
    assert {names[name].state for name in ("again", "held-again", "special")} == {"REQUEUED"}
    # Up to 20.11 a job that was preempted and put back has no record until it begins again.
    if states.release >= (22, 5):
        assert names["requeued"].state == "PREEMPTED"


# -- nodes, partitions, reservations ---------------------------------------------------------------


def test_nodes(states: Recorded) -> None:
    nodes = {node.name: node for node in parse_nodes(states["nodes"])}
    # Up to 22.05 a node of the cloud is not shown while its power is off.
    cloud = {"cloud01"} if states.release >= (24, 11) else set()
    assert set(nodes) == {"nid01", "nid02", "nid03", "nid04"} | cloud
    assert nodes["nid01"].active_features == ("f7t", "gpu")
    assert nodes["nid01"].partitions == ("part01", "cancelled", "requeued", "closed")
    assert nodes["nid01"].state == ("IDLE",)
    assert nodes["nid04"].active_features == ()
    assert parse_nodes(states["node"]) == [nodes["nid01"]]


def test_nodes_in_trouble(states: Recorded) -> None:
    """A reason's words are no attributes, and no suffix is left on a state."""
    nodes = {node.name: node for node in parse_nodes(states["nodes in trouble"])}
    assert nodes["nid01"].state == ("IDLE", "DRAIN")
    assert nodes["nid01"].partitions == ("part01", "cancelled", "requeued", "closed")
    assert nodes["nid02"].state == ("MIXED", "DRAIN")
    assert (nodes["nid04"].state or ())[0] == "DOWN"
    # Later releases spell the suffix out, as a flag.
    shown = b"State=DOWN*" in states["nodes in trouble"].stdout
    assert shown == (states.release < (22, 5))
    assert (nodes["cloud01"].state or ())[:2] == ("IDLE", "CLOUD")
    assert nodes["cloud01"].partitions == ("cloud",)
    states_seen = {state for node in nodes.values() for state in node.state or ()}
    assert all(re.fullmatch(r"[A-Z_]+", state) for state in states_seen)


@dataclass(frozen=True)
class Answer:
    stdout: bytes
    exit_status: int = 0
    stderr: bytes = b""


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ("IDLE*", ("IDLE",)),
        ("IDLE~", ("IDLE",)),
        ("IDLE#", ("IDLE",)),
        ("IDLE$", ("IDLE",)),
        ("DOWN*+DRAIN", ("DOWN", "DRAIN")),
        ("MIXED@", ("MIXED",)),
        ("MIXED+CLOUD", ("MIXED", "CLOUD")),
        ("IDLE+CLOUD+POWER", ("IDLE", "CLOUD", "POWER")),
        ("ALLOCATED^+DRAIN*", ("ALLOCATED", "DRAIN")),
        ("IDLE%", ("IDLE",)),
        ("IDLE!", ("IDLE",)),
        ("PLANNED-", ("PLANNED",)),
        ("", ()),
    ],
)
def test_suffixes_of_states(shown: str, state: tuple[str, ...]) -> None:
    """sinfo(1) has the list; which of them scontrol shows depends on the release."""
    line = f"NodeName=n OS=Linux a=b State={shown} Partitions=p Reason=State=X\nState=Y\n"
    [node] = parse_nodes(Answer(line.encode()))
    assert (node.state, node.partitions, node.active_features) == (state, ("p",), None)


def test_what_is_missing(states: Recorded) -> None:
    """A node lacks it, a partition or a reservation cannot be shown."""
    [node] = parse_nodes(Answer(b"NodeName=n ActiveFeatures=(null)\n"))
    assert (node.active_features, node.partitions, node.state) == ((), None, None)
    for key in ("State", "TotalCPUs", "TotalNodes", "Default"):
        raw = states["partitions"].stdout.replace(f" {key}=".encode(), b" Other=")
        line = raw.decode().splitlines()[0]
        with pytest.raises(CommandFailed) as failed:
            parse_partitions(Answer(raw))
        assert failed.value.message == f"Could not parse attribute '{key}' in '{line}'"
    with pytest.raises(CommandFailed, match="Could not parse attribute 'Features' in 'Reserv"):
        parse_reservations(Answer(b"ReservationName=r State=A Nodes=n StartTime=s EndTime=e\n"))


def test_text_that_is_no_record_is_ignored() -> None:
    assert parse_nodes(Answer(b"")) == []
    assert parse_nodes(Answer(b"No nodes in the system\n")) == []
    assert parse_partitions(Answer(b"No partitions in the system\n")) == []


def test_a_controller_that_does_not_answer() -> None:
    text = b"slurm_load_node error: Unable to contact slurm controller (connect failure)\n"
    for parse in (parse_nodes, parse_partitions, parse_reservations):
        with pytest.raises(CommandFailed, match=r"^slurm_load_node error: Unable to contact"):
            parse(Answer(b"", 1, text))
    with pytest.raises(CommandFailed, match=r"^Exit status 3$"):
        parse_nodes(Answer(b"", 3))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("node unknown", "Node nid99 not found"),
        ("node option", "Node --all not found"),
        ("nodes one unknown", "Node nid99 not found"),
        ("nodes one unknown in trouble", "Node nid99 not found"),
    ],
)
def test_an_unknown_node_is_an_error(states: Recorded, case: str, message: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        parse_nodes(states[case])
    assert (failed.value.message, failed.value.exit_status) == (message, 1)


@pytest.mark.parametrize("case", ["partitions", "partitions in trouble"])
def test_partitions(states: Recorded, case: str) -> None:
    partitions = [
        (one.name, one.state, one.total_cpus, one.total_nodes, one.default)
        for one in parse_partitions(states[case])
    ]
    assert partitions == [
        ("part01", "UP", "16", "4", "YES"),
        ("cancelled", "UP", "8", "2", "NO"),
        ("requeued", "UP", "8", "2", "NO"),
        ("cloud", "DRAIN", "4", "1", "NO"),
        ("closed", "DOWN", "4", "1", "NO"),
        ("empty", "INACTIVE", "0", "0", "NO"),
    ]


@pytest.mark.parametrize("case", ["reservations none", "reservations"])
def test_no_reservations(states: Recorded, case: str) -> None:
    assert parse_reservations(states[case]) == []


def test_reservations(states: Recorded) -> None:
    found = {one.name: one for one in parse_reservations(states["reservations in trouble"])}
    assert {name: (one.state, one.features) for name, one in found.items()} == {
        "one": ("INACTIVE", ()),
        "two": ("INACTIVE", ("f7t",)),
        "x.now": ("ACTIVE", ()),
    }
    assert (found["one"].nodes, found["x.now"].nodes) == ("nid02", "nid03")
    for one in found.values():
        assert STAMP.fullmatch(one.start_time)
        assert one.start_time < one.end_time
