"""Making and checking tokens.

Access and ID tokens are RS256 JWTs that anybody can verify with the published keys; refresh tokens
are HS512 JWTs that only this issuer can read. Claims are those of Keycloak 26.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from f7t_identity.errors import OAuthError
from f7t_identity.jws import (
    InvalidTokenError,
    read_header,
    read_hs512,
    read_rs256,
    sign_hs512,
    sign_rs256,
)
from f7t_identity.keys import KeyRing, b64url
from f7t_identity.mappers import SESSION_NOTE, Claims, Subject, mapped_claims
from f7t_identity.realm import Client, Mapper, Realm, User
from f7t_identity.sessions import Memory, UserSession


@dataclass(frozen=True, slots=True)
class Scopes:
    """Client scopes granted to a request.

    ``quiet`` hides ``openid`` in answers: granted, but not asked for by this refresh.
    """

    openid: bool
    names: tuple[str, ...]
    shown: tuple[str, ...]
    quiet: bool = False

    @property
    def text(self) -> str:
        """Value of ``scope`` in answers and access tokens."""
        openid = ("openid",) if self.openid and not self.quiet else ()
        return " ".join((*openid, *self.shown))

    @property
    def full_text(self) -> str:
        """Value of ``scope`` in refresh tokens: also the scopes that are hidden elsewhere."""
        return " ".join((*(("openid",) if self.openid else ()), *self.names))


@dataclass(frozen=True, slots=True)
class Grant:
    """What was decided about a request, before any token is made.

    ``shortcut`` is Keycloak's two-letter name of the grant; ``session`` is None for client
    credentials, whose session is transient.
    """

    client: Client
    user: User
    scopes: Scopes
    shortcut: str
    session: UserSession | None = None
    acr: str = "1"
    nonce: str | None = None
    notes: tuple[tuple[str, str], ...] = ()


def resolve_scopes(realm: Realm, client: Client, requested: str | None) -> Scopes:
    """Default scopes of the client plus the requested optional ones.

    Raises OAuthError (``invalid_scope``) if a requested one is not the client's, or if the request
    names none although it has the parameter.
    """
    words = (requested or "").split()
    allowed = {"openid", *client.default_scopes, *client.optional_scopes}
    if (requested is not None and not words) or any(word not in allowed for word in words):
        raise OAuthError(400, "invalid_scope", f"Invalid scopes: {requested}")
    return granted_scopes(realm, client, words)


def granted_scopes(realm: Realm, client: Client, words: list[str]) -> Scopes:
    """Like `resolve_scopes`, but scopes the client does not have are left out."""
    optional = tuple(name for name in client.optional_scopes if name in words)
    names = tuple(dict.fromkeys((*client.default_scopes, *optional)))
    shown = tuple(name for name in names if realm.scopes[name].in_token_scope)
    return Scopes("openid" in words, names, shown)


class TokenMaker:
    """Signs tokens for one realm and reads them back."""

    def __init__(
        self, realm: Realm, keys: KeyRing, memory: Memory, issuer: str, clock: Callable[[], float]
    ) -> None:
        self._realm = realm
        self._keys = keys
        self._memory = memory
        self._issuer = issuer
        self._clock = clock

    def answer(self, grant: Grant) -> dict[str, Any]:
        """Body of a successful token response (RFC 6749 §5.1 with Keycloak's additions)."""
        now = int(self._clock())
        subject = _subject(grant)
        mappers = self._mappers(grant.client, grant.scopes)
        lifespan = self._access_lifespan(grant, now)
        access = self._sign(self._access_claims(grant, subject, mappers, now, now + lifespan))
        body: dict[str, Any] = {
            "access_token": access,
            "expires_in": lifespan,
            "refresh_expires_in": 0,
        }
        session = grant.session
        if session is not None:
            expires = int(session.expires(self._realm.lifespans))
            body["refresh_expires_in"] = max(expires - now, 0)
            body["refresh_token"] = self._refresh_token(grant, session, now, expires)
        body["token_type"] = "Bearer"
        if grant.scopes.openid:
            body["id_token"] = self._sign(
                self._id_claims(grant, subject, mappers, now, now + lifespan, access)
            )
        body["not-before-policy"] = 0
        if session is not None:
            body["session_state"] = session.id
        body["scope"] = grant.scopes.text
        return body

    def read_access_token(self, token: str) -> Claims | None:
        """Claims of an access token that is genuine, current, unrevoked and has a live session."""
        claims = self._verified(token, verify_exp=True)
        if (
            claims is None
            or claims.get("typ") != "Bearer"
            or self._memory.is_revoked(claims["jti"])
        ):
            return None
        sid = claims.get("sid")
        if sid is not None:
            session = self._memory.session(sid)
            if session is None or claims.get("azp") not in session.clients:
                return None
        return claims

    def read_id_token_hint(self, token: str) -> Claims | None:
        """Claims of an ID token of ours, however old (OpenID Connect RP-Initiated Logout §2)."""
        claims = self._verified(token, verify_exp=False)
        return claims if claims is not None and claims.get("typ") == "ID" else None

    def read_refresh_token(self, token: str) -> Claims:
        """Claims of a refresh token. Raises OAuthError (``invalid_grant``)."""
        try:
            claims: Claims = read_hs512(token, self._keys.refresh_secret)
        except InvalidTokenError:
            raise OAuthError(400, "invalid_grant", "Invalid refresh token") from None
        if claims.get("typ") != "Refresh" or claims.get("iss") != self._issuer:
            raise OAuthError(400, "invalid_grant", "Invalid refresh token")
        if claims["exp"] <= self._clock():
            raise OAuthError(400, "invalid_grant", "Token is not active")
        return claims

    def userinfo(self, claims: Claims, client: Client, user: User) -> Claims:
        """Claims of the userinfo answer (OpenID Connect Core §5.3)."""
        scopes = granted_scopes(self._realm, client, str(claims["scope"]).split())
        grant = Grant(client, user, scopes, "", acr=str(claims.get("acr", "1")))
        mapped = mapped_claims(self._mappers(client, scopes), "userinfo", _subject(grant))
        return {"sub": user.id, **mapped}

    def note_claims(self, client: Client, scope: str) -> set[str]:
        """Names of the claims of such a token that come from notes of its session."""
        mappers = self._mappers(client, granted_scopes(self._realm, client, scope.split()))
        return {mapper.config["claim.name"] for mapper in mappers if mapper.kind == SESSION_NOTE}

    def _mappers(self, client: Client, scopes: Scopes) -> list[Mapper]:
        found = list(client.mappers)
        for name in scopes.names:
            found.extend(self._realm.scopes[name].mappers)
        return found

    def _access_lifespan(self, grant: Grant, now: int) -> int:
        lifespan = grant.client.access_token_lifespan or self._realm.lifespans.access_token
        if grant.session is None:
            return lifespan
        return max(min(lifespan, int(grant.session.ends(self._realm.lifespans)) - now), 0)

    def _access_claims(
        self, grant: Grant, subject: Subject, mappers: list[Mapper], now: int, expires: int
    ) -> Claims:
        mapped = mapped_claims(mappers, "access", subject)
        kind = "on" if grant.session is not None else "tr"
        claims: Claims = {
            "exp": expires,
            "iat": now,
            "jti": f"{kind}rt{grant.shortcut}:{uuid.uuid4()}",
            "iss": self._issuer,
            "typ": "Bearer",
            "azp": grant.client.client_id,
            "scope": grant.scopes.text,
        }
        audience = mapped.pop("aud", [])
        if audience:
            claims["aud"] = audience if len(audience) > 1 else audience[0]
        if grant.session is not None:
            claims["sid"] = grant.session.id
        return {**mapped, **claims}

    def _id_claims(
        self,
        grant: Grant,
        subject: Subject,
        mappers: list[Mapper],
        now: int,
        expires: int,
        access: str,
    ) -> Claims:
        digest = hashlib.sha256(access.encode("ascii")).digest()[:16]
        claims: Claims = {
            "exp": expires,
            "iat": now,
            "jti": str(uuid.uuid4()),
            "iss": self._issuer,
            "aud": grant.client.client_id,
            "sub": grant.user.id,
            "typ": "ID",
            "azp": grant.client.client_id,
            "at_hash": b64url(digest),
        }
        if grant.session is not None:
            claims["sid"] = grant.session.id
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        return {**mapped_claims(mappers, "id", subject), **claims}

    def _refresh_token(self, grant: Grant, session: UserSession, now: int, expires: int) -> str:
        claims = {
            "exp": expires,
            "iat": now,
            "jti": str(uuid.uuid4()),
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": grant.user.id,
            "typ": "Refresh",
            "azp": grant.client.client_id,
            "sid": session.id,
            "acr": grant.acr,
            "scope": grant.scopes.full_text,
        }
        return sign_hs512(claims, self._keys.refresh_secret)

    def _sign(self, claims: Claims) -> str:
        return sign_rs256(claims, self._keys.current)

    def _verified(self, token: str, *, verify_exp: bool) -> Claims | None:
        try:
            key = self._keys.find(read_header(token).get("kid"))
            claims = read_rs256(token, key.private) if key is not None else None
        except InvalidTokenError:
            return None
        if claims is None or claims.get("iss") != self._issuer:
            return None
        return None if verify_exp and claims["exp"] <= self._clock() else claims


def _subject(grant: Grant) -> Subject:
    notes: dict[str, str | int] = dict(grant.notes)
    if grant.session is not None and grant.session.auth_time is not None:
        notes["AUTH_TIME"] = grant.session.auth_time
    return Subject(grant.user, grant.client, notes, grant.acr)
