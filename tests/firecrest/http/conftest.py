"""The gateway's front on a loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from f7t.auth import Principal, TokenVerifier, bearer_token
from f7t.errors import FirecrestError, NotFound, Unauthorized
from f7t.http.answers import response_of
from f7t.http.envelope import Envelope
from f7t.http.failures import answer_of
from f7t.http.gatekeeper import Gatekeeper
from f7t.http.limits import BodyLimit
from f7t.http.parameters import read_form
from f7t.settings import AuthSettings, Settings
from tests.firecrest.http.wire import TOKEN, served


class OneToken(TokenVerifier):
    """Knows one token and no other; the real checks have tests of their own."""

    async def principal(self, authorization: str | None) -> Principal:
        if bearer_token(authorization) != TOKEN:
            raise Unauthorized({"message": "Bad token; invalid JSON"})
        return Principal("test1", float("inf"))


@pytest.fixture(scope="session")
def settings() -> Settings:
    """Settings of a gateway with a limit of 1 MiB; nothing that they name exists."""
    return Settings.model_validate(
        {
            "systems": [{"name": "cluster", "host": "127.0.0.1"}],
            "auth": {"issuer": "http://issuer", "jwks_url": "http://127.0.0.1:1/certs"},
            "ssh": {"ca_key": "/nonexistent", "known_hosts": "/nonexistent"},
            "storage": {"public_url": "http://127.0.0.1:1", "access_key": "a", "secret_key": "s"},
            "tasks": {"redis_url": "unix:///nonexistent"},
            "utilities": {"max_file_size_mb": 1},
        }
    )


async def _echo(request: Request) -> Response:
    """Length of the body, or the field `x` of a form, as they came through the limit."""
    try:
        if "form" in request.headers.get("content-type", ""):
            form = await read_form(request)
            return JSONResponse({"x": form.text("x")})
        return PlainTextResponse(str(len(await request.body())))
    except FirecrestError as error:
        return response_of(answer_of(error))


async def _missing(_: Request) -> Response:
    return response_of(answer_of(NotFound("gone", path="/é")))


async def _broken(_: Request) -> Response:
    raise RuntimeError("a secret detail")


@pytest.fixture(scope="session")
async def port(settings: Settings) -> AsyncIterator[int]:
    """Port of a small application behind the envelope, the gatekeeper and the body limit."""
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes = [
        *(Route(f"/{name}/echo", _echo, methods=methods) for name in ("utilities", "compute")),
        Route("/storage/echo", _echo, methods=["POST"]),
        Route("/status/missing", _missing),
        Route("/status/broken", _broken),
    ]
    middleware = [
        Middleware(Envelope),
        Middleware(Gatekeeper, verifier=OneToken(settings.auth)),
        Middleware(BodyLimit, settings=settings),
    ]
    async with served(Starlette(routes=routes, middleware=middleware)) as number:
        yield number


@pytest.fixture(scope="session")
async def gateway(settings: Settings) -> AsyncIterator[int]:
    """Port of the real application, with nothing behind it."""

    def one_token(auth: AuthSettings) -> OneToken:
        return OneToken(auth)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("f7t.app.TokenVerifier", one_token)
        from f7t.app import create_app

        app = create_app(settings)
        app.state.parts = None  # what is refused before any part is asked can be seen without
        async with served(app) as number:
            yield number
