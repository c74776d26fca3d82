"""Forged tokens are what they should be: well-formed, with claims that can be read, unsigned."""

from __future__ import annotations

import base64
import json

from f7t_conformance.tokens import bearer, encoded, forged


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def test_forged_token_carries_claims_header_and_signature() -> None:
    header, claims, signature = forged(
        {"iss": "x"}, header={"alg": "none"}, signature=b"\xff"
    ).split(".")
    assert json.loads(decoded(header)) == {"alg": "none"}
    assert json.loads(decoded(claims)) == {"iss": "x"}
    assert decoded(signature) == b"\xff"


def test_bytes_are_encoded_as_they_are() -> None:
    assert decoded(encoded(b"no JSON")) == b"no JSON"


def test_no_padding_and_no_characters_that_urls_escape() -> None:
    assert not set(encoded(bytes(range(256)))) & set("+/=")


def test_bearer() -> None:
    assert bearer("abc") == {"Authorization": "Bearer abc"}
