"""What the cluster consists of: nodes, partitions, reservations (compute.md C7 to C10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from f7t.slurm import cluster, commands
from f7t.slurm.models import Node, Partition, Reservation
from f7t.tasks.kinds import Kind, Outcome, Restart, TaskContext
from f7t.tasks.model import Json, TaskSpec
from f7t.work.compute.scheduler import Scheduler, finished

NODES = "nodes"
PARTITIONS = "partitions"
RESERVATIONS = "reservations"


def node_query(names: Sequence[str] | None) -> TaskSpec:
    """Nodes (C7, C8): these, or all."""
    return _query(NODES, names)


def partition_query(names: Sequence[str] | None) -> TaskSpec:
    """Partitions (C9): those of these that exist, or all."""
    return _query(PARTITIONS, names)


def reservation_query(names: Sequence[str] | None) -> TaskSpec:
    """Reservations (C10): those of these that exist, or all."""
    return _query(RESERVATIONS, names)


def _query(kind: str, names: Sequence[str] | None) -> TaskSpec:
    return TaskSpec(kind, {"names": None if names is None else list(names)})


def _names(context: TaskContext) -> list[str] | None:
    return cast(list[str] | None, context.spec.arguments["names"])


@dataclass(frozen=True)
class Cluster:
    """Describes the cluster; all of it may be repeated."""

    scheduler: Scheduler

    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of work of this module."""
        return (
            Kind(NODES, self._nodes, Restart()),
            Kind(PARTITIONS, self._partitions, Restart()),
            Kind(RESERVATIONS, self._reservations, Restart()),
        )

    async def _nodes(self, context: TaskContext) -> Outcome:
        argv = commands.nodes(_names(context) or ())
        nodes = cluster.parse_nodes(await self.scheduler.run(context, argv))
        return finished([_node(node) for node in nodes])

    async def _partitions(self, context: TaskContext) -> Outcome:
        completed = await self.scheduler.run(context, commands.partitions())
        wanted = _names(context)
        return finished(
            [
                _partition(one)
                for one in cluster.parse_partitions(completed)
                if wanted is None or one.name in wanted
            ]
        )

    async def _reservations(self, context: TaskContext) -> Outcome:
        completed = await self.scheduler.run(context, commands.reservations())
        wanted = _names(context)
        return finished(
            [
                _reservation(one)
                for one in cluster.parse_reservations(completed)
                if wanted is None or one.name in wanted
            ]
        )


def _list(values: tuple[str, ...] | None) -> Json:
    return None if values is None else list(values)


def _node(node: Node) -> dict[str, Json]:
    return {
        "NodeName": node.name,
        "ActiveFeatures": _list(node.active_features),
        "Partitions": _list(node.partitions),
        "State": _list(node.state),
    }


def _partition(partition: Partition) -> dict[str, Json]:
    return {
        "PartitionName": partition.name,
        "State": partition.state,
        "TotalCPUs": partition.total_cpus,
        "TotalNodes": partition.total_nodes,
        "Default": partition.default,
    }


def _reservation(reservation: Reservation) -> dict[str, Json]:
    return {
        "ReservationName": reservation.name,
        "State": reservation.state,
        "Nodes": reservation.nodes,
        "StartTime": reservation.start_time,
        "EndTime": reservation.end_time,
        "Features": list(reservation.features),
    }
