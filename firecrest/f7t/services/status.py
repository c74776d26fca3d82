"""`/status`: what is there, and does it answer (status.md)."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path

from f7t import __version__
from f7t.errors import (
    CommandTimeout,
    DelegationUnavailable,
    MachineUnavailable,
    RemoteError,
    UnknownResource,
)
from f7t.parts import Authority, Parts
from f7t.services.documentation import example, success
from f7t.services.filesystems import failing
from f7t.services.routing import Call, OperationRoute, UseCall
from f7t.services.versions import shows
from f7t.systems import System

router = APIRouter(prefix="/status", tags=["status"], route_class=OperationRoute)

_READY = "System ready"


async def _state(name: str, authority: Authority, unauthorized: str) -> dict[str, Any]:
    """State of one service, as S1 shows it; `unauthorized` is how a page spells that word.

    One process serves all of them but perhaps one: whoever reads this has the proof that it runs.
    The certificator may be a process of its own, and is asked.
    """
    status, code, description = "available", 200, "server up & flask running"
    if name == "certificator":
        try:
            await authority.check()
        except DelegationUnavailable as error:
            status, code = "not available", error.status or 400
            description = {0: "server down", 401: unauthorized}.get(
                error.status, "server up, flask down"
            )
    return {"service": name, "status": status, "status_code": code, "description": description}


@router.get(
    "/services",
    operation_id="status_services",
    summary="All services and their state",
)
async def services(call: UseCall) -> dict[str, Any]:
    """S1. The names are those of the setting `services`."""
    names = call.parts.settings.services
    # The word is spelt like this here, and correctly on the page of one service.
    states = (_state(name, call.parts.authority, "unathorized") for name in names)
    return {
        "description": "List of services with status and description.",
        "out": await asyncio.gather(*states),
    }


@router.get(
    "/services/{servicename}",
    operation_id="status_service",
    summary="One service",
)
async def service(
    servicename: Annotated[str, Path(description="Name of the service")], call: UseCall
) -> dict[str, Any]:
    """S2."""
    if servicename not in call.parts.settings.services:
        raise UnknownResource({"description": "Service does not exists", "status_code": 404})
    return await _state(servicename, call.parts.authority, "unauthorized")


async def _probe(system: System, call: Call) -> dict[str, str]:
    """State of one system: a session on behalf of the caller proves sshd and delegation (S3)."""
    try:
        async with asyncio.timeout(call.parts.settings.utilities.timeout):
            async with call.session(system) as session:
                await session.run(
                    ["true"], time_limit=call.parts.settings.utilities.timeout, output_limit=1024
                )
    except (MachineUnavailable, CommandTimeout, TimeoutError):
        status, description = "not available", "System down"
    except RemoteError:
        status, description = "not available", "System does not accept connections"
    else:
        status, description = "available", _READY
    return {"system": system.name, "status": status, "description": description}


@router.get(
    "/systems",
    operation_id="status_systems",
    summary="All systems and whether they accept work",
    responses=success(
        200,
        example(
            {
                "description": "List of systems with status and description.",
                "out": [{"system": "cluster", "status": "available", "description": _READY}],
            }
        ),
    ),
)
async def systems(call: UseCall) -> dict[str, Any]:
    """S3, T08, T09. Every system is asked on behalf of the caller; nothing is cached (D21)."""
    probes = (_probe(system, call) for system in call.parts.systems)
    return {
        "description": "List of systems with status and description.",
        "out": await asyncio.gather(*probes),
    }


@router.get(
    "/systems/{machinename}",
    operation_id="status_system",
    summary="One system",
)
async def system(
    machinename: Annotated[str, Path(description="Public name of the system")], call: UseCall
) -> dict[str, Any]:
    """S4. A system whose file system fails stays available, and says which."""
    found = call.parts.systems.find(machinename)
    if found is None:
        raise UnknownResource({"description": "System does not exists."})
    out = await _probe(found, call)
    if out["status"] == "available":
        missing = await failing(found, call)
        if missing:
            out["description"] = f"Filesystem {','.join(missing)} is not available"
    return {"description": "System information", "out": out}


def _parameter(name: str, value: Any, unit: str, description: str) -> dict[str, Any]:  # noqa: ANN401
    return {"name": name, "value": value, "unit": unit, "description": description}


def _storage_parameters(parts: Parts) -> list[dict[str, Any]]:
    storage = parts.settings.storage
    mounted = [
        {"system": one.name, "mounted": [fs.path for fs in one.filesystems if fs.path]}
        for one in parts.systems
    ]
    return [
        _parameter("OBJECT_STORAGE", "s3v4", "", "Type of object storage of the staging area"),
        _parameter(
            "STORAGE_TEMPURL_EXP_TIME",
            str(storage.tempurl_lifetime),
            "seconds",
            "Time until a link to the staging area expires",
        ),
        _parameter(
            "STORAGE_MAX_FILE_SIZE",
            str(storage.max_file_size_mb),
            "MB",
            "Largest file of an external transfer",
        ),
        _parameter("FILESYSTEMS", mounted, "", "Mounted file systems by system"),
    ]


@router.get(
    "/parameters",
    operation_id="status_parameters",
    summary="What this FirecREST is configured for",
)
async def parameters(call: UseCall) -> dict[str, Any]:
    """S7. Values are text, except FILESYSTEMS."""
    version = call.parts.settings.firecrest_version
    utilities = call.parts.settings.utilities
    groups = {
        "general": [
            _parameter("FIRECREST_VERSION", version, "", "Version of the API"),
            _parameter("FIRECREST_BUILD", f"f7t-{__version__}", "", "What serves the API"),
        ],
        "compute": [_parameter("WORKLOAD_MANAGER", "Slurm", "", "Scheduler of the systems")],
        "storage": _storage_parameters(call.parts),
        "utilities": [
            _parameter(
                "UTILITIES_MAX_FILE_SIZE",
                str(utilities.max_file_size_mb),
                "MB",
                "Largest file of a blocking upload or download",
            ),
            _parameter(
                "UTILITIES_TIMEOUT",
                f"{utilities.timeout:g}",
                "seconds",
                "Time limit of a blocking command",
            ),
        ],
    }
    return {
        "description": "Firecrest's parameters",
        "out": {group: records for group, records in groups.items() if shows(version, group)},
    }
