"""Tokens that a server must refuse: put together from anything, signed by nobody."""

from __future__ import annotations

import base64
import json
from typing import Any

RS256 = {"alg": "RS256", "typ": "JWT"}
NO_SIGNATURE = b"\x01" * 256
"""As long as a signature of RS256, and none."""


def encoded(content: Any) -> str:  # noqa: ANN401
    """A segment of a JWT: `content` as JSON (bytes as they are), base64url without padding."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(claims: Any, *, header: Any = RS256, signature: bytes = NO_SIGNATURE) -> str:  # noqa: ANN401
    """A JWT with this payload and header, whose signature is no signature."""
    return ".".join(encoded(part) for part in (header, claims, signature))


def bearer(token: str) -> dict[str, str | None]:
    """The header that carries it."""
    return {"Authorization": f"Bearer {token}"}
