"""Utilities that say who may do what with a file (utilities.md U4, U5)."""

from __future__ import annotations

from fastapi import APIRouter

from f7t.errors import BadRequest
from f7t.http.parameters import Form, checked, form_documentation
from f7t.services.documentation import example, success
from f7t.services.routing import OperationRoute, UseForm, UseMachineCall

router = APIRouter(route_class=OperationRoute)

_FILE = "Path of the file or directory; a link is followed"
_CHMOD = {
    "description": "Success to chmod file or directory.",
    "output": "mode of 'in.dat' changed from 0644 (rw-r--r--) to 0640 (rw-r-----)",
}
_CHOWN = {
    "description": "Success to chown file or directory.",
    "output": "changed ownership of 'in.dat' from test1:test1 to test1:project",
}


@router.put(
    "/chmod",
    operation_id="utilities_chmod",
    summary="Change permissions",
    responses=success(200, example(_CHMOD)),
    openapi_extra=form_documentation(
        {"targetPath": _FILE, "mode": "Octal (0640) or symbolic (u+x)"},
        required=("targetPath", "mode"),
    ),
)
async def chmod(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U4. The output is the tool's own line."""
    system = call.system
    path = checked("targetPath", form.text("targetPath"))
    mode = checked("mode", form.text("mode"))
    async with call.session(system) as session:
        output = await session.changes.change_mode(path, mode)
    return _CHMOD | {"output": output}


@router.put(
    "/chown",
    operation_id="utilities_chown",
    summary="Change owner and group",
    responses=success(200, example(_CHOWN)),
    openapi_extra=form_documentation(
        {
            "targetPath": _FILE,
            "owner": "New owner; at least one of owner and group is needed",
            "group": "New group",
        },
        required=("targetPath",),
    ),
)
async def chown(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """U5. The output is the tool's own line."""
    system = call.system
    path = checked("targetPath", form.text("targetPath"))
    owner, group = _given(form, "owner"), _given(form, "group")
    if not (owner or group):
        raise BadRequest(
            {"description": "Error in chown operation", "error": "group or owner must be set"}
        )
    async with call.session(system) as session:
        output = await session.changes.change_owner(path, owner=owner, group=group)
    return _CHOWN | {"output": output}


def _given(form: Form, name: str) -> str:
    """A text that may be absent or empty, which is the same."""
    return checked(name, form.text(name)) if form.text(name) else ""
