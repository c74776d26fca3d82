"""`/compute/nodes`, `/partitions`, `/reservations` (compute.md C7 to C10)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.firecrest.services.jobs import ask
from tests.support.live import Live

COMPUTE_STATES = {"IDLE", "MIXED", "ALLOCATED"}


def _nodes(live: Live) -> list[dict[str, Any]]:
    task = ask(live, "/compute/nodes")
    assert (task["status"], task["service"]) == ("200", "compute")
    nodes: list[dict[str, Any]] = task["data"]
    return nodes


def _without_state(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Jobs of other tests come and go meanwhile."""
    for node in nodes:
        assert set(node.pop("State")) <= COMPUTE_STATES
    return nodes


def test_nodes(live: Live) -> None:
    answer = live.get("/compute/nodes")
    assert answer.status_code == 200
    assert answer.json().keys() == {"success", "task_id", "task_url"}
    [head, *others] = _without_state(_nodes(live))
    assert head == {
        "NodeName": "cluster",
        "ActiveFeatures": ["f7t"],
        "Partitions": ["part01", "part02"],
    }
    assert others[-1] == {"NodeName": "xfer01", "ActiveFeatures": [], "Partitions": ["xfer"]}
    assert len({node["NodeName"] for node in others}) == len(others) > 1


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("cluster", ["cluster"]),
        ("xfer01,cluster", ["cluster", "xfer01"]),
        ("xfer[01-01],cluster", ["cluster", "xfer01"]),
    ],
)
def test_some_nodes(live: Live, wanted: str, found: list[str]) -> None:
    task = ask(live, "/compute/nodes", nodes=wanted)
    assert sorted(node["NodeName"] for node in task["data"]) == found


def test_one_node(live: Live) -> None:
    task = ask(live, "/compute/nodes/cluster")
    assert task["status"] == "200"
    assert task["data"][0].keys() == {"NodeName", "ActiveFeatures", "Partitions", "State"}
    assert _without_state(task["data"]) == [
        {"NodeName": "cluster", "ActiveFeatures": ["f7t"], "Partitions": ["part01", "part02"]}
    ]


@pytest.mark.parametrize("name", ["nope", "-a", "--all", "*", "$HOME", "nope/", "ALL"])
def test_a_node_the_scheduler_does_not_know(live: Live, name: str) -> None:
    task = ask(live, "/compute/nodes", nodes=name)
    assert (task["status"], task["description"]) == ("400", "Finished with errors")
    assert task["data"] == f"Node {name} not found"
    if "/" not in name:
        assert ask(live, f"/compute/nodes/{name}")["data"] == task["data"]


def test_one_unknown_node_of_several(live: Live) -> None:
    task = ask(live, "/compute/nodes", nodes="cluster,nope")
    assert (task["status"], task["data"]) == ("400", "Node nope not found")


PART01 = {"PartitionName": "part01", "State": "UP", "Default": "YES"}
PART02 = {"PartitionName": "part02", "State": "UP", "Default": "NO"}
XFER = {"PartitionName": "xfer", "State": "UP", "Default": "NO"}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [PART01, PART02, XFER]),
        ({"partitions": "part02"}, [PART02]),
        ({"partitions": "xfer,nope,part01"}, [PART01, XFER]),
        ({"partitions": "nope"}, []),
        ({"partitions": "part0"}, []),
        ({"partition": "part02"}, [PART01, PART02, XFER]),
    ],
)
def test_partitions(live: Live, parameters: dict[str, str], expected: list[dict[str, str]]) -> None:
    """Unknown names are absent, an unknown parameter is ignored (D33)."""
    task = ask(live, "/compute/partitions", **parameters)
    assert task["status"] == "200"
    for partition in task["data"]:
        nodes, cpus = int(partition.pop("TotalNodes")), int(partition.pop("TotalCPUs"))
        assert (nodes >= 1, cpus) == (True, 16 * nodes)
    assert task["data"] == expected


def test_reservations(live: Live) -> None:
    """Ordinary users cannot make one: `tests/firecrest/slurm` has what real ones look like."""
    task = ask(live, "/compute/reservations", reservations="nope,other")
    assert (task["status"], task["data"]) == ("200", [])
    keys = {"ReservationName", "State", "Nodes", "StartTime", "EndTime", "Features"}
    task = ask(live, "/compute/reservations")
    assert (task["status"], [one for one in task["data"] if one.keys() != keys]) == ("200", [])
