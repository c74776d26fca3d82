"""`/reservations`: advance reservations, by a tool of the site (reservations.md)."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response

from f7t.errors import BadRequest, CommandFailed, PermissionDenied, RequestError
from f7t.http.parameters import Form, form_documentation
from f7t.services.documentation import example, success
from f7t.services.routing import Call, OperationRoute, UseForm, UseMachineCall
from f7t.ssh.channel import Completed
from f7t.ssh.pool import Session
from f7t.ssh.quoting import safe_text

router = APIRouter(prefix="/reservations", tags=["reservations"], route_class=OperationRoute)

_NAME = re.compile(r"[a-z_$][a-z0-9_$-]*")
_COUNT = re.compile(r"0*[1-9][0-9]*")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}", re.ASCII)
_NO_PERMISSION = 77
"""Exit status of the tool: EX_NOPERM of sysexits(3)."""
_SUDO_REFUSAL = re.compile(
    r"is not in the sudoers file|is not allowed to (execute|run sudo)|a password is required"
)
_OUTPUT_LIMIT = 1024 * 1024
_WISH = {
    "numberOfNodes": "Number of nodes, at least 1",
    "nodeType": "Feature that the nodes must have",
    "starttime": "`YYYY-MM-DDTHH:MM:SS`, later than now",
    "endtime": "`YYYY-MM-DDTHH:MM:SS`, later than starttime",
}
_EXAMPLE = {
    "reservationname": "maintenance",
    "starttime": "2026-12-01T10:00:00",
    "endtime": "2026-12-01T12:00:00",
    "nodes": "nid02",
    "nodecnt": "1",
    "features": "f7t",
    "accounts": "test",
    "state": "INACTIVE",
}

Reservation = Annotated[str, Path(description="Name of the reservation")]


def _given(form: Form, name: str) -> str:
    value = form.text(name)
    if value is None:
        raise RequestError(f"'{name}' form data input missing")
    return value


def _checked_name(field: str, value: str) -> str:
    if not _NAME.fullmatch(value):
        raise RequestError(f"'{field}' parameter format is not valid (value entered:'{value}')")
    return value


def _count(text: str) -> str:
    if not _COUNT.fullmatch(text):
        raise RequestError(
            "'numberOfNodes' parameter is not valid. It should be an integer > 0 "
            f"(value entered:'{text}')"
        )
    return text.lstrip("0")


def _moment(field: str, text: str) -> datetime:
    try:
        if _MOMENT.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass  # a day or an hour that no calendar has
    raise RequestError(
        f"'{field}' parameter format is not valid. It should be YYYY-MM-DDTHH:MM:SS "
        f"(value entered:'{text}')"
    )


def _wish(form: Form) -> tuple[list[str], datetime]:
    """The tool's last four arguments, and the start; the order of checks is the contract's."""
    node_type = _checked_name("nodeType", _given(form, "nodeType"))
    count = _count(_given(form, "numberOfNodes"))
    start = _moment("starttime", _given(form, "starttime"))
    end = _moment("endtime", _given(form, "endtime"))
    begins, ends = start.isoformat(), end.isoformat()
    if end <= start:
        raise RequestError(
            "'endtime' occurs before 'starttime' (values entered: "
            f"endtime='{ends}' <= starttime='{begins}')"
        )
    return [count, node_type, begins, ends], start


async def _must_be_future(session: Session, start: datetime) -> None:
    """The machine's clock counts. The words are those of creating also when updating (R3)."""
    if start <= await session.files.local_time():
        raise BadRequest(
            {
                "error": "Error creating reservation",
                "description": "'starttime' is in the pass (values entered: "
                f"starttime='{start.isoformat()}')",
            }
        )


async def _tool(call: Call, session: Session, *arguments: str) -> str:
    """What the site's tool printed.

    Raises:
        PermissionDenied: the user may not use it.
        CommandFailed: it refused; the reason without the names of who says it.
    """
    settings = call.parts.settings.reservations
    done = await session.run(
        [*settings.argv, *arguments],
        time_limit=settings.timeout,
        output_limit=_OUTPUT_LIMIT,
    )
    if done.exit_status != 0:
        raise _failure(done, settings.argv)
    return safe_text(done.stdout).strip()


def _failure(done: Completed, command: list[str]) -> CommandFailed | PermissionDenied:
    text = safe_text(done.stderr).strip() or safe_text(done.stdout).strip()
    prefixes = ("timeout:", *(f"{word.rpartition('/')[2]}:" for word in command), "Error:")
    reason = _without(text, prefixes) or f"Exit status {done.exit_status}"
    if done.exit_status == _NO_PERMISSION or _SUDO_REFUSAL.search(text):
        return PermissionDenied(reason)
    return CommandFailed(reason, exit_status=done.exit_status)


def _without(text: str, prefixes: tuple[str, ...]) -> str:
    """`text` without any number of these in front (D31)."""
    while found := next((one for one in prefixes if text.startswith(one)), ""):
        text = text.removeprefix(found).lstrip()
    return text


def _items(output: str) -> list[dict[str, str]]:
    """A reservation a line; words with no or two `=` (TRES) have no place in the answer (R1)."""
    rows = (
        [word.partition("=") for word in line.split() if word.count("=") == 1]
        for line in output.splitlines()
    )
    items = [{key.lower(): value for key, _, value in row} for row in rows]
    return [item for item in items if "reservationname" in item]


@router.get(
    "",
    operation_id="reservations_list",
    summary="Reservations of the caller's accounts",
    responses=success(200, example({"success": [_EXAMPLE]})),
)
@router.get("/", operation_id="reservations_list", include_in_schema=False)
async def listing(call: UseMachineCall) -> dict[str, list[dict[str, str]]]:
    """R1. Every value is text, as the scheduler shows it."""
    async with call.session(call.system) as session:
        return {"success": _items(await _tool(call, session, "-l"))}


@router.post(
    "",
    operation_id="reservations_create",
    summary="Reserve nodes for an account",
    status_code=201,
    responses=success(201, example({"success": "Reservation created: maintenance"})),
    openapi_extra=form_documentation(
        {
            "reservation": "Name; the site keeps its letters, digits and `-`",
            "account": "Account whose jobs may use it; the caller must belong to it",
            **_WISH,
        },
        required=("reservation", "account", *_WISH),
    ),
)
@router.post("/", operation_id="reservations_create", status_code=201, include_in_schema=False)
async def create(call: UseMachineCall, form: UseForm) -> dict[str, str]:
    """R2. The answer has the name as the scheduler knows it."""
    system = call.system
    name = _checked_name("reservation", _given(form, "reservation"))
    account = _checked_name("account", _given(form, "account"))
    wish, start = _wish(form)
    async with call.session(system) as session:
        await _must_be_future(session, start)
        return {"success": await _tool(call, session, "-a", name, account, *wish)}


@router.put(
    "/{reservation}",
    operation_id="reservations_update",
    summary="Change nodes and time of a reservation",
    responses=success(200, example({"success": "Reservation updated."})),
    openapi_extra=form_documentation(_WISH, required=tuple(_WISH)),
)
@router.put("/{reservation}/", operation_id="reservations_update", include_in_schema=False)
async def update(call: UseMachineCall, form: UseForm, reservation: Reservation) -> dict[str, str]:
    """R3. A field `account` is accepted and ignored."""
    system = call.system
    name = _checked_name("reservation", reservation)
    wish, start = _wish(form)
    async with call.session(system) as session:
        await _must_be_future(session, start)
        return {"success": await _tool(call, session, "-u", name, *wish)}


@router.delete(
    "/{reservation}",
    operation_id="reservations_delete",
    summary="Delete a reservation",
    status_code=204,
    response_class=Response,
    responses=success(204, {"description": "It is deleted"}),
)
@router.delete(
    "/{reservation}/",
    operation_id="reservations_delete",
    status_code=204,
    response_class=Response,
    include_in_schema=False,
)
async def delete(call: UseMachineCall, reservation: Reservation) -> None:
    """R4."""
    system = call.system
    name = _checked_name("reservation", reservation)
    async with call.session(system) as session:
        await _tool(call, session, "-d", name)
