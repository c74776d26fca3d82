"""Reading requests: forms, and who the client is."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request

from f7t_identity.errors import OAuthError
from f7t_identity.realm import Client, Realm

FORM_LIMIT = 64 * 1024
"""Largest accepted form, in bytes."""

_FIELD_LIMIT = 100
_BAD_CLIENT = "Invalid client or Invalid client credentials"


class Form(dict[str, str]):
    """Fields of a form; ``repeated`` is True when a field was sent more than once."""

    repeated: bool = False


def parse_form(text: str) -> Form:
    """Parse ``application/x-www-form-urlencoded`` text. Raises OAuthError for too many fields."""
    form = Form()
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELD_LIMIT)
    except ValueError:
        raise OAuthError(400, "invalid_request", "Too many parameters") from None
    for name, value in pairs:
        if name in form:
            form.repeated = True
        else:
            form[name] = value
    return form


async def read_form(request: Request) -> Form:
    """The form in the body of a request; another content type counts as an empty form.

    Raises OAuthError (413) for a body of more than FORM_LIMIT bytes, announced or not.
    """
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > FORM_LIMIT:
            raise OAuthError(413, "invalid_request", "Request entity too large")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return Form()
    return parse_form(received.decode("utf-8", errors="replace"))


def same(given: str, expected: str) -> bool:
    """Compare secrets in a time that does not depend on where they differ."""
    return hmac.compare_digest(given.encode("utf-8"), expected.encode("utf-8"))


def authenticate_client(realm: Realm, headers: Mapping[str, str], form: Form) -> Client:
    """The client that sent a request (RFC 6749 §2.3.1); a form field wins over the Basic header.

    Raises OAuthError: 401 ``invalid_client`` for an unknown client or none at all, 401
    ``unauthorized_client`` for a wrong or missing secret (measured with Keycloak 26.7).
    """
    basic_id, basic_secret = _basic(headers.get("authorization", ""))
    client_id = form.get("client_id", basic_id)
    secret = form.get("client_secret", basic_secret)
    client = realm.clients.get(client_id or "")
    if client is None or not client.enabled:
        raise OAuthError(401, "invalid_client", _BAD_CLIENT)
    if client.secret is not None and not same(secret or "", client.secret):
        raise OAuthError(401, "unauthorized_client", _BAD_CLIENT)
    return client


def _basic(header: str) -> tuple[str | None, str | None]:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        text = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None, None
    name, found, secret = text.partition(":")
    return (unquote_plus(name), unquote_plus(secret)) if found else (None, None)
