"""`GET /utilities/ls` (utilities.md U1)."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query

from f7t.http.parameters import checked, is_true
from f7t.services.documentation import example, success
from f7t.services.routing import OperationRoute, UseMachineCall
from f7t.ssh.listing import FileEntry
from f7t.ssh.walking import Scope

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


def _page(entries: list[Any], size: str | None, number: str | None) -> list[Any]:
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


def _option(name: str, description: str) -> Any:  # noqa: ANN401
    return Query(alias=name, description=description)


Path = Annotated[str | None, _option("targetPath", "What to list; relative to the home directory")]
Hidden = Annotated[
    str | None, _option("showhidden", "`true`: also dot entries, except `.` and `..`")
]
NumericUid = Annotated[str | None, _option("numericUid", "`true`: numeric user and group")]
Recursive = Annotated[
    str | None,
    _option(
        "recursive",
        "`true`: a flat list of everything below, names relative to the listed directory; the "
        "content of a subdirectory that cannot be read is left out",
    ),
]
FollowLinks = Annotated[
    str | None,
    _option(
        "followLinks",
        "`true`: metadata of what a link points to, `link_target` empty; "
        "a link to nothing is shown itself",
    ),
]
Unsorted = Annotated[str | None, _option("unsorted", "`true`: in the order of the file system")]
NotListing = Annotated[
    str | None,
    _option(
        "notListing",
        "`true`: `output` is a list of names; with `unsorted` as `ls -f`, also dot entries, "
        "`.` and `..`",
    ),
]
PageSize = Annotated[str | None, _option("pageSize", "Entries of a page; needs `pageNumber`")]
PageNumber = Annotated[str | None, _option("pageNumber", "1 is the first; needs `pageSize`")]


@router.get(
    "/ls",
    operation_id="utilities_ls",
    summary="List a directory",
    responses=success(200, example(_LISTING_TEXTS | {"output": [_ENTRY_EXAMPLE]})),
)
async def ls(
    call: UseMachineCall,
    target_path: Path = None,
    showhidden: Hidden = None,
    numeric_uid: NumericUid = None,
    recursive: Recursive = None,
    follow_links: FollowLinks = None,
    unsorted: Unsorted = None,
    not_listing: NotListing = None,
    page_size: PageSize = None,
    page_number: PageNumber = None,
) -> dict[str, Any]:
    """U1, T10 to T15. A symbolic link is listed itself unless its path ends in a slash."""
    system = call.system
    path = checked("targetPath", target_path)
    as_found = is_true(unsorted)
    dots = as_found and is_true(not_listing)
    scope = Scope(
        show_hidden=is_true(showhidden) or dots,
        dots=dots,
        recursive=is_true(recursive),
        follow_links=is_true(follow_links),
        unsorted=as_found,
        limit=call.parts.settings.utilities.max_bytes,
    )
    async with call.session(system) as session:
        output: list[Any]
        if is_true(not_listing):
            output = await session.files.names(path, scope)
        else:
            numbers = is_true(numeric_uid)
            entries = await session.files.listing_of(path, scope, numeric_uid=numbers)
            output = [_rendered(entry) for entry in entries]
    return {**_LISTING_TEXTS, "output": _page(output, page_size, page_number)}
