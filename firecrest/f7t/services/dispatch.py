"""From a request to its operation, past the framework's machinery.

Routes and parameters are declared to the framework, whose documentation is made from them. Every
parameter of FirecREST is text that the operation checks by itself (contract §3), so nothing of the
framework's validation and serialisation is needed to answer, and it costs more than all the rest: a
request is looked up in a table, and what its operation asked for is taken from it. What is in no
table (documentation, unknown paths, methods not allowed) is left to the framework.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from f7t.errors import FirecrestError, UnknownResource
from f7t.http.answers import json_response, response_of
from f7t.http.failures import answer_of
from f7t.services.operations import OPERATIONS
from f7t.services.routing import UNROUTED, OperationRoute
from f7t.services.versions import serves

Source = Callable[[Request], Awaitable[Any]]
"""Takes one argument of an operation out of the request."""


@dataclass(frozen=True)
class Served:
    """An operation as it is called.

    Attributes:
        name: its id in `OPERATIONS`.
        endpoint: the function that answers.
        status: of an answer that is no `Response` already.
        sources: where each argument of `endpoint` comes from.
    """

    name: str
    endpoint: Callable[..., Awaitable[Any]]
    status: int
    sources: Mapping[str, Source]

    async def answer(self, request: Request) -> Response:
        """The operation's answer, or its words for what failed."""
        request.state.operation = self.name
        try:
            if not serves(request.app.version, self.name):
                raise UnknownResource(UNROUTED)
            arguments = {name: await take(request) for name, take in self.sources.items()}
            result = await self.endpoint(**arguments)
        except FirecrestError as error:
            return response_of(answer_of(error, OPERATIONS[self.name]))
        if isinstance(result, Response):
            return result
        if self.status == 204:  # has no content, not even `null` (RFC 9110 §15.3.5)
            return Response(status_code=204)
        return json_response(result, self.status)


@dataclass(frozen=True)
class _Table:
    """Operations by method and path; where the last part of a path is a name, by what precedes.

    A fixed path without an operation is the framework's.
    """

    fixed: Mapping[tuple[str, str], Served | None]
    named: Mapping[tuple[str, str], tuple[str, Served]]

    def find(self, method: str, path: str) -> tuple[Served, dict[str, str]] | None:
        """The operation and the parameters in its path; None leaves it to the framework."""
        if (method, path) in self.fixed:
            served = self.fixed[method, path]
            return None if served is None else (served, {})
        before, _, last = path.rpartition("/")
        found = self.named.get((method, before)) if last else None
        return None if found is None else (found[1], {found[0]: last})


def _query(alias: str) -> Source:
    async def take(request: Request) -> str | None:
        return request.query_params.get(alias)

    return take


def _header(alias: str) -> Source:
    async def take(request: Request) -> str | None:
        return request.headers.get(alias)

    return take


def _in_path(alias: str) -> Source:
    async def take(request: Request) -> str:
        value: str = request.path_params[alias]
        return value

    return take


def _provided(dependency: Dependant) -> Source:
    provide, sources = dependency.call, _sources(dependency)
    if provide is None:
        raise TypeError("a dependency that is no function")

    async def take(request: Request) -> Any:  # noqa: ANN401
        return await provide(**{name: await one(request) for name, one in sources.items()})

    return take


async def _request(request: Request) -> Request:
    return request


def _sources(dependant: Dependant) -> dict[str, Source]:
    """Where the arguments of a function come from; raises TypeError for what is not foreseen."""
    if dependant.body_params or dependant.cookie_params or dependant.response_param_name:
        raise TypeError(f"{dependant.call} asks for more than text and the request")
    sources = {
        **{field.name: _in_path(field.alias) for field in dependant.path_params},
        **{field.name: _query(field.alias) for field in dependant.query_params},
        **{field.name: _header(field.alias) for field in dependant.header_params},
        **{one.name: _provided(one) for one in dependant.dependencies if one.name},
    }
    if dependant.request_param_name:
        sources[dependant.request_param_name] = _request
    return sources


def _served(route: BaseRoute) -> Served | None:
    if not isinstance(route, OperationRoute):
        return None
    status = route.status_code if isinstance(route.status_code, int) else 200
    return Served(route.operation_id or "", route.endpoint, status, _sources(route.dependant))


def _table(app: FastAPI) -> _Table:
    """All operations of `app`; the first declared one wins, as in the framework."""
    fixed: dict[tuple[str, str], Served | None] = {}
    named: dict[tuple[str, str], tuple[str, Served]] = {}
    for route in iter_route_contexts(app.routes):
        served = _served(route.original_route)
        before, _, last = (route.path or "").rpartition("/")
        for method in route.methods or ():
            if served and last.startswith("{"):
                named.setdefault((method, before), (last[1:-1], served))
            else:
                fixed.setdefault((method, route.path or ""), served)
    return _Table(fixed, named)


class Dispatch:
    """The innermost layer: answers all operations, and gives everything else to the framework."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._table: _Table | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._table is None:
            self._table = _table(scope["app"])
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        found = self._table.find(scope["method"], scope["path"])
        if found is None:
            await self._app(scope, receive, send)
            return
        served, scope["path_params"] = found
        request = Request(scope, receive)
        try:
            response = await served.answer(request)
            await response(scope, receive, send)
        finally:
            await request.close()
