"""The API gateway's door: token first, then the table of published paths and methods."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from f7t.auth import TokenVerifier
from f7t.errors import FirecrestError, NotRouted
from f7t.http.answers import send_answer
from f7t.http.failures import answer_of

PUBLISHED: Mapping[str, frozenset[str]] = {
    "/status/": frozenset({"GET"}),
    "/utilities/": frozenset({"DELETE", "GET", "POST", "PUT"}),
    "/compute/": frozenset({"DELETE", "GET", "POST"}),
    "/storage/": frozenset({"GET", "POST"}),
    "/tasks": frozenset({"GET"}),
    "/reservations": frozenset({"DELETE", "GET", "POST", "PUT"}),
}
"""Prefix -> methods let through (contract §1). `/status` alone is not routed, `/tasks` is."""

DOCUMENTATION = "/docs"
"""The only prefix that needs no token."""


def is_published(path: str, method: str) -> bool:
    """Whether the table lets this request through."""
    for prefix, methods in PUBLISHED.items():
        inside = path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")
        if inside or path == prefix.rstrip("/") == prefix:
            return method in methods
    return False


def _is_documentation(path: str) -> bool:
    return path == DOCUMENTATION or path.startswith(f"{DOCUMENTATION}/")


class Gatekeeper:
    """Lets a request in with a principal in `scope["state"]`, or answers it."""

    def __init__(self, app: ASGIApp, verifier: TokenVerifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        if _is_documentation(path) and method == "GET":
            await self._app(scope, receive, send)
            return
        try:
            authorization = Headers(scope=scope).get("authorization")
            principal = await self._verifier.principal(authorization)
            if not is_published(path, method):
                raise NotRouted
        except FirecrestError as error:
            await send_answer(send, answer_of(error))
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)
