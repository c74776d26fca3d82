"""What the routers share: the parts they drive, who calls, and how a failure becomes an answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from f7t.auth import Principal
from f7t.errors import FirecrestError, InvalidParameter, answer_of
from f7t.http.answers import response_of
from f7t.http.parameters import Form, read_form
from f7t.parts import Parts
from f7t.services.operations import OPERATIONS
from f7t.tasks.model import Task


class OperationRoute(APIRoute):
    """A route that answers every failure in the words of its own operation."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()
        operation = OPERATIONS[self.operation_id or ""]

        async def handler(request: Request) -> Response:
            request.state.operation = self.operation_id
            try:
                return await inner(request)
            except RequestValidationError as error:
                name = str(error.errors()[0]["loc"][-1])
                wrong = InvalidParameter(name, "has invalid value")
                return response_of(answer_of(wrong, operation))
            except FirecrestError as error:
                return response_of(answer_of(error, operation))

        return handler


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _principal(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


UseParts = Annotated[Parts, Depends(_parts)]
UsePrincipal = Annotated[Principal, Depends(_principal)]
UseForm = Annotated[Form, Depends(read_form)]
MachineName = Annotated[
    str | None,
    Header(alias="X-Machine-Name", description="Public name of the system", examples=["cluster"]),
]


def public_url(request: Request, parts: Parts) -> str:
    """Base of absolute URLs in answers (D08): configured, else the host the client called."""
    if parts.settings.public_url:
        return parts.settings.public_url.rstrip("/")
    headers = request.headers
    scheme = headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    host = headers.get("x-forwarded-host", headers.get("host", "localhost")).split(",")[0].strip()
    return f"{scheme}://{host}"


def announced(task: Task, request: Request, parts: Parts) -> dict[str, str]:
    """The answer that promises a task: contract §4, D08."""
    return {
        "success": "Task created",
        "task_id": task.id,
        "task_url": f"{public_url(request, parts)}/tasks/{task.id}",
    }
