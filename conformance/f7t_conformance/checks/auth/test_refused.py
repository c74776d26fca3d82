"""§2.1: the order in which a token is checked, and what each failure says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from f7t_conformance.api import Answer, Api, Unexpected
from f7t_conformance.binding import requirement
from f7t_conformance.configuration import Settings
from f7t_conformance.contract import operations
from f7t_conformance.tokens import bearer, encoded, forged

_PATH = "/status/systems"


def _sent(anonymous: Api, authorization: str) -> Answer:
    return anonymous.call("GET", _PATH, headers={"Authorization": authorization})


def _refused(answer: Answer, body: Mapping[str, str]) -> None:
    answer.expect(401)
    if answer.json != dict(body):
        raise Unexpected(f"exactly {dict(body)}", answer.excerpt)


def _refused_token(anonymous: Api, token: str, message: str) -> None:
    _refused(_sent(anonymous, f"Bearer {token}"), {"message": message})


def _claims(api: Api, **changes: object) -> dict[str, Any]:
    """The caller's own claims, so that only the change can be the reason of a refusal."""
    assert api.caller is not None
    return {**api.caller.claims, **changes}


def _segments(api: Api) -> list[str]:
    assert api.caller is not None
    return api.caller.token.split(".")


@requirement("F7T-AUTH-001")
def test_no_header(anonymous: Api) -> None:
    _refused(anonymous.get(_PATH), {"message": "Unauthorized"})


@requirement("F7T-AUTH-002")
def test_another_scheme(anonymous: Api) -> None:
    for value in ("Basic dGVzdDE6dGVzdDE=", "Bearer", "Token abc"):
        _refused(_sent(anonymous, value), {"message": "Unauthorized"})


@requirement("F7T-AUTH-004")
def test_no_jwt(anonymous: Api, api: Api) -> None:
    header, claims, signature = _segments(api)
    no_json = encoded(b"no JSON")
    for token in (
        "abc",
        "<token>",
        f"{header}.{claims}",
        f"{no_json}.{claims}.{signature}",
        f"{header}.{no_json}.{signature}",
    ):
        _refused_token(anonymous, token, "Bad token; invalid JSON")


@requirement("F7T-AUTH-005")
def test_no_algorithm(anonymous: Api, api: Api) -> None:
    for header in ({"typ": "JWT"}, {"typ": "JWT", "alg": "XY999"}):
        token = forged(_claims(api), header=header)
        _refused_token(anonymous, token, "Bad token; invalid alg")


@requirement("F7T-AUTH-006")
def test_null_payload(anonymous: Api) -> None:
    _refused_token(anonymous, forged(None), "Bad token; invalid claims")


@requirement("F7T-AUTH-007")
def test_signature_is_no_base64(anonymous: Api, api: Api) -> None:
    header, claims, _ = _segments(api)
    _refused_token(anonymous, f"{header}.{claims}.***", "Bad token; invalid signature")


@requirement("F7T-AUTH-008")
def test_no_issuer(anonymous: Api, api: Api) -> None:
    claims = _claims(api)
    claims.pop("iss", None)
    _refused_token(anonymous, forged(claims), "No mandatory 'iss' in claims")


@requirement("F7T-AUTH-009")
def test_foreign_issuer(anonymous: Api, api: Api) -> None:
    own = str(_claims(api).get("iss"))
    for issuer in ("https://issuer.invalid/realms/x", f"{own}/", own[:-1]):
        token = forged(_claims(api, iss=issuer))
        _refused_token(anonymous, token, "No credentials found for given 'iss'")


@requirement("F7T-AUTH-010")
def test_another_algorithm(anonymous: Api, api: Api) -> None:
    token = forged(_claims(api), header={"alg": "HS256", "typ": "JWT"}, signature=b"\x01" * 32)
    _refused_token(anonymous, token, "Invalid algorithm")


@requirement("F7T-AUTH-011")
def test_unsigned(anonymous: Api, api: Api) -> None:
    for name in ("none", "None", "NONE"):
        for signature in (b"", b"\x01" * 256):
            token = forged(_claims(api), header={"alg": name, "typ": "JWT"}, signature=signature)
            _sent(anonymous, f"Bearer {token}").expect(401)


@requirement("F7T-AUTH-012")
def test_altered_signature(anonymous: Api, api: Api) -> None:
    header, claims, signature = _segments(api)
    altered = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    _refused_token(anonymous, f"{header}.{claims}.{altered}", "Invalid signature")


@requirement("F7T-AUTH-013")
def test_altered_claims(anonymous: Api, api: Api) -> None:
    header, _, signature = _segments(api)
    claims = encoded(_claims(api, preferred_username="f7t-somebody-else"))
    _refused_token(anonymous, f"{header}.{claims}.{signature}", "Invalid signature")


@requirement("F7T-AUTH-014")
def test_expired(anonymous: Api, settings: Settings) -> None:
    assert settings.expired_token is not None, "the requirement lacks the need expired-token"
    token = settings.expired_token.get_secret_value()
    _refused(_sent(anonymous, f"Bearer {token}"), {"exp": "token expired"})


@requirement("F7T-AUTH-015")
def test_signature_before_expiry(anonymous: Api, api: Api) -> None:
    assert api.caller is not None
    for expiry in (1, "tomorrow"):
        token = forged(_claims(api, exp=expiry))
        _refused_token(anonymous, token, "Invalid signature")


@requirement("F7T-AUTH-016")
def test_issuer_before_algorithm(anonymous: Api, api: Api) -> None:
    claims = _claims(api, iss="https://issuer.invalid/realms/x")
    token = forged(claims, header={"alg": "HS256", "typ": "JWT"})
    _refused_token(anonymous, token, "No credentials found for given 'iss'")


@requirement("F7T-AUTH-017")
def test_every_operation(anonymous: Api) -> None:
    for method, template in operations():
        path = re.sub(r"\{[^}]*\}", "f7t-conformance", template)
        _refused(anonymous.call(method, path), {"message": "Unauthorized"})


@requirement("F7T-AUTH-018")
def test_before_everything_else(anonymous: Api, api: Api) -> None:
    bad = {**bearer(forged(_claims(api))), "X-Machine-Name": "f7t-no-such-machine"}
    for headers in ({"X-Machine-Name": None}, bad):
        for method, path in (
            ("GET", "/f7t/no/such/path"),
            ("PATCH", "/utilities/ls"),
            ("POST", "/tasks"),
            ("GET", "/utilities/ls"),
            ("GET", "/tasks/IDONTEXIST"),
        ):
            anonymous.call(method, path, headers=headers).expect(401)


@requirement("F7T-AUTH-023")
def test_not_from_a_cache(api: Api, anonymous: Api) -> None:
    for path in ("/status/parameters", "/tasks"):
        api.get(path).expect(200)
        _refused(anonymous.get(path), {"message": "Unauthorized"})
