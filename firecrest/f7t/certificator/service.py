"""The certificator's HTTP: raw ASGI, a few paths, every answer a JSON object."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Annotated

import asyncssh
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.types import Receive, Scope, Send

from f7t.delegation import LONGEST_LIFETIME, CertificateAuthority
from f7t.errors import CertificateRefused

BODY_LIMIT = 16 * 1024
"""Bytes; a wish has less than one KiB."""

_log = logging.getLogger(__name__)


class Wish(BaseModel):
    """Body of `POST /certificates`.

    Attributes:
        user: login name, the certificate's only principal.
        system: public name of the system.
        public_key: OpenSSH line of the key that the holder will prove to own, ed25519.
        lifetime: seconds of validity from now, at most 900.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    user: str
    # Visible characters only: it stands in the key id, which the machines' logs show.
    system: Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,128}$")]
    public_key: str
    lifetime: Annotated[
        float, Field(gt=0, le=LONGEST_LIFETIME.total_seconds(), allow_inf_nan=False)
    ]


class _Refused(Exception):
    """An answer that is no success: status, `description`, headers."""

    def __init__(
        self, status: int, description: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.headers = dict(headers or {})


def _wish_of(body: bytes) -> tuple[Wish, asyncssh.SSHKey]:
    try:
        wish = Wish.model_validate_json(body)
    except ValidationError as error:
        problems = (
            ": ".join([*map(str, one["loc"]), one["msg"]])
            for one in error.errors(include_input=False, include_url=False)
        )
        raise _Refused(400, "; ".join(problems)) from error
    words = wish.public_key.split()
    if len(words) < 2 or words[0] != "ssh-ed25519":
        raise _Refused(400, "public_key: an OpenSSH line of an ed25519 key is needed")
    try:
        return wish, asyncssh.import_public_key(" ".join(words[:2]))
    except ValueError as error:
        raise _Refused(400, "public_key: it cannot be decoded") from error


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body; what is too large is refused before it is read, or while it arrives."""
    too_large = _Refused(413, f"The body is over {BODY_LIMIT} bytes")
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if int(declared) > BODY_LIMIT:
        raise too_large
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(400, "The body is incomplete")
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise too_large
        if not message.get("more_body", False):
            return bytes(body)


_Handler = Callable[[Scope, Receive], Awaitable[Mapping[str, str]]]


class CertificatorApp:
    """Raw ASGI: `POST /certificates`, `GET /public-key`, `GET /health/ready`."""

    def __init__(self, authority: CertificateAuthority, secret: str) -> None:
        """Sign with `authority` for callers who present `secret` as bearer token."""
        self._authority = authority
        self._credentials = f"Bearer {secret}".encode()
        self._routes: Mapping[str, tuple[str, _Handler]] = {
            "/certificates": ("POST", self._certificate),
            "/public-key": ("GET", self._public_key),
            "/health/ready": ("GET", self._ready),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        status, headers = 200, {"content-type": "application/json", "cache-control": "no-store"}
        try:
            answer = await self._answer(scope, receive)
        except _Refused as refused:
            status, answer = refused.status, {"description": refused.description}
            headers |= refused.headers
            fields = {
                "status": status,
                "path": scope["path"],
                "client": (scope["client"] or "?")[0],
            }
            _log.warning("request refused: %s", refused.description, extra={"fields": fields})
        except CertificateRefused as error:
            status, answer = 401, {"description": error.message}
        body = json.dumps(answer).encode()
        headers["content-length"] = str(len(body))
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Mapping[str, str]:
        if scope["path"] not in self._routes:
            raise _Refused(404, "No such page")
        method, handler = self._routes[scope["path"]]
        if scope["method"] != method:
            raise _Refused(405, "Method not allowed", {"allow": method})
        return await handler(scope, receive)

    def _authenticate(self, scope: Scope) -> None:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) != 1 or not hmac.compare_digest(given[0], self._credentials):
            raise _Refused(401, "The shared secret is missing or wrong")

    async def _certificate(self, scope: Scope, receive: Receive) -> Mapping[str, str]:
        self._authenticate(scope)
        wish, key = _wish_of(await _body(scope, receive))
        certificate = await self._authority.issue(
            wish.user, wish.system, key, lifetime=timedelta(seconds=wish.lifetime)
        )
        return {"certificate": certificate.export_certificate().decode("ascii").strip()}

    async def _public_key(self, scope: Scope, receive: Receive) -> Mapping[str, str]:
        self._authenticate(scope)
        return {"public_key": self._authority.public_key}

    async def _ready(self, scope: Scope, receive: Receive) -> Mapping[str, str]:
        return {"status": "UP"}
