"""Signed JSON in the compact form (RFC 7515 §7.1): RS256 and HS512, nothing else.

Written on top of ``cryptography`` because a general JWT library costs a fifth of the start time of
this process. The tests verify what is made here with PyJWT.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from f7t_identity.keys import SigningKey, b64url


class InvalidTokenError(Exception):
    """The text is no token, or the signature or the header is not what was asked for."""


def sign_rs256(claims: Mapping[str, Any], key: SigningKey) -> str:
    """Sign ``claims`` with RSASSA-PKCS1-v1_5 and SHA-256."""
    text = _signing_input({"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims)
    return f"{text}.{b64url(key.private.sign(text.encode('ascii'), PKCS1v15(), SHA256()))}"


def sign_hs512(claims: Mapping[str, Any], secret: bytes) -> str:
    """Sign ``claims`` with HMAC and SHA-512."""
    text = _signing_input({"alg": "HS512", "typ": "JWT"}, claims)
    return f"{text}.{b64url(hmac.digest(secret, text.encode('ascii'), hashlib.sha512))}"


def read_header(token: str) -> dict[str, Any]:
    """The header of a token, not verified. Raises InvalidTokenError."""
    return _decoded(token.partition(".")[0])


def read_rs256(token: str, key: RSAPrivateKey) -> dict[str, Any]:
    """Claims of a token signed with ``key``. Raises InvalidTokenError."""
    text, claims, signature = _split(token, "RS256")
    try:
        key.public_key().verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        raise InvalidTokenError from None
    return claims


def read_hs512(token: str, secret: bytes) -> dict[str, Any]:
    """Claims of a token signed with ``secret``. Raises InvalidTokenError."""
    text, claims, signature = _split(token, "HS512")
    if not hmac.compare_digest(signature, hmac.digest(secret, text, hashlib.sha512)):
        raise InvalidTokenError
    return claims


def _signing_input(header: Mapping[str, str], claims: Mapping[str, Any]) -> str:
    parts = (json.dumps(part, separators=(",", ":")).encode("utf-8") for part in (header, claims))
    return ".".join(map(b64url, parts))


def _split(token: str, algorithm: str) -> tuple[bytes, dict[str, Any], bytes]:
    """Signing input, claims and signature. Nothing in them may be trusted yet."""
    parts = token.split(".")
    if len(parts) != 3 or _decoded(parts[0]).get("alg") != algorithm:
        raise InvalidTokenError
    claims, signature = _decoded(parts[1]), _raw(parts[2])
    return f"{parts[0]}.{parts[1]}".encode("ascii"), claims, signature


def _raw(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidTokenError from None


def _decoded(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_raw(part))
    except (ValueError, RecursionError):
        raise InvalidTokenError from None
    if not isinstance(value, dict):
        raise InvalidTokenError
    return value
