"""Endpoints that programs call: token, introspection, userinfo, revocation, keys, discovery."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from f7t_identity.errors import BearerError, OAuthError
from f7t_identity.forms import Form, authenticate_client, parse_form, read_form
from f7t_identity.grants import DEVICE_GRANT, GRANTS, Issuer, TokenRequest, answer_token_request
from f7t_identity.keys import KeyRing
from f7t_identity.mappers import resolved_origins
from f7t_identity.realm import Client

_log = logging.getLogger("f7t_identity")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_METHODS = "Access-Control-Allow-Methods"
_EXPOSED_BY_USERINFO = f"{_METHODS}, WWW-Authenticate"
_CHALLENGE = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def allow_origin(origin: str, expose: str | None = None) -> dict[str, str]:
    """Headers that let a page of ``origin`` read the answer (Fetch standard, CORS).

    ``expose`` lists the headers it may read beside the usual ones.
    """
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
    return headers if expose is None else {**headers, "Access-Control-Expose-Headers": expose}


def any_origin(request: Request, expose: str | None = None) -> dict[str, str]:
    """CORS headers of public documents: every origin may read them."""
    origin = request.headers.get("origin")
    return allow_origin(origin, expose) if origin else {}


def checked_challenge(client: Client, form: Mapping[str, str]) -> tuple[str | None, str]:
    """Code challenge and method of an authorization request (RFC 7636 §4.4.1).

    Raises OAuthError (``invalid_request``), also when the client insists on PKCE and none is given.
    """
    challenge, method = form.get("code_challenge"), form.get("code_challenge_method")
    if client.pkce_method is not None and method is None:
        raise OAuthError(400, "invalid_request", "Missing parameter: code_challenge_method")
    if client.pkce_method is not None and method != client.pkce_method:
        text = "Invalid parameter: code challenge method is not matching the configured one"
        raise OAuthError(400, "invalid_request", text)
    if challenge is None:
        if method is not None:
            raise OAuthError(400, "invalid_request", "Missing parameter: code_challenge")
        return None, "plain"
    if method not in (None, "plain", "S256"):
        raise OAuthError(400, "invalid_request", "Invalid parameter: code_challenge_method")
    if not _CHALLENGE.fullmatch(challenge):
        raise OAuthError(400, "invalid_request", "Invalid parameter: code_challenge")
    return challenge, method or "plain"


def _bad_grant_type(form: Form) -> OAuthError:
    if "grant_type" not in form:
        return OAuthError(400, "invalid_request", "Missing form parameter: grant_type")
    return OAuthError(400, "unsupported_grant_type", "Unsupported grant_type")


class MachineEndpoints:
    """The endpoints under ``protocol/openid-connect`` that answer JSON."""

    def __init__(self, issuer: Issuer, keys: KeyRing, public_url: str) -> None:
        self._issuer = issuer
        self._keys = keys
        self._public = f"{public_url}/realms/{issuer.realm.name}"

    async def token(self, request: Request) -> Response:
        """Token endpoint (RFC 6749 §3.2)."""
        form = await read_form(request)
        kind = form.get("grant_type", "")
        if kind not in GRANTS:
            error = _bad_grant_type(form)
            return JSONResponse(error.body(), error.status, _NO_STORE)
        cors = self._origin_headers(request, form)
        if cors is None:
            return JSONResponse({"error": "Invalid origin"}, 403, _NO_STORE)
        try:
            client = authenticate_client(self._issuer.realm, request.headers, form)
            address = request.client.host if request.client is not None else ""
            body = answer_token_request(self._issuer, TokenRequest(client, form, address))
        except OAuthError as error:
            self._log_refusal(kind, form, error)
            return JSONResponse(error.body(), error.status, {**_NO_STORE, **cors})
        _log.info("token issued", extra={"grant": kind, "client": client.client_id})
        return JSONResponse(body, headers={**_NO_STORE, **cors})

    def _log_refusal(self, kind: str, form: Form, error: OAuthError) -> None:
        # Nothing the caller chose, except a client id that exists: people paste secrets into the
        # wrong field, and the text about an invalid scope repeats what was sent.
        known = form.get("client_id", "")
        extra = {"grant": kind, "client": known if known in self._issuer.realm.clients else None}
        reason = "" if error.error == "invalid_scope" else f" ({error.description})"
        _log.info("token refused: %s%s", error.error, reason, extra=extra)

    def _origin_headers(self, request: Request, form: Form) -> dict[str, str] | None:
        """CORS headers for the calling page; None if its origin is not one of the client's."""
        origin = request.headers.get("origin")
        if origin is None:
            return {}
        client = self._issuer.realm.clients.get(form.get("client_id", ""))
        if client is None:
            return {}
        allowed = resolved_origins(client)
        own = "/".join(self._public.split("/")[:3])
        mine = {origin, "*"} & {*allowed, own}
        return allow_origin(origin, _METHODS) if mine else None

    async def device(self, request: Request) -> Response:
        """Device authorization endpoint (RFC 8628 §3.1)."""
        form = await read_form(request)
        client = authenticate_client(self._issuer.realm, request.headers, form)
        if not client.device_flow:
            text = (
                "Client is not allowed to initiate OAuth 2.0 Device Authorization Grant."
                " The flow is disabled for the client."
            )
            raise OAuthError(400, "unauthorized_client", text)
        challenge, method = checked_challenge(client, form)
        device = self._issuer.memory.begin_device(
            client.client_id, form.get("scope"), challenge, method
        )
        page = f"{self._public}/device"
        body = {
            "device_code": device.code,
            "user_code": device.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={device.user_code}",
            "expires_in": self._issuer.realm.lifespans.device_code,
            "interval": self._issuer.realm.lifespans.device_interval,
        }
        return JSONResponse(body, headers=_NO_STORE)

    async def introspect(self, request: Request) -> Response:
        """Token introspection (RFC 7662); only for a client the token's audience names."""
        form = await read_form(request)
        try:
            client = authenticate_client(self._issuer.realm, request.headers, form)
        except OAuthError as error:
            if error.error != "unauthorized_client":
                raise
            raise OAuthError(401, "invalid_client", "Client authentication failed.") from None
        if client.public:
            raise OAuthError(403, "invalid_request", "Client not allowed.")
        if "token" not in form:
            raise OAuthError(400, "invalid_request", "Token not provided.")
        claims = self._issuer.tokens.read_access_token(form["token"])
        audience = (claims or {}).get("aud", [])
        named = client.client_id in ([audience] if isinstance(audience, str) else audience)
        if claims is None or not named:
            return JSONResponse({"active": False}, headers=_NO_STORE)
        if "sid" not in claims:
            # The notes of a transient session are gone once its token was made.
            gone = self._issuer.tokens.note_claims(client, str(claims["scope"]))
            claims = {name: value for name, value in claims.items() if name not in gone}
        more = {
            "client_id": claims["azp"],
            "username": claims.get("preferred_username"),
            "token_type": "Bearer",
            "active": True,
        }
        return JSONResponse({**claims, **more}, headers=_NO_STORE)

    async def revoke(self, request: Request) -> Response:
        """Token revocation (RFC 7009). A refresh token takes the client's session along."""
        form = await read_form(request)
        client = authenticate_client(self._issuer.realm, request.headers, form)
        if "token" not in form:
            raise OAuthError(400, "invalid_request", "Token not provided")
        tokens, memory = self._issuer.tokens, self._issuer.memory
        claims = tokens.read_access_token(form["token"])
        if claims is None:
            try:
                claims = tokens.read_refresh_token(form["token"])
            except OAuthError:
                raise OAuthError(200, "invalid_token", "Invalid token") from None
        if claims["azp"] != client.client_id:
            raise OAuthError(400, "invalid_request", "Unmatching clients")
        if claims["typ"] == "Bearer":
            memory.revoke(claims["jti"], float(claims["exp"]))
            return Response()
        session = memory.session(claims["sid"])
        if session is not None:
            session.clients.discard(client.client_id)
            if not session.clients:
                memory.close_session(session.id)
        return Response()

    async def userinfo(self, request: Request) -> Response:
        """Userinfo endpoint (OpenID Connect Core §5.3)."""
        try:
            return await self._userinfo(request)
        except BearerError as error:
            headers = {
                **_NO_STORE,
                **any_origin(request, _EXPOSED_BY_USERINFO),
                "WWW-Authenticate": error.challenge(self._issuer.realm.name),
            }
            return PlainTextResponse("", error.status, headers)

    async def _userinfo(self, request: Request) -> Response:
        token = await self._bearer(request)
        claims = self._issuer.tokens.read_access_token(token)
        if claims is None:
            raise BearerError(401, "invalid_token", "Token verification failed")
        if "openid" not in str(claims["scope"]).split():
            raise BearerError(403, "insufficient_scope", "Missing openid scope")
        client = self._issuer.realm.clients.get(claims["azp"])
        user = self._issuer.realm.user_by_id(str(claims.get("sub")))
        if client is None or user is None or not user.enabled:
            raise BearerError(401, "invalid_token", "Token verification failed")
        body = self._issuer.tokens.userinfo(claims, client, user)
        origin = request.headers.get("origin")
        allowed = origin is not None and origin in claims.get("allowed-origins", [])
        cors = any_origin(request, _METHODS) if allowed else {}
        fresh = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
        return JSONResponse(body, headers={**fresh, **cors})

    async def _bearer(self, request: Request) -> str:
        """The access token from the header or the form, one of them only (RFC 6750 §2)."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        header = value.strip() if scheme.lower() == "bearer" else None
        form = await read_form(request) if request.method == "POST" else Form()
        sent = form.get("access_token")
        if header and sent:
            raise BearerError(
                400, "invalid_request", "More than one method used for including an access token"
            )
        if not (header or sent):
            raise BearerError(401)
        return header or sent or ""

    async def certs(self, request: Request) -> Response:
        """Published keys (RFC 7517), newest first."""
        keys = [dict(key.jwk) for key in self._keys.all()]
        headers = {"Cache-Control": "no-cache", **any_origin(request)}
        return JSONResponse({"keys": keys}, headers=headers)

    async def realm(self, request: Request) -> Response:
        """The realm's root document: its name and the key that signs."""
        body = {
            "realm": self._issuer.realm.name,
            "public_key": self._keys.current.public_der,
            "token-service": f"{self._public}/protocol/openid-connect",
            "account-service": f"{self._public}/account",
            "tokens-not-before": 0,
        }
        return JSONResponse(body, headers={"Cache-Control": "no-cache", **any_origin(request)})

    async def discovery(self, request: Request) -> Response:
        """OpenID Connect Discovery.

        Pages for people have the fixed front address. Addresses for programs follow the caller, as
        Keycloak does with ``hostname-backchannel-dynamic``: one issuer string, any route to it.
        """
        host = request.headers.get("host", "")
        prefix = request.url.path.partition("/.well-known/")[0]
        direct = f"{request.url.scheme}://{host}{prefix}" if _HOST.fullmatch(host) else self._public
        body = self._document(
            f"{self._public}/protocol/openid-connect", f"{direct}/protocol/openid-connect"
        )
        headers = {
            "Cache-Control": "no-cache, must-revalidate, no-transform, no-store",
            **any_origin(request),
        }
        return JSONResponse(body, headers=headers)

    def _document(self, front: str, back: str) -> dict[str, object]:
        client_authentication = ["client_secret_basic", "client_secret_post"]
        return {
            "issuer": self._public,
            "authorization_endpoint": f"{front}/auth",
            "token_endpoint": f"{back}/token",
            "introspection_endpoint": f"{back}/token/introspect",
            "userinfo_endpoint": f"{back}/userinfo",
            "end_session_endpoint": f"{front}/logout",
            "jwks_uri": f"{back}/certs",
            "grant_types_supported": [
                "authorization_code",
                "client_credentials",
                "password",
                "refresh_token",
                DEVICE_GRANT,
            ],
            "acr_values_supported": ["0", "1"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment"],
            "subject_types_supported": ["public"],
            "prompt_values_supported": ["none", "login"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": client_authentication,
            "introspection_endpoint_auth_methods_supported": client_authentication,
            "revocation_endpoint_auth_methods_supported": client_authentication,
            "claims_supported": [
                *("iss", "sub", "aud", "exp", "iat", "auth_time", "name", "given_name"),
                *("family_name", "preferred_username", "email", "acr", "azp", "nonce"),
            ],
            "claim_types_supported": ["normal"],
            "claims_parameter_supported": False,
            "scopes_supported": ["openid", *self._issuer.realm.scopes],
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "code_challenge_methods_supported": ["plain", "S256"],
            "revocation_endpoint": f"{back}/revoke",
            "device_authorization_endpoint": f"{back}/auth/device",
            "authorization_response_iss_parameter_supported": True,
        }


def query_form(request: Request) -> Form:
    """The query of a request as a form. Raises OAuthError."""
    return parse_form(request.url.query)
