"""Utilities that only look: listings and contents (utilities.md)."""

from __future__ import annotations

import math
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Response

from f7t.http.parameters import checked, is_true
from f7t.services.documentation import example, remote_errors, success
from f7t.services.routing import OperationRoute, UseMachineCall
from f7t.ssh.listing import FileEntry

router = APIRouter(route_class=OperationRoute)

_ENTRY_EXAMPLE = {
    "group": "test1",
    "last_modified": "2026-01-05T10:00:00",
    "link_target": "",
    "name": "in.dat",
    "permissions": "rw-r--r--",
    "size": "12",
    "type": "-",
    "user": "test1",
}
_LISTING_TEXTS = {"descr": "List of contents of path", "description": "List of contents"}
Text = Annotated[str | None, Query()]


def _page(entries: list[dict[str, str]], size: str | None, number: str | None) -> list[Any]:
    """1-based page of a listing; anything unusable or out of range is the whole list (§7)."""
    try:
        length, page = float(size or ""), float(number or "")
    except ValueError:
        return entries
    if not (math.isfinite(length) and math.isfinite(page)) or length < 1 or page < 1:
        return entries
    start = (int(page) - 1) * int(length)
    return entries[start : start + int(length)] if start < len(entries) else entries


def _rendered(entry: FileEntry) -> dict[str, str]:
    return {
        "group": entry.group,
        "last_modified": entry.last_modified.strftime("%Y-%m-%dT%H:%M:%S"),
        "link_target": entry.link_target,
        "name": entry.name,
        "permissions": entry.permissions,
        "size": str(entry.size),
        "type": entry.type,
        "user": entry.user,
    }


@router.get(
    "/ls",
    operation_id="utilities_ls",
    summary="List a directory",
    responses=success(200, example(_LISTING_TEXTS | {"output": [_ENTRY_EXAMPLE]}))
    | remote_errors("Error listing contents of path"),
)
async def ls(
    call: UseMachineCall,
    target_path: Annotated[str | None, Query(alias="targetPath")] = None,
    showhidden: Text = None,
    numeric_uid: Annotated[str | None, Query(alias="numericUid")] = None,
    page_size: Annotated[str | None, Query(alias="pageSize")] = None,
    page_number: Annotated[str | None, Query(alias="pageNumber")] = None,
) -> dict[str, Any]:
    """U1, T10 to T15. A symbolic link is listed itself unless its path ends in a slash."""
    system = call.system
    path = checked("targetPath", target_path)
    async with call.session(system) as session:
        entries = await session.files.listing(
            path, show_hidden=is_true(showhidden), numeric_uid=is_true(numeric_uid)
        )
    output = [_rendered(entry) for entry in entries]
    return {**_LISTING_TEXTS, "output": _page(output, page_size, page_number)}


@router.get(
    "/download",
    operation_id="utilities_download",
    summary="Download a small file",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": {"application/octet-stream": {}}},
        **remote_errors("Error on base64 operation"),
    },
)
async def download(
    call: UseMachineCall,
    source_path: Annotated[str | None, Query(alias="sourcePath")] = None,
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
    """RFC 6266: plain where the name is a token, `filename*` (RFC 5987) where it is not ASCII."""
    if not name.isascii():
        return f"attachment; filename*=UTF-8''{quote(name)}"
    if all(character.isalnum() or character in "!#$&+-.^_`|~" for character in name):
        return f"attachment; filename={name}"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'attachment; filename="{escaped}"'
