"""Public keys written into settings, as upstream's environment files hold them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

_BEGIN = "-----BEGIN PUBLIC KEY-----"
_END = "-----END PUBLIC KEY-----"


def public_keys(texts: Iterable[str]) -> list[PublicKeyTypes]:
    """The keys of texts that are PEM, or the base64 of it alone (SubjectPublicKeyInfo, RFC 5280).

    Raises:
        ValueError: which of them, counted from 1, is no such key.
    """
    return [_public_key(text, number) for number, text in enumerate(texts, start=1)]


def _public_key(text: str, number: int) -> PublicKeyTypes:
    bare = "".join(text.replace(_BEGIN, "").replace(_END, "").split())
    try:
        return load_der_public_key(base64.b64decode(bare, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise ValueError(f"key {number} is no public key in base64") from None
