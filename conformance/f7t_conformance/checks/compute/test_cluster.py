"""C7 to C10: nodes, partitions and reservations of the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.jobs import outcome

_UNKNOWN = "f7t-conformance-none"


def _names(api: Api, path: str, key: str) -> list[str]:
    """Names of all; one at least."""
    names = [str(one.get(key)) for one in _items(api, path)]
    if not names:
        raise Unexpected(f"an item of {path}", "none")
    return names


def _items(api: Api, path: str, **query: str) -> list[dict[str, Any]]:
    data = outcome(api, api.get(path, **query).expect(200))
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise Unexpected("an array of objects", repr(data)[:300])
    return data


@requirement("F7T-JOB-110")
def test_nodes_are_listed(api: Api) -> None:
    found = _items(api, "/compute/nodes")
    wanted = {"NodeName", "ActiveFeatures", "Partitions", "State"}
    if not found or any(not wanted.issubset(one) for one in found):
        raise Unexpected(f"nodes with {sorted(wanted)}", str(found)[:300])


@requirement("F7T-JOB-111")
def test_nodes_are_selected(api: Api) -> None:
    names = _names(api, "/compute/nodes", "NodeName")[:2]
    got = [one.get("NodeName") for one in _items(api, "/compute/nodes", nodes=",".join(names))]
    if len(got) != len(names) or set(got) != set(names):
        raise Unexpected(f"the nodes {names}", str(got))


@requirement("F7T-JOB-112")
def test_one_node_is_shown(api: Api) -> None:
    name = _names(api, "/compute/nodes", "NodeName")[0]
    got = [one.get("NodeName") for one in _items(api, f"/compute/nodes/{name}")]
    if got != [name]:
        raise Unexpected(f"an array of the one node {name}", str(got))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"/compute/nodes?nodes={_UNKNOWN}", marks=requirement("F7T-JOB-113")),
        pytest.param(f"/compute/nodes/{_UNKNOWN}", marks=requirement("F7T-JOB-114")),
    ],
)
def test_unknown_node_is_an_error_of_the_task(api: Api, path: str) -> None:
    said = outcome(api, api.get(path).expect(200), "400")
    if _UNKNOWN not in str(said):
        raise Unexpected(f"the scheduler's words on {_UNKNOWN}", repr(said))


@requirement("F7T-JOB-115")
def test_name_of_a_node_is_wrong(api: Api) -> None:
    api.get("/compute/nodes", nodes="a;b").expect(
        400,
        description="Failed to retrieve nodes information",
        error="node 'a;b' has invalid char",
    )


@requirement("F7T-JOB-116")
def test_partitions_are_listed(api: Api) -> None:
    found = _items(api, "/compute/partitions")
    wanted = {"PartitionName", "State", "TotalCPUs", "TotalNodes", "Default"}
    if not found or any(not wanted.issubset(one) for one in found):
        raise Unexpected(f"partitions with {sorted(wanted)}", str(found)[:300])
    if sum(one["Default"] == "YES" for one in found) > 1:
        raise Unexpected("one default partition at most", str(found)[:300])


@requirement("F7T-JOB-117")
def test_partitions_are_selected(api: Api) -> None:
    name = _names(api, "/compute/partitions", "PartitionName")[-1]
    found = _items(api, "/compute/partitions", partitions=f"{name},{_UNKNOWN}")
    got = [one.get("PartitionName") for one in found]
    if got != [name]:
        raise Unexpected(f"the partition {name} alone", str(got))


@requirement("F7T-JOB-118")
def test_unknown_partition_is_absent(api: Api) -> None:
    found = _items(api, "/compute/partitions", partitions=_UNKNOWN)
    if found:
        raise Unexpected("an empty array", str(found)[:300])


@requirement("F7T-JOB-119")
def test_reservations_are_listed(api: Api) -> None:
    wanted = {"ReservationName", "State", "Nodes", "StartTime", "EndTime", "Features"}
    for one in _items(api, "/compute/reservations"):
        if not wanted.issubset(one):
            raise Unexpected(f"reservations with {sorted(wanted)}", str(one))


@requirement("F7T-JOB-120")
def test_unknown_reservation_is_absent(api: Api) -> None:
    found = _items(api, "/compute/reservations", reservations=_UNKNOWN)
    if found:
        raise Unexpected("an empty array", str(found)[:300])
