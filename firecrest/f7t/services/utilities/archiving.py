"""Utilities that make and unpack archives (utilities.md U18, U19)."""

from __future__ import annotations

from fastapi import APIRouter

from f7t.archives import kind_of
from f7t.http.parameters import checked, form_documentation, is_true
from f7t.services.documentation import example, success
from f7t.services.routing import OperationRoute, UseForm, UseMachineCall

router = APIRouter(route_class=OperationRoute)

_COMPRESSED = {"description": "Success to compress file.", "output": ""}
_EXTRACTED = {"description": "Success to extract file.", "output": ""}


@router.post(
    "/compress",
    operation_id="utilities_compress",
    summary="Make a compressed archive",
    status_code=201,
    responses=success(201, example(_COMPRESSED)),
    openapi_extra=form_documentation(
        {
            "sourcePath": "Path of the file or directory; the archive holds its last component",
            "targetPath": "Path of the archive (tar, gzip); replaced if it is there",
            "dereference": "If true, what symbolic links point to instead of the links",
        },
        required=("sourcePath", "targetPath"),
    ),
)
async def compress(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U18. The archive appears when it is complete; after a time-out there is none."""
    system = call.system
    source = checked("sourcePath", form.text("sourcePath"))
    target = checked("targetPath", form.text("targetPath"))
    dereference = is_true(form.text("dereference"))
    async with call.session(system) as session:
        await session.changes.compress(source, target, dereference=dereference)
    return _COMPRESSED


@router.post(
    "/extract",
    operation_id="utilities_extract",
    summary="Unpack an archive",
    status_code=201,
    responses=success(201, example(_EXTRACTED)),
    openapi_extra=form_documentation(
        {
            "sourcePath": "Path of the archive",
            "targetPath": "Existing directory; files in it are replaced",
            "extension": "`.zip`, `.tar`, `.tgz`, `.tar.gz`, `.tar.bz2`, `.gz`, `.bz2`, with or "
            "without dot, or `auto` (default): by the suffix of sourcePath. `.gz` and `.bz2` are a "
            "compressed tar archive or one compressed file, as the content tells",
            "type": "Another name of `extension`, which wins",
        },
        required=("sourcePath", "targetPath"),
    ),
)
async def extract(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U19, D17. Members whose names lead out of the directory are refused or kept inside."""
    system = call.system
    source = checked("sourcePath", form.text("sourcePath"))
    target = checked("targetPath", form.text("targetPath"))
    kind = kind_of(form.text("extension") or form.text("type"), source)
    async with call.session(system) as session:
        await session.changes.extract(source, target, kind)
    return _EXTRACTED
