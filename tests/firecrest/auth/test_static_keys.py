"""Public keys in the settings instead of an address where they are fetched (platform.md §5)."""

from __future__ import annotations

import base64
import hmac
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from f7t.auth import TokenVerifier
from f7t.errors import Unauthorized

_CURVE_KEY = ec.generate_private_key(ec.SECP256R1())


def _bare(key: PublicKeyTypes) -> str:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def _pem(key: PublicKeyTypes) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _verifier(issuer: Any, *keys: str, **more: Any) -> TokenVerifier:
    return TokenVerifier(issuer.settings(jwks_url="", public_keys=keys, **more))


async def test_nothing_is_fetched(issuer: Any) -> None:
    for written in (_bare, _pem):
        verifier = _verifier(issuer, written(issuer.keys["first"].public_key()))
        for _ in range(2):
            principal = await verifier.principal(f"Bearer {issuer.token()}")
            assert principal.user == "test1"
    assert issuer.fetches == 0


async def test_any_of_several_keys_whatever_the_token_calls_it(issuer: Any) -> None:
    issuer.add_key("second")
    keys = [_bare(key.public_key()) for key in issuer.keys.values()]
    verifier = _verifier(issuer, _bare(_CURVE_KEY.public_key()), *keys)
    for key_id in ("first", "second"):
        token = issuer.sign(issuer.claims(), key_id=key_id, kid="another name")
        assert (await verifier.principal(f"Bearer {token}")).user == "test1"


async def test_a_foreign_key(issuer: Any) -> None:
    issuer.add_key("foreign")
    verifier = _verifier(issuer, _bare(issuer.keys["first"].public_key()))
    token = issuer.sign(issuer.claims(), key_id="foreign")
    with pytest.raises(Unauthorized) as caught:
        await verifier.principal(f"Bearer {token}")
    assert caught.value.body == {"message": "Invalid signature"}


async def test_each_key_serves_its_own_kind_of_algorithm(issuer: Any) -> None:
    verifier = _verifier(issuer, _bare(_CURVE_KEY.public_key()), algorithms=["RS256", "ES256"])
    token = jwt.encode(issuer.claims(), _CURVE_KEY, algorithm="ES256")
    assert (await verifier.principal(f"Bearer {token}")).user == "test1"


async def test_a_public_key_is_no_shared_secret(issuer: Any) -> None:
    """Everybody knows it: HS256 with it must not do, even if somebody allows that algorithm."""
    text = _bare(issuer.keys["first"].public_key())
    verifier = _verifier(issuer, text, algorithms=["RS256", "HS256"])
    for secret in (text.encode(), base64.b64decode(text)):
        # By hand: PyJWT refuses to sign with what looks like a public key.
        head, claims, _ = jwt.encode(issuer.claims(), "k" * 64, algorithm="HS256").split(".")
        digest = hmac.digest(secret, f"{head}.{claims}".encode(), "sha256")
        token = f"{head}.{claims}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        with pytest.raises(Unauthorized) as caught:
            await verifier.principal(f"Bearer {token}")
        assert caught.value.body == {"message": "Invalid signature"}


@pytest.mark.parametrize("text", ["", "AAAA", "no base64!", "-----BEGIN PUBLIC KEY-----"])
def test_what_is_no_key_is_told_at_start(issuer: Any, text: str) -> None:
    good = _bare(issuer.keys["first"].public_key())
    with pytest.raises(ValidationError, match="key 2 is no public key in base64"):
        issuer.settings(jwks_url="", public_keys=[good, text])


def test_one_source_of_keys(issuer: Any) -> None:
    key = _bare(issuer.keys["first"].public_key())
    for changes in ({"public_keys": [key]}, {"jwks_url": ""}):
        with pytest.raises(ValidationError, match="exactly one of jwks_url and public_keys"):
            issuer.settings(**changes)
