"""From a bearer token to a principal: contract §2, in its order of checks.

The bodies are those of the API gateway (§2.1); scope and audience answer as the services do (§2.2).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK, PyJWKSet
from jwt.algorithms import get_default_algorithms
from jwt.exceptions import PyJWTError

from f7t.errors import IdentityUnavailable, Unauthorized
from f7t.public_keys import public_keys
from f7t.settings import AuthSettings

_log = logging.getLogger(__name__)
_BEARER = re.compile(r"^\s*[Bb]earer\s+(\S+)\s*$")
_KNOWN_ALGORITHMS = frozenset(get_default_algorithms()) - {"none"}
_KINDS: Mapping[str, type] = {
    "RS": RSAPublicKey,
    "PS": RSAPublicKey,
    "ES": EllipticCurvePublicKey,
    "Ed": Ed25519PublicKey,
}
"""Which key an algorithm needs, by its first letters. HS is absent: with a public key, everybody
could sign."""
_REMEMBERED_TOKENS = 4096
_FETCHING_LIMIT = 5.0
_KEYS_LIMIT = 1 << 20
_KEYS_LIFETIME = 300.0
"""Seconds after which keys are fetched anew, so that a withdrawn key stops to count."""


@dataclass(frozen=True)
class Principal:
    """Who calls: the POSIX user of the token (contract §2.3)."""

    user: str
    expires_at: float


@dataclass(frozen=True)
class _Token:
    algorithm: str
    key_id: object
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def _message(text: str) -> Unauthorized:
    return Unauthorized({"message": text})


def bearer_token(authorization: str | None) -> str:
    """The token of an `Authorization` header value; raises `Unauthorized` (check 1)."""
    match = _BEARER.match(authorization or "")
    if not match:
        raise _message("Unauthorized")
    return match.group(1)


def _decode(segment: str) -> bytes:
    padded = segment + "=" * (-len(segment) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)


def _decode_json(segment: str) -> object:
    try:
        return json.loads(_decode(segment))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _message("Bad token; invalid JSON") from error


def _parse(token: str) -> _Token:
    """Checks 2 and 2b."""
    segments = token.split(".")
    if len(segments) != 3 or not all(segments):
        raise _message("Bad token; invalid JSON")
    header, claims = _decode_json(segments[0]), _decode_json(segments[1])
    algorithm = header.get("alg") if isinstance(header, dict) else None
    key_id = header.get("kid") if isinstance(header, dict) else None
    if not isinstance(algorithm, str) or algorithm not in _KNOWN_ALGORITHMS:
        raise _message("Bad token; invalid alg")
    if not isinstance(claims, dict):
        raise _message("Bad token; invalid claims")
    try:
        signature = _decode(segments[2])
    except (binascii.Error, ValueError) as error:
        raise _message("Bad token; invalid signature") from error
    signed = f"{segments[0]}.{segments[1]}".encode("ascii")
    return _Token(algorithm, key_id, claims, signed, signature)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """Checks 7, 8 and 9: all bad claims in one object."""
    bad: dict[str, str] = {}
    expires = claims.get("exp")
    if not _is_number(expires):
        bad["exp"] = "must be a number"
    elif expires <= now:  # type: ignore[operator]
        bad["exp"] = "token expired"
    if "nbf" in claims:
        if not _is_number(claims["nbf"]):
            bad["nbf"] = "must be a number"
        elif claims["nbf"] > now:
            bad["nbf"] = "token not valid yet"
    if bad:
        raise Unauthorized(bad)


def _words(claims: Mapping[str, Any], name: str) -> list[str]:
    value = claims.get(name)
    if isinstance(value, str):
        return value.split()
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _roles(container: object) -> list[Any]:
    roles = container.get("roles") if isinstance(container, Mapping) else None
    return roles if isinstance(roles, list) else []


def user_of(claims: Mapping[str, Any], service_account_role: str) -> str:
    """The POSIX user of a token's claims (contract §2.3); `Unauthorized` if there is none."""
    client = claims.get("clientId", claims.get("client_id"))
    access = claims.get("resource_access")
    if service_account_role and service_account_role in _roles(claims.get("realm_access")):
        roles = (
            _roles(access.get(client))
            if isinstance(access, Mapping) and isinstance(client, str)
            else []
        )
        if roles and isinstance(roles[0], str):
            return roles[0]
    user = claims.get("preferred_username")
    if not isinstance(user, str) or not user:
        raise Unauthorized({"description": "Bad header or JWT, general exception raised"})
    return user


class _NoRedirects(HTTPRedirectHandler):
    """The keys are where the settings say, or nowhere."""

    def redirect_request(self, *_: object) -> None:
        """The answer counts as a failure."""


def _fetched(url: str) -> bytes:
    """What is at `url`; raises OSError, `HTTPException` or ValueError.

    The standard library's client in a thread: it is used once in some minutes, and any other costs
    every worker megabytes.
    """
    opener = build_opener(ProxyHandler({}), _NoRedirects)
    with opener.open(url, timeout=_FETCHING_LIMIT) as answer:
        body: bytes = answer.read(_KEYS_LIMIT)
    return body


class KeySet:
    """The issuer's public keys (RFC 7517), fetched when needed and when a key id is unknown."""

    def __init__(self, settings: AuthSettings) -> None:
        self._url = settings.jwks_url
        self._interval = settings.refresh_interval
        self._keys: dict[str | None, PyJWK] = {}
        self._fetched = float("-inf")
        self._lock = asyncio.Lock()
        self.generation = 0
        """Grows whenever the set of keys changed."""

    @property
    def stale(self) -> bool:
        """Whether the keys are due to be fetched anew."""
        return self._is_older_than(_KEYS_LIFETIME)

    async def candidates(self, key_id: object) -> list[PyJWK]:
        """Keys that may have signed a token with header `kid`; raises `IdentityUnavailable`."""
        if not isinstance(key_id, str):
            if self.stale:
                await self._refresh()
            return list(self._keys.values())
        if self.stale or key_id not in self._keys:
            await self._refresh()
        return [self._keys[key_id]] if key_id in self._keys else []

    def _is_older_than(self, seconds: float) -> bool:
        return time.monotonic() - self._fetched > seconds

    async def _refresh(self) -> None:
        async with self._lock:
            if not self._is_older_than(self._interval):
                return
            try:
                document = json.loads(await asyncio.to_thread(_fetched, self._url))
                keys = {key.key_id: key for key in PyJWKSet.from_dict(document).keys}
            except (OSError, HTTPException, ValueError, PyJWTError) as error:
                _log.warning("issuer's keys not fetched: %s", type(error).__name__)
                if not self._keys:
                    raise IdentityUnavailable(str(error)) from error
            else:
                if keys.keys() != self._keys.keys():
                    self.generation += 1
                self._keys = keys
            self._fetched = time.monotonic()


class StaticKeys:
    """Public keys of the settings: whatever key id a token names, each of them may be it."""

    generation = 0
    stale = False

    def __init__(self, settings: AuthSettings) -> None:
        known = get_default_algorithms()
        self._keys: list[PyJWK] = []
        for key in public_keys(settings.public_keys):
            for algorithm in settings.algorithms:
                if algorithm in known and isinstance(key, _KINDS.get(algorithm[:2], ())):
                    jwk = known[algorithm].to_jwk(key, as_dict=True)
                    self._keys.append(PyJWK(jwk, algorithm))

    async def candidates(self, key_id: object) -> list[PyJWK]:
        """Keys that may have signed any token."""
        return self._keys


class TokenVerifier:
    """Accepts or refuses tokens; remembers the accepted ones until they expire."""

    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings
        self._keys = StaticKeys(settings) if settings.public_keys else KeySet(settings)
        self._accepted: OrderedDict[str, Principal] = OrderedDict()
        self._generation = 0

    async def principal(self, authorization: str | None) -> Principal:
        """The principal of an `Authorization` header value.

        Raises:
            Unauthorized: with the body of the first failing check (contract §2.1, §2.2).
            IdentityUnavailable: the issuer's keys could not be fetched.
        """
        text = bearer_token(authorization)
        known = self._remembered(text)
        if known:
            return known
        token = _parse(text)
        self._check_issuer(token)
        await self._check_signature(token)
        _check_times(token.claims, time.time())
        self._check_scope(token.claims)
        user = user_of(token.claims, self._settings.service_account_role)
        principal = Principal(user, float(token.claims["exp"]))
        self._accepted[text] = principal
        if len(self._accepted) > _REMEMBERED_TOKENS:
            self._accepted.popitem(last=False)
        return principal

    def _remembered(self, text: str) -> Principal | None:
        if self._generation != self._keys.generation:
            self._accepted.clear()
            self._generation = self._keys.generation
        known = None if self._keys.stale else self._accepted.get(text)
        if known and known.expires_at > time.time():
            return known
        self._accepted.pop(text, None)
        return None

    def _check_issuer(self, token: _Token) -> None:
        """Checks 3, 4 and 5."""
        issuer = token.claims.get("iss")
        if not issuer:
            raise _message("No mandatory 'iss' in claims")
        if issuer != self._settings.issuer:
            raise _message("No credentials found for given 'iss'")
        if token.algorithm not in self._settings.algorithms:
            raise _message("Invalid algorithm")

    async def _check_signature(self, token: _Token) -> None:
        """Check 6."""
        for key in await self._keys.candidates(token.key_id):
            if key.algorithm_name == token.algorithm and key.Algorithm.verify(
                token.signed, key.key, token.signature
            ):
                return
        raise _message("Invalid signature")

    def _check_scope(self, claims: Mapping[str, Any]) -> None:
        audience = self._settings.audience
        if audience and audience not in _words(claims, "aud"):
            raise Unauthorized({"description": "Invalid audience in JWT token"})
        scope = self._settings.required_scope
        if scope and scope not in _words(claims, "scope"):
            raise Unauthorized({"description": f"Scope '{scope}' wasn't found in JWT"})
