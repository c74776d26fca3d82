"""`/status/filesystems`: can the caller see what is mounted (status.md S5, S6)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path

from f7t.errors import RemoteError, UnknownResource
from f7t.services.documentation import example, success
from f7t.services.routing import Call, OperationRoute, UseCall
from f7t.settings import FileSystem
from f7t.systems import System

router = APIRouter(prefix="/status", tags=["status"], route_class=OperationRoute)

_BROKEN = "Error in filesystem configuration"
_HOME = {
    "name": "HOME",
    "path": "/home",
    "description": "Home directories",
    "status": "available",
    "status_code": 200,
}


async def _sees(system: System, filesystem: FileSystem, call: Call) -> bool:
    """Whether the caller finds anything in it: an empty mount point is a missing file system."""
    limit = call.parts.settings.utilities.timeout
    try:
        async with asyncio.timeout(limit), call.session(system) as session:
            return not await session.files.is_empty(filesystem.path)
    except (RemoteError, TimeoutError):
        return False


async def failing(system: System, call: Call) -> list[str]:
    """Paths of the system's file systems that the caller cannot use (S4)."""
    complete = [one for one in system.filesystems if one.is_complete]
    seen = await asyncio.gather(*(_sees(system, one, call) for one in complete))
    return [one.path for one, is_seen in zip(complete, seen, strict=True) if not is_seen]


async def _states(system: System, call: Call) -> list[dict[str, Any]]:
    missing = set(await failing(system, call))
    return [
        {
            "name": one.name,
            "path": one.path,
            "description": one.description,
            "status": "not available" if one.path in missing else "available",
            "status_code": 400 if one.path in missing else 200,
        }
        for one in system.filesystems
    ]


def _is_broken(system: System) -> bool:
    return not all(one.is_complete for one in system.filesystems)


@router.get(
    "/filesystems",
    operation_id="status_filesystems",
    summary="All file systems of all systems, and whether the caller can use them",
    responses=success(
        200, example({"description": "Filesystem information", "out": {"cluster": [_HOME]}})
    ),
)
async def filesystems(call: UseCall) -> dict[str, Any]:
    """S5. A broken table of one system spoils the answer for all, as it does upstream."""
    systems = list(call.parts.systems)
    out: dict[str, Any] | str = _BROKEN
    if not any(map(_is_broken, systems)):
        states = await asyncio.gather(*(_states(one, call) for one in systems))
        out = {one.name: state for one, state in zip(systems, states, strict=True)}
    return {"description": "Filesystem information", "out": out}


@router.get(
    "/filesystems/{system}",
    operation_id="status_filesystem",
    summary="The file systems of one system, and whether the caller can use them",
    responses=success(
        200,
        example({"description": "Filesystem information for system cluster", "out": [_HOME]}),
    ),
)
async def filesystem(
    system: Annotated[str, Path(description="Public name of the system")], call: UseCall
) -> dict[str, Any]:
    """S6."""
    description = f"Filesystem information for system {system}"
    found = call.parts.systems.find(system)
    if found is None:
        raise UnknownResource(
            {"description": description, "out": f"System '{system}' doesn't exist"}
        )
    out = _BROKEN if _is_broken(found) else await _states(found, call)
    return {"description": description, "out": out}
