"""What a file is, and who one is: U7, U8, U13, U17 (utilities.md)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from f7t.http.parameters import checked, is_true
from f7t.services.documentation import example, success
from f7t.services.routing import OperationRoute, UseMachineCall
from f7t.ssh.questions import Named

router = APIRouter(route_class=OperationRoute)

TargetPath = Annotated[
    str | None, Query(alias="targetPath", description="Path; relative to the home directory")
]
_STAT_EXAMPLE = {
    "mode": 33188,
    "ino": 1234,
    "dev": 64768,
    "nlink": 1,
    "uid": 1000,
    "gid": 1000,
    "size": 12,
    "atime": 1767607200,
    "mtime": 1767607200,
    "ctime": 1767607200,
}


@router.get(
    "/file",
    operation_id="utilities_file",
    summary="Kind of a file",
    responses=success(
        200, example({"description": "Success to file file.", "output": "ASCII text"})
    ),
)
async def file(call: UseMachineCall, target_path: TargetPath = None) -> dict[str, str]:
    """U7. Of a symbolic link, what it points to."""
    system = call.system
    path = checked("targetPath", target_path)
    async with call.session(system) as session:
        output = await session.questions.kind(path)
    return {"description": "Success to file file.", "output": output}


@router.get(
    "/stat",
    operation_id="utilities_stat",
    summary="Status of a file",
    responses=success(
        200, example({"description": "Success to stat file.", "output": _STAT_EXAMPLE})
    ),
)
async def stat(
    call: UseMachineCall,
    target_path: TargetPath = None,
    source_path: Annotated[
        str | None, Query(alias="sourcePath", description="Accepted in place of targetPath")
    ] = None,
    dereference: Annotated[
        str | None, Query(description="`true`: of what a symbolic link points to")
    ] = None,
) -> dict[str, Any]:
    """U8. Numbers as stat(2) gives them."""
    system = call.system
    if target_path is None:
        path = checked("sourcePath", source_path)
    else:
        path = checked("targetPath", target_path)
    async with call.session(system) as session:
        output = await session.questions.status(path, follow_links=is_true(dereference))
    return {"description": "Success to stat file.", "output": output}


@router.get(
    "/checksum",
    operation_id="utilities_checksum",
    summary="SHA-256 of a file",
    responses=success(
        200,
        example(
            {
                "description": "Success to checksum file.",
                "output": "d9014c4624844aa5bac314773d6b689ad467fa4e1d1a50a1b8a99d5a95f72ff5",
            }
        ),
    ),
)
async def checksum(call: UseMachineCall, target_path: TargetPath = None) -> dict[str, str]:
    """U13. 64 hexadecimal digits."""
    system = call.system
    path = checked("targetPath", target_path)
    async with call.session(system) as session:
        output = await session.questions.sha256(path)
    return {"description": "Success to checksum file.", "output": output}


def _named(one: Named) -> dict[str, str]:
    return {"name": one.name, "id": str(one.id)}


@router.get(
    "/whoami",
    operation_id="utilities_whoami",
    summary="User on the system",
    responses=success(200, example({"description": "User information", "output": "test1"})),
)
async def whoami(
    call: UseMachineCall,
    groups: Annotated[
        str | None, Query(description="`true`: user, group and groups, each with name and id")
    ] = None,
) -> dict[str, Any]:
    """U17. The user as whom the system lets the caller in."""
    async with call.session(call.system) as session:
        if not is_true(groups):
            return {"description": "User information", "output": session.user}
        identity = await session.questions.identity()
    output = {
        "user": _named(identity.user),
        "group": _named(identity.group),
        "groups": [_named(group) for group in identity.groups],
    }
    return {"description": "User information", "output": output}
