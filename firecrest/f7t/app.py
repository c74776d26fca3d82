"""Assembles the gateway: the only place that knows everybody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.security import HTTPBearer
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from f7t.auth import TokenVerifier
from f7t.delegation import AccessPolicy, CertificateAuthority
from f7t.errors import FirecrestError, MethodNotAllowed, UnknownResource
from f7t.http import deprecation, rate
from f7t.http.answers import response_of
from f7t.http.deprecation import Deprecation
from f7t.http.envelope import Envelope
from f7t.http.failures import answer_of
from f7t.http.gatekeeper import Gatekeeper
from f7t.http.limits import BodyLimit
from f7t.http.metrics import observe_ssh
from f7t.http.rate import RateCounter, RateLimit
from f7t.internal import serving_internal
from f7t.parts import Authority, Parts
from f7t.services import (
    ack,
    compute,
    filesystems,
    internal_transfers,
    reservations,
    status,
    storage,
    tasks,
    utilities,
)
from f7t.services.dispatch import Dispatch
from f7t.services.documentation import ERROR_HEADERS, documented
from f7t.services.operations import operation_at
from f7t.services.routing import UNROUTED
from f7t.services.versions import without_later
from f7t.settings import MEBIBYTE, Settings
from f7t.ssh.connection import PoolSettings
from f7t.ssh.pool import SshPool
from f7t.staging.area import StagingArea
from f7t.staging.arrivals import Arrivals
from f7t.systems import Systems
from f7t.tasks.model import Service
from f7t.tasks.runner import TaskRunner
from f7t.tasks.store import TaskStore
from f7t.work.failures import describe_failure
from f7t.work.kinds import kinds

_OBSERVATION_INTERVAL = 1.0
# Only for the documentation pages: the token was checked before a route is looked for.
_BEARER = HTTPBearer(bearerFormat="JWT", auto_error=False)
_READABLE_ACROSS_ORIGINS = sorted(
    {*ERROR_HEADERS, "X-Request-Id", *deprecation.HEADERS, *rate.HEADERS}
)


def _authority(settings: Settings, stack: contextlib.AsyncExitStack) -> Authority:
    ssh = settings.ssh
    if ssh.ca_key is not None:
        policy = AccessPolicy(denied={one.name: one.denied_users for one in settings.systems})
        return CertificateAuthority.from_file(ssh.ca_key, policy)
    # Imported where it is needed: its HTTP client costs every worker megabytes.
    from f7t.certificator.client import RemoteAuthority

    remote = RemoteAuthority(ssh.certificator_url, ssh.certificator_secret)
    stack.push_async_callback(remote.close)
    return remote


def _ssh_pool(settings: Settings, authority: Authority) -> SshPool:
    ssh = settings.ssh
    return SshPool(
        authority,
        known_hosts=ssh.known_hosts,
        settings=PoolSettings(
            certificate_lifetime=ssh.certificate_lifetime,
            connect_timeout=ssh.connect_timeout,
            channels_per_connection=ssh.channels_per_connection,
            connections_per_user=ssh.connections_per_user,
            idle_time=ssh.idle_time,
            maximum_age=ssh.maximum_age,
            program_idle_time=ssh.program_idle_time,
            program_maximum_age=ssh.program_maximum_age,
            file_time_limit=settings.utilities.timeout,
        ),
    )


def _staging_area(settings: Settings) -> StagingArea:
    storage = settings.storage
    return StagingArea(
        storage.public_url,
        storage.access_key,
        storage.secret_key,
        region=storage.region,
        private_url=storage.private_url,
        object_lifetime=storage.tempurl_lifetime,
        max_bytes=storage.max_file_size_mb * MEBIBYTE,
    )


@contextlib.asynccontextmanager
async def assembled(settings: Settings) -> AsyncIterator[Parts]:
    """All parts, running; closed in reverse order when the block ends."""
    async with contextlib.AsyncExitStack() as stack:
        authority = _authority(settings, stack)
        ssh = _ssh_pool(settings, authority)
        stack.push_async_callback(ssh.close)
        store = TaskStore(
            settings.tasks.redis_url,
            password=settings.tasks.redis_password,
            lifetimes={
                Service.COMPUTE: settings.compute.task_lifetime,
                Service.STORAGE: settings.storage.task_lifetime,
            },
        )
        stack.push_async_callback(store.close)
        staging = _staging_area(settings)
        stack.push_async_callback(staging.close)
        arrivals = Arrivals(staging, interval=settings.storage.arrival_interval)
        stack.push_async_callback(arrivals.close)
        systems = Systems(settings.systems)
        runner = TaskRunner(
            store,
            kinds=kinds(settings, systems, ssh, store, staging, arrivals),
            describe_failure=describe_failure,
            lease=settings.tasks.lease,
            sweep_interval=settings.tasks.sweep_interval,
            concurrency_per_user=settings.tasks.concurrency_per_user,
        )
        await runner.start()
        stack.push_async_callback(runner.close)
        yield Parts(settings, systems, authority, ssh, store, runner, staging, arrivals)


async def _observing(ssh: SshPool) -> None:
    """Keep the pool's figures current: any worker may be asked for the metrics of all."""
    while True:
        stats = ssh.stats()
        observe_ssh(
            connections=stats.connections,
            in_use=stats.in_use,
            handshakes=stats.handshakes,
            failures=stats.failures,
        )
        await asyncio.sleep(_OBSERVATION_INTERVAL)


def _lifespan(
    settings: Settings, counter: RateCounter | None
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with assembled(settings) as parts:
            app.state.parts = parts
            checks = {"tasks": parts.store.ping}
            observing = asyncio.create_task(_observing(parts.ssh))
            async with serving_internal(settings.internal_host, settings.internal_port, checks):
                yield
            observing.cancel()
            if counter is not None:
                await counter.close()

    return lifespan


async def _framework_error(request: Request, error: Exception) -> Response:
    """404 and 405 inside a published prefix: JSON, never a page of HTML (contract §1)."""
    known: FirecrestError = UnknownResource(UNROUTED)
    if isinstance(error, HTTPException) and error.status_code == 405:
        known = MethodNotAllowed()
    return response_of(answer_of(known, operation_at(request.url.path)))


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application with everything in front of it (contract §1, in this order)."""
    limit = settings.rate_limit
    counter = RateCounter(limit, settings.tasks) if limit.requests else None
    limiting = [Middleware(RateLimit, settings=limit, counter=counter)] if counter else []
    app = FastAPIOffline(
        title="FirecREST",
        version=settings.firecrest_version,
        summary="Files, jobs and transfers of an HPC centre, with an OAuth token",
        docs_url="/docs",
        static_url="/docs/assets",
        swagger_ui_oauth2_redirect_url="/docs/oauth2-redirect",
        redoc_url=None,
        openapi_url="/docs/openapi.json",
        redirect_slashes=False,
        lifespan=_lifespan(settings, counter),
        exception_handlers={HTTPException: _framework_error},
        middleware=[
            Middleware(Envelope),
            Middleware(Deprecation),
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=[
                    "Accept",
                    "X-Machine-Name",
                    "X-Task-Id",
                    "Authorization",
                    "Content-Type",
                ],
                expose_headers=_READABLE_ACROSS_ORIGINS,
                max_age=3600,
            ),
            Middleware(Gatekeeper, verifier=TokenVerifier(settings.auth)),
            *limiting,
            Middleware(BodyLimit, settings=settings),
            Middleware(Dispatch),
        ],
    )
    for service in (
        ack,
        status,
        filesystems,
        utilities,
        compute,
        storage,
        internal_transfers,
        reservations,
        tasks,
    ):
        app.include_router(service.router, dependencies=[Depends(_BEARER)])
    _complete_documentation(app)
    return app


def _complete_documentation(app: FastAPI) -> None:
    """Let the application's OpenAPI say what the framework cannot know, once somebody asks.

    Nothing is in it that is newer than the version it reports.
    """
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = documented(generate())
            document["paths"] = without_later(document["paths"], app.version)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
