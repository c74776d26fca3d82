"""The application: which path leads to which endpoint."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from f7t_identity.browser import BrowserEndpoints
from f7t_identity.endpoints import MachineEndpoints
from f7t_identity.errors import OAuthError, PageError
from f7t_identity.grants import Issuer
from f7t_identity.keys import KeyRing
from f7t_identity.pages import error_page
from f7t_identity.realm import Realm
from f7t_identity.sessions import Memory
from f7t_identity.tokens import TokenMaker

_REALM_PATH = re.compile(r"(?:/auth)?/realms/([^/]+)(?:/.*)?")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Origin, Accept, X-Requested-With, Content-Type, Authorization",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Max-Age": "3600",
    "Vary": "Origin",
}


def create_app(
    realm: Realm, keys: KeyRing, public_url: str, clock: Callable[[], float] = time.time
) -> Starlette:
    """Assemble the issuer.

    ``public_url`` is the address in front of ``/realms/…``; it is part of ``iss`` and never depends
    on how a request came in. ``clock`` gives seconds since the epoch.
    """
    memory = Memory(realm.lifespans, clock)
    tokens = TokenMaker(realm, keys, memory, f"{public_url}/realms/{realm.name}", clock)
    issuer = Issuer(realm, memory, tokens, clock)
    routes = [
        Route(path, _health) for path in ("/health/ready", "/health/live", "/auth/health/ready")
    ]
    machine = MachineEndpoints(issuer, keys, public_url)
    browser = BrowserEndpoints(issuer, public_url)
    for prefix in ("/auth", ""):
        routes += _routes(f"{prefix}/realms/{realm.name}", machine, browser)

    async def on_page_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, PageError)  # the table below says so
        return error_page(realm.display_name, error.message, error.status)

    async def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # the table below says so
        found = _REALM_PATH.fullmatch(request.url.path)
        if error.status_code == 404 and found is not None and found[1] != realm.name:
            return JSONResponse({"error": "Realm does not exist"}, 404)
        if error.status_code == 404 and found is None and request.url.path.startswith("/auth/"):
            return JSONResponse({"error": "Unable to find matching target resource method"}, 404)
        body = {"error": f"HTTP {error.status_code} {error.detail}"}
        return JSONResponse(body, error.status_code, error.headers)

    app = Starlette(
        routes=routes,
        exception_handlers={
            OAuthError: _on_oauth_error,
            PageError: on_page_error,
            HTTPException: on_http_error,
        },
    )
    app.add_middleware(Preflight)
    return app


def _routes(base: str, machine: MachineEndpoints, browser: BrowserEndpoints) -> list[Route]:
    oidc = f"{base}/protocol/openid-connect"
    actions = f"{base}/login-actions"
    both = ["GET", "POST"]
    return [
        Route(f"{oidc}/token", machine.token, methods=["POST"]),
        Route(f"{oidc}/certs", machine.certs),
        Route(f"{oidc}/userinfo", machine.userinfo, methods=both),
        Route(f"{oidc}/token/introspect", machine.introspect, methods=["POST"]),
        Route(f"{oidc}/revoke", machine.revoke, methods=["POST"]),
        Route(f"{oidc}/auth/device", machine.device, methods=["POST"]),
        Route(f"{oidc}/auth", browser.authorize, methods=both),
        Route(f"{oidc}/logout", browser.logout, methods=both),
        Route(f"{actions}/authenticate", browser.authenticate, methods=both),
        Route(f"{actions}/consent", browser.consent, methods=both),
        Route(f"{actions}/logout-confirm", browser.logout_confirm, methods=["POST"]),
        Route(f"{base}/device", browser.device, methods=both),
        Route(f"{base}/.well-known/openid-configuration", machine.discovery),
        Route(base, machine.realm),
    ]


async def _health(request: Request) -> Response:
    return JSONResponse({"status": "UP", "checks": []})


async def _on_oauth_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OAuthError)  # the table above says so
    return JSONResponse(error.body(), error.status, {"Cache-Control": "no-store"})


class Preflight:
    """Answers CORS pre-flight requests; whether an origin may read is decided by each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            origin = Request(scope).headers.get("origin")
            if origin is not None:
                headers = {**_PREFLIGHT, "Access-Control-Allow-Origin": origin}
                await Response(headers=headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)
