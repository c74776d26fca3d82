"""The grants of the token endpoint. Statuses and texts are those measured with Keycloak 26.7."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from f7t_identity.errors import OAuthError
from f7t_identity.forms import Form, same
from f7t_identity.keys import b64url
from f7t_identity.realm import Client, Realm, User
from f7t_identity.sessions import Device, DeviceState, Memory, UserSession
from f7t_identity.tokens import Grant, Scopes, TokenMaker, granted_scopes, resolve_scopes

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


@dataclass(frozen=True, slots=True)
class Issuer:
    """The parts of a running issuer that requests work with."""

    realm: Realm
    memory: Memory
    tokens: TokenMaker
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A token request of an authenticated client; ``address`` is where it came from."""

    client: Client
    form: Form
    address: str


def check_password(realm: Realm, username: str, password: str) -> User | None:
    """The user with this name and password; service accounts and disabled users have none."""
    user = realm.users.get(username.strip().lower())
    expected = user.password if user is not None and user.service_account_of is None else None
    correct = same(password, expected or "")
    return user if expected and correct else None


def check_pkce(form: Mapping[str, str], challenge: str | None, method: str) -> None:
    """Compare the code verifier with the challenge (RFC 7636 §4.6). Raises OAuthError."""
    verifier = form.get("code_verifier")
    if challenge is None:
        if verifier is not None:
            text = "PKCE code verifier specified but challenge not present in authorization"
            raise OAuthError(400, "invalid_grant", text)
        return
    if verifier is None:
        raise OAuthError(400, "invalid_grant", "PKCE code verifier not specified")
    if not _VERIFIER.fullmatch(verifier):
        raise OAuthError(400, "invalid_grant", "PKCE verification failed: Invalid code verifier")
    if method == "S256":
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        verifier = b64url(digest)
    if not same(verifier, challenge):
        raise OAuthError(400, "invalid_grant", "PKCE verification failed: Code mismatch")


def answer_token_request(issuer: Issuer, request: TokenRequest) -> dict[str, Any]:
    """Body of the answer to a token request. Raises OAuthError."""
    if request.form.repeated:
        raise OAuthError(400, "invalid_request", "duplicated parameter")
    return issuer.tokens.answer(GRANTS[request.form["grant_type"]](issuer, request))


def _client_credentials(issuer: Issuer, request: TokenRequest) -> Grant:
    client = request.client
    if client.public:
        text = "Public client not allowed to retrieve service account"
        raise OAuthError(401, "unauthorized_client", text)
    user = issuer.realm.service_account(client)
    if not client.service_account or user is None:
        text = "Client not enabled to retrieve service account"
        raise OAuthError(401, "unauthorized_client", text)
    if not user.enabled:
        text = f"User '{user.username}' disabled"
        raise OAuthError(401, "unauthorized_client", text)
    notes = (
        ("clientId", client.client_id),
        ("client_id", client.client_id),
        ("clientHost", request.address),
        ("clientAddress", request.address),
    )
    scopes = resolve_scopes(issuer.realm, client, request.form.get("scope"))
    return Grant(client, user, scopes, "cc", notes=notes)


def _password(issuer: Issuer, request: TokenRequest) -> Grant:
    client, form = request.client, request.form
    if not client.direct_grants:
        text = "Client not allowed for direct access grants"
        raise OAuthError(400, "unauthorized_client", text)
    scopes = resolve_scopes(issuer.realm, client, form.get("scope"))
    if "username" not in form:
        raise OAuthError(401, "invalid_request", "Missing parameter: username")
    user = check_password(issuer.realm, form["username"], form.get("password", ""))
    if user is None:
        raise OAuthError(400, "invalid_grant", "Invalid user credentials")
    if not user.enabled:
        raise OAuthError(400, "invalid_grant", "Account disabled")
    if not user.is_set_up:
        raise OAuthError(400, "invalid_grant", "Account is not fully set up")
    session = issuer.memory.open_session(user.id, auth_time=None)
    session.clients.add(client.client_id)
    return Grant(client, user, scopes, "ro", session)


def _refresh(issuer: Issuer, request: TokenRequest) -> Grant:
    client, form = request.client, request.form
    if "refresh_token" not in form:
        raise OAuthError(400, "invalid_request", "No refresh token")
    claims = issuer.tokens.read_refresh_token(form["refresh_token"])
    if claims["azp"] != client.client_id:
        text = "Invalid refresh token. Token client and authorized client don't match"
        raise OAuthError(400, "invalid_grant", text)
    session = issuer.memory.session(claims["sid"])
    if session is None:
        raise OAuthError(400, "invalid_grant", "Session not active")
    if client.client_id not in session.clients:
        raise OAuthError(400, "invalid_grant", "Session doesn't have required client")
    user = _session_user(issuer, session)
    scopes = _refreshed_scopes(issuer, client, str(claims["scope"]).split(), form.get("scope"))
    issuer.memory.touch(session)
    return Grant(client, user, scopes, "rt", session, acr=claims["acr"])


def _refreshed_scopes(
    issuer: Issuer, client: Client, granted: list[str], asked: str | None
) -> Scopes:
    """What was granted, less the optional scopes that are not asked for again.

    ``openid`` always stays, it is only hidden; it cannot be won by asking. Raises OAuthError.
    """
    if asked is None:
        return granted_scopes(issuer.realm, client, granted)
    words = asked.split()
    if not words or not set(words) <= {"openid", *granted}:
        raise OAuthError(400, "invalid_scope", f"Invalid scopes: {asked}")
    scopes = granted_scopes(issuer.realm, client, words)
    return replace(scopes, openid="openid" in granted, quiet="openid" not in words)


def _authorization_code(issuer: Issuer, request: TokenRequest) -> Grant:
    client, form = request.client, request.form
    if "code" not in form:
        raise OAuthError(400, "invalid_request", "Missing parameter: code")
    code, first = issuer.memory.take_code(form["code"])
    if code is None:
        raise OAuthError(400, "invalid_grant", "Code not valid")
    session = issuer.memory.session(code.session_id)
    if not first:
        # RFC 6749 §4.1.2: somebody else may have redeemed it, so take back what it gave.
        if session is not None:
            session.clients.discard(code.request.client_id)
        raise OAuthError(400, "invalid_grant", "Code not valid")
    if code.expires <= issuer.clock():
        raise OAuthError(400, "invalid_grant", "Code is expired")
    if code.request.redirect_uri != form.get("redirect_uri"):
        raise OAuthError(400, "invalid_grant", "Incorrect redirect_uri")
    if code.request.client_id != client.client_id:
        text = "Auth error: Found different client_id in clientSession"
        raise OAuthError(400, "invalid_grant", text)
    check_pkce(form, code.request.challenge, code.request.challenge_method)
    if session is None:
        raise OAuthError(400, "invalid_grant", "Session not active")
    user = _session_user(issuer, session)
    session.clients.add(client.client_id)
    issuer.memory.touch(session)
    scopes = granted_scopes(issuer.realm, client, (code.request.scope or "").split())
    return Grant(client, user, scopes, "ac", session, acr=code.acr, nonce=code.request.nonce)


def _device(issuer: Issuer, request: TokenRequest) -> Grant:
    client, form = request.client, request.form
    if not client.device_flow:
        text = "Client not allowed OAuth 2.0 Device Authorization Grant"
        raise OAuthError(400, "invalid_grant", text)
    if "device_code" not in form:
        raise OAuthError(400, "invalid_request", "Missing parameter: device_code")
    device = issuer.memory.device(form["device_code"])
    if device is None:
        raise OAuthError(400, "invalid_grant", "Device code not valid")
    if device.client_id != client.client_id:
        raise OAuthError(400, "invalid_grant", "unauthorized client")
    _check_device_progress(issuer, device)
    check_pkce(form, device.challenge, device.challenge_method)
    session = issuer.memory.session(device.session_id)
    issuer.memory.end_device(device)
    if session is None:
        raise OAuthError(400, "invalid_grant", "Session not active")
    user = _session_user(issuer, session)
    session.clients.add(client.client_id)
    issuer.memory.touch(session)
    scopes = granted_scopes(issuer.realm, client, (device.scope or "").split())
    return Grant(client, user, scopes, "dg", session)


def _check_device_progress(issuer: Issuer, device: Device) -> None:
    """Raise the errors of RFC 8628 §3.5 until the device may have its tokens."""
    now = issuer.clock()
    if device.expires <= now:
        raise OAuthError(400, "expired_token", "Device code is expired")
    interval = issuer.realm.lifespans.device_interval
    too_fast = device.last_poll is not None and now - device.last_poll < interval
    device.last_poll = now
    if too_fast:
        raise OAuthError(400, "slow_down", "Slow down")
    if device.state is DeviceState.DENIED:
        text = "The end user denied the authorization request"
        raise OAuthError(400, "access_denied", text)
    if device.state is DeviceState.PENDING:
        text = "The authorization request is still pending"
        raise OAuthError(400, "authorization_pending", text)


def _session_user(issuer: Issuer, session: UserSession) -> User:
    user = issuer.realm.user_by_id(session.user_id)
    if user is None or not user.enabled:
        raise OAuthError(400, "invalid_grant", "User disabled")
    return user


GRANTS: Mapping[str, Callable[[Issuer, TokenRequest], Grant]] = {
    "client_credentials": _client_credentials,
    "password": _password,
    "refresh_token": _refresh,
    "authorization_code": _authorization_code,
    DEVICE_GRANT: _device,
}
