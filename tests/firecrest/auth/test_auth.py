"""Contract §2: the order of checks, the bodies, who the user is."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from f7t.auth import TokenVerifier, user_of
from f7t.errors import IdentityUnavailable, Unauthorized


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def _refusal(verifier: TokenVerifier, authorization: str | None) -> dict[str, str]:
    with pytest.raises(Unauthorized) as caught:
        await verifier.principal(authorization)
    return caught.value.body


async def test_good_token_names_its_user(issuer: Any) -> None:
    verifier = TokenVerifier(issuer.settings())
    principal = await verifier.principal(f"Bearer {issuer.token()}")
    assert principal.user == "test1"
    assert (await verifier.principal(f"bearer {issuer.token()}")).user == "test1"


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic dGVzdDE6dGVzdDEx"])
async def test_1_no_bearer(issuer: Any, value: str | None) -> None:
    body = await _refusal(TokenVerifier(issuer.settings()), value)
    assert body == {"message": "Unauthorized"}


@pytest.mark.parametrize(
    "token",
    [
        "abc",
        "<token>",
        "a.b",
        "a.b.c",
        "..",
        "é.é.é",
        f"{'[' * 3000}.x.y",
        f"{_segment({'alg': 'RS256'})}.bm90anNvbg.AAAA",
    ],
)
async def test_2_not_json(issuer: Any, token: str) -> None:
    body = await _refusal(TokenVerifier(issuer.settings()), f"Bearer {token}")
    assert body == {"message": "Bad token; invalid JSON"}


async def test_2_deeply_nested_json_is_no_crash(issuer: Any) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 20000).decode().rstrip("=")
    body = await _refusal(TokenVerifier(issuer.settings()), f"Bearer {deep}.{deep}.AAAA")
    assert body == {"message": "Bad token; invalid JSON"}


@pytest.mark.parametrize(
    ("header", "claims", "signature", "text"),
    [
        ({}, {"iss": "x"}, "AAAA", "Bad token; invalid alg"),
        ({"alg": "none"}, {"iss": "x"}, "AAAA", "Bad token; invalid alg"),
        ({"alg": ["RS256"]}, {"iss": "x"}, "AAAA", "Bad token; invalid alg"),
        ([], {"iss": "x"}, "AAAA", "Bad token; invalid alg"),
        ({"alg": "RS256"}, None, "AAAA", "Bad token; invalid claims"),
        ({"alg": "RS256"}, [1], "AAAA", "Bad token; invalid claims"),
        ({"alg": "RS256"}, {"iss": "x"}, "!", "Bad token; invalid signature"),
        ({"alg": "RS256"}, {}, "AAAA", "No mandatory 'iss' in claims"),
        ({"alg": "RS256"}, {"iss": "x"}, "AAAA", "No credentials found for given 'iss'"),
    ],
)
async def test_2b_to_4(
    issuer: Any, header: object, claims: object, signature: str, text: str
) -> None:
    token = f"{_segment(header)}.{_segment(claims)}.{signature}"
    body = await _refusal(TokenVerifier(issuer.settings()), f"Bearer {token}")
    assert body == {"message": text}


async def test_5_algorithm_is_pinned(issuer: Any) -> None:
    token = jwt.encode(issuer.claims(), "k" * 64, algorithm="HS256", headers={"kid": "first"})
    body = await _refusal(TokenVerifier(issuer.settings()), f"Bearer {token}")
    assert body == {"message": "Invalid algorithm"}


async def test_6_broken_signature_wins_over_expiry(issuer: Any) -> None:
    token = issuer.token(exp=1)
    broken = token[:-8] + ("AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB")
    body = await _refusal(TokenVerifier(issuer.settings()), f"Bearer {broken}")
    assert body == {"message": "Invalid signature"}


async def test_6_unknown_key(issuer: Any) -> None:
    issuer.add_key("foreign")
    token = issuer.sign(issuer.claims(), key_id="foreign")
    del issuer.keys["foreign"]
    body = await _refusal(TokenVerifier(issuer.settings()), f"Bearer {token}")
    assert body == {"message": "Invalid signature"}


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": "soon"}, {"exp": "must be a number"}),
        ({"exp": None}, {"exp": "must be a number"}),
        ({"exp": True}, {"exp": "must be a number"}),
        ({"exp": 1}, {"exp": "token expired"}),
        ({"nbf": "x"}, {"nbf": "must be a number"}),
        ({"nbf": time.time() + 900}, {"nbf": "token not valid yet"}),
        (
            {"exp": 1, "nbf": time.time() + 900},
            {"exp": "token expired", "nbf": "token not valid yet"},
        ),
    ],
)
async def test_7_to_9(issuer: Any, claims: dict[str, Any], expected: dict[str, str]) -> None:
    # PyJWT refuses to encode an `exp` that is no number, so the segments are signed by hand.
    verifier = TokenVerifier(issuer.settings())
    token = jwt.PyJWS().encode(
        json.dumps(issuer.claims(**claims)).encode(),
        issuer.keys["first"],
        algorithm="RS256",
        headers={"kid": "first"},
    )
    assert await _refusal(verifier, f"Bearer {token}") == expected


async def test_scope_and_audience(issuer: Any) -> None:
    verifier = TokenVerifier(issuer.settings())
    body = await _refusal(verifier, f"Bearer {issuer.token(scope='openid')}")
    assert body == {"description": "Scope 'firecrest' wasn't found in JWT"}
    strict = TokenVerifier(issuer.settings(audience="hpc"))
    body = await _refusal(strict, f"Bearer {issuer.token(aud=['other'])}")
    assert body == {"description": "Invalid audience in JWT token"}
    assert (await strict.principal(f"Bearer {issuer.token(aud=['other', 'hpc'])}")).user == "test1"


async def test_rotation_new_key_is_found_and_withdrawn_key_is_refused(issuer: Any) -> None:
    verifier = TokenVerifier(issuer.settings())
    old = issuer.token()
    await verifier.principal(f"Bearer {old}")
    issuer.add_key("second")
    del issuer.keys["first"]
    new = issuer.sign(issuer.claims(), key_id="second")
    assert (await verifier.principal(f"Bearer {new}")).user == "test1"
    assert await _refusal(verifier, f"Bearer {old}") == {"message": "Invalid signature"}


async def test_accepted_token_is_not_fetched_for_again_but_expires(
    issuer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = TokenVerifier(issuer.settings(refresh_interval=60))
    token = issuer.token()
    await verifier.principal(f"Bearer {token}")
    await verifier.principal(f"Bearer {token}")
    assert issuer.fetches == 1
    later = time.time() + 400
    monkeypatch.setattr(time, "time", lambda: later)
    assert await _refusal(verifier, f"Bearer {token}") == {"exp": "token expired"}


async def test_unknown_keys_are_not_fetched_at_every_request(issuer: Any) -> None:
    verifier = TokenVerifier(issuer.settings(refresh_interval=60))
    token = issuer.sign(issuer.claims(), kid="nobody", key_id=None)
    for _ in range(5):
        assert await _refusal(verifier, f"Bearer {token}") == {"message": "Invalid signature"}
    assert issuer.fetches == 1


async def test_issuer_away(issuer: Any) -> None:
    verifier = TokenVerifier(issuer.settings(jwks_url="http://127.0.0.1:1/certs"))
    with pytest.raises(IdentityUnavailable):
        await verifier.principal(f"Bearer {issuer.token()}")


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"preferred_username": "service-account-x"}, "service-account-x"),
        (
            {
                "preferred_username": "service-account-x",
                "realm_access": {"roles": ["firecrest-sa"]},
                "clientId": "x",
                "resource_access": {"x": {"roles": ["test1", "other"]}},
            },
            "test1",
        ),
        (
            {
                "preferred_username": "service-account-x",
                "realm_access": {"roles": ["firecrest-sa"]},
                "resource_access": {"x": {"roles": ["test1"]}},
            },
            "service-account-x",
        ),
        (
            {
                "preferred_username": "service-account-x",
                "realm_access": {"roles": ["other"]},
                "clientId": "x",
                "resource_access": {"x": {"roles": ["test1"]}},
            },
            "service-account-x",
        ),
        (
            {
                "preferred_username": "u",
                "realm_access": {"roles": ["firecrest-sa"]},
                "clientId": ["x"],
                "resource_access": {"x": {"roles": ["test1"]}},
            },
            "u",
        ),
        (
            {
                "preferred_username": "u",
                "realm_access": "firecrest-sa",
                "clientId": ["x"],
                "resource_access": [],
            },
            "u",
        ),
    ],
)
def test_user_rule(claims: dict[str, Any], user: str) -> None:
    assert user_of(claims, "firecrest-sa") == user


def test_no_user() -> None:
    with pytest.raises(Unauthorized) as caught:
        user_of({"sub": "x"}, "firecrest-sa")
    assert caught.value.body == {"description": "Bad header or JWT, general exception raised"}
