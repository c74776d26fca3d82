"""`/compute/nodes`, `/partitions`, `/reservations`: the cluster, C7 to C10 of compute.md."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from f7t.errors import BadRequest
from f7t.http.parameters import verdict
from f7t.services.compute.prechecks import not_barred, reachable
from f7t.services.documentation import CREATED_TASK, success
from f7t.services.routing import OperationRoute, UseMachineCall
from f7t.tasks.model import Service
from f7t.work.compute import node_query, partition_query, reservation_query

router = APIRouter(route_class=OperationRoute)

_DOCUMENTED = success(200, CREATED_TASK)


def _names(kind: str, text: str | None) -> tuple[str, ...] | None:
    """The names of a comma list; raises `BadRequest` about the first bad one."""
    if text is None:
        return None
    names = tuple(text.split(","))
    for name in names:
        wrong = verdict(name)
        if wrong:
            raise BadRequest(
                {
                    "description": f"Failed to retrieve {kind}s information",
                    "error": f"{kind} '{name}' {wrong}",
                }
            )
    return names


@router.get(
    "/nodes",
    operation_id="compute_nodes",
    summary="Nodes of the cluster",
    responses=_DOCUMENTED,
)
async def nodes(
    call: UseMachineCall,
    nodes: Annotated[str | None, Query(description="Names of nodes, comma-separated")] = None,
) -> dict[str, str]:
    """C7. A name that the scheduler does not know fails the task."""
    system = call.system
    names = _names("node", nodes)
    await reachable(system, call)
    return await call.promise(Service.COMPUTE, system, node_query(names))


@router.get(
    "/nodes/{nodeName}",
    operation_id="compute_node",
    summary="One node of the cluster",
    responses=_DOCUMENTED,
)
async def node(
    name: Annotated[str, Path(alias="nodeName", description="Name of the node")],
    call: UseMachineCall,
) -> dict[str, str]:
    """C8. The same as C7 with one name, so `data` is an array here too."""
    system = call.system
    names = _names("node", name)
    await reachable(system, call)
    return await call.promise(Service.COMPUTE, system, node_query(names))


@router.get(
    "/partitions",
    operation_id="compute_partitions",
    summary="Partitions of the cluster",
    responses=_DOCUMENTED,
)
async def partitions(
    call: UseMachineCall,
    partitions: Annotated[
        str | None, Query(description="Names of partitions, comma-separated")
    ] = None,
) -> dict[str, str]:
    """C9. Names that the scheduler does not know are left out."""
    system = call.system
    names = _names("partition", partitions)
    await not_barred(system, call)
    return await call.promise(Service.COMPUTE, system, partition_query(names))


@router.get(
    "/reservations",
    operation_id="compute_reservations",
    summary="Reservations of the cluster",
    responses=_DOCUMENTED,
)
async def reservations(
    call: UseMachineCall,
    reservations: Annotated[
        str | None, Query(description="Names of reservations, comma-separated")
    ] = None,
) -> dict[str, str]:
    """C10 (D34). Names that the scheduler does not know are left out."""
    system = call.system
    names = _names("reservation", reservations)
    await not_barred(system, call)
    return await call.promise(Service.COMPUTE, system, reservation_query(names))
