"""Contents of small files, and parts of large ones: U11, U14, U15, U16 (utilities.md)."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from f7t.http.parameters import checked, is_true
from f7t.services.documentation import example, success
from f7t.services.routing import Call, OperationRoute, UseMachineCall
from f7t.services.utilities.excerpts import excerpt_of
from f7t.ssh.contents import Excerpt
from f7t.systems import System

router = APIRouter(route_class=OperationRoute)

TargetPath = Annotated[
    str | None, Query(alias="targetPath", description="File; relative to the home directory")
]
InsteadOfTarget = Annotated[
    str | None, Query(alias="sourcePath", description="Accepted in place of targetPath")
]
Bytes = Annotated[
    str | None,
    Query(
        alias="bytes",
        description="How many bytes; with a suffix as coreutils knows them, `K`, `KB`, `MiB` …",
    ),
]
Lines = Annotated[
    str | None, Query(description="How many lines, in the same form; 10 if neither is given")
]
Grep = Annotated[
    str | None,
    Query(description="Only lines that hold this text, which is taken literally, of that part"),
]


@router.get(
    "/download",
    operation_id="utilities_download",
    summary="Download a small file",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {"application/octet-stream": {}}},
    },
)
async def download(
    call: UseMachineCall,
    source_path: Annotated[
        str | None, Query(alias="sourcePath", description="File; relative to the home directory")
    ] = None,
    target_path: Annotated[
        str | None, Query(alias="targetPath", description="Accepted in place of sourcePath")
    ] = None,
) -> Response:
    """U11, T48. The whole file up to the size limit."""
    system = call.system
    path = checked("sourcePath", target_path if source_path is None else source_path)
    limit = call.parts.settings.utilities.max_bytes
    async with call.session(system) as session:
        content = await session.files.read(path, limit)
    name = path.rstrip("/").rpartition("/")[2]
    return Response(
        content,
        media_type="application/octet-stream",
        headers={"content-disposition": _disposition(name)},
    )


def _disposition(name: str) -> str:
    """RFC 6266: plain where the name is a token, `filename*` (RFC 5987) where a header cannot
    hold it (RFC 9110 §5.5)."""
    if not (name.isascii() and name.isprintable()):
        return f"attachment; filename*=UTF-8''{quote(name)}"
    if all(character.isalnum() or character in "!#$&+-.^_`|~" for character in name):
        return f"attachment; filename={name}"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'attachment; filename="{escaped}"'


@router.get(
    "/view",
    operation_id="utilities_view",
    summary="Read a small text file",
    responses=success(
        200, example({"description": "Success to head file.", "output": "Hello, world!\n"})
    ),
)
async def view(
    call: UseMachineCall, target_path: TargetPath = None, source_path: InsteadOfTarget = None
) -> dict[str, str]:
    """U14, D18. The whole file up to the size limit, if it is UTF-8."""
    system = call.system
    if target_path is None:
        path = checked("sourcePath", source_path)
    else:
        path = checked("targetPath", target_path)
    limit = call.parts.settings.utilities.max_bytes
    async with call.session(system) as session:
        output = await session.contents.text(path, limit)
    return {"description": "Success to head file.", "output": output}


@router.get(
    "/head",
    operation_id="utilities_head",
    summary="Read the beginning of a text file",
    responses=success(
        200, example({"description": "Success to head file.", "output": "first\nsecond\n"})
    ),
)
async def head(
    call: UseMachineCall,
    target_path: TargetPath = None,
    size: Bytes = None,
    lines: Lines = None,
    skip_ending: Annotated[
        str | None, Query(description="`true`: all of the file but so many bytes or lines")
    ] = None,
    grep: Grep = None,
) -> dict[str, str]:
    """U15. Only as much of the file is read as is needed; UTF-8 only."""
    system = call.system
    path = checked("targetPath", target_path)
    excerpt = excerpt_of("head", size, lines, other=is_true(skip_ending))
    output = await _excerpt(call, system, path, excerpt, grep)
    return {"description": "Success to head file.", "output": output}


@router.get(
    "/tail",
    operation_id="utilities_tail",
    summary="Read the end of a text file",
    responses=success(200, example({"description": "Success to tail file.", "output": "last\n"})),
)
async def tail(
    call: UseMachineCall,
    target_path: TargetPath = None,
    size: Bytes = None,
    lines: Lines = None,
    skip_beginning: Annotated[
        str | None, Query(description="`true`: from that byte or line (1 is the first) on")
    ] = None,
    grep: Grep = None,
) -> dict[str, str]:
    """U16. Only as much of the file is read as is needed; UTF-8 only."""
    system = call.system
    path = checked("targetPath", target_path)
    excerpt = excerpt_of("tail", size, lines, other=is_true(skip_beginning))
    output = await _excerpt(call, system, path, excerpt, grep)
    return {"description": "Success to tail file.", "output": output}


async def _excerpt(
    call: Call, system: System, path: str, excerpt: Excerpt, grep: str | None
) -> str:
    limit = call.parts.settings.utilities.max_bytes
    async with call.session(system) as session:
        return await session.contents.excerpt(path, excerpt, grep or "", limit)
