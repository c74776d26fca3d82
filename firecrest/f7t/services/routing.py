"""What the routers share: the parts they drive, and who calls."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Request
from fastapi.routing import APIRoute

from f7t.auth import Principal
from f7t.http.parameters import Form, read_form
from f7t.parts import Parts
from f7t.ssh.pool import Session
from f7t.systems import System
from f7t.tasks.model import Service, TaskSpec, new_task

UNROUTED = {"description": "The requested URL was not found"}
"""Body of a 404 inside a published prefix (contract §1)."""


class OperationRoute(APIRoute):
    """An operation of the contract: declared to the framework, answered by `Dispatch`."""


MachineName = Annotated[
    str | None,
    Header(alias="X-Machine-Name", description="Public name of the system", examples=["cluster"]),
]


@dataclass(frozen=True)
class Call:
    """One request: who calls, which machine it names, and the parts that serve it."""

    request: Request
    parts: Parts
    principal: Principal
    machine: str | None

    @property
    def user(self) -> str:
        """The POSIX user on whose behalf everything is done."""
        return self.principal.user

    @property
    def system(self) -> System:
        """The named system; raises `MissingMachine` or `UnknownMachine`."""
        return self.parts.systems.named(self.machine)

    def session(self, system: System) -> AbstractAsyncContextManager[Session]:
        """A session of the caller on `system`; raises `RemoteError` if there is none to be had."""
        return self.parts.ssh.session(self.user, system)

    async def promise(self, service: Service, system: System, spec: TaskSpec) -> dict[str, str]:
        """Accept a task; the answer that announces it (contract §4, D08)."""
        task = new_task(self.user, service, system.name)
        await self.parts.runner.submit(task, spec)
        return {
            "success": "Task created",
            "task_id": task.id,
            "task_url": f"{self.public_url}/tasks/{task.id}",
        }

    @property
    def public_url(self) -> str:
        """Base of absolute URLs in answers (D08): configured, else the host the client called."""
        if self.parts.settings.public_url:
            return self.parts.settings.public_url.rstrip("/")
        headers = self.request.headers
        scheme = headers.get("x-forwarded-proto", self.request.scope["scheme"])
        host = headers.get("x-forwarded-host", headers.get("host", "localhost"))
        return f"{_first(scheme)}://{_first(host)}"


def _first(values: str) -> str:
    """The first of a list that proxies added to."""
    return values.split(",")[0].strip()


# Both are coroutines: the framework gives plain functions to a pool of threads.
async def _call(request: Request) -> Call:
    return Call(request, request.app.state.parts, request.state.principal, None)


async def _machine_call(request: Request, machine: MachineName = None) -> Call:
    return Call(request, request.app.state.parts, request.state.principal, machine)


UseCall = Annotated[Call, Depends(_call)]
UseMachineCall = Annotated[Call, Depends(_machine_call)]
UseForm = Annotated[Form, Depends(read_form)]
