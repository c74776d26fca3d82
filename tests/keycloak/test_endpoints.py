"""Discovery, keys, userinfo, introspection, revocation, logout, CORS, health."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.support.issuer import Names, RunningIssuer


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _introspect(issuer: RunningIssuer, names: Names, token: str) -> dict[str, object]:
    form = {**names.sample, "token": token}
    answer = issuer.http.post(f"{issuer.oidc}/token/introspect", data=form)
    assert answer.status_code == 200
    body: dict[str, object] = answer.json()
    return body


@pytest.mark.parametrize("path", ["/health/ready", "/health/live", "/auth/health/ready"])
def test_health(issuer: RunningIssuer, path: str) -> None:
    answer = issuer.http.get(f"{issuer.address}{path}")
    assert (answer.status_code, answer.json()["status"]) == (200, "UP")


@pytest.mark.parametrize("prefix", ["/auth", ""])
def test_discovery(issuer: RunningIssuer, names: Names, prefix: str) -> None:
    """The issuer string is fixed, addresses for programs follow the caller."""
    base = f"{issuer.address}{prefix}/realms/kcrealm"
    found = issuer.http.get(f"{base}/.well-known/openid-configuration").json()
    assert found["issuer"] == names.iss
    for key in ("authorization_endpoint", "end_session_endpoint"):
        assert found[key].startswith(f"{names.iss}/")
    for key in ("token_endpoint", "jwks_uri", "userinfo_endpoint", "introspection_endpoint"):
        assert found[key].startswith(f"{base}/protocol/openid-connect/")
    assert issuer.http.get(found["jwks_uri"]).status_code == 200
    assert issuer.http.post(found["token_endpoint"], data=names.credentials).status_code == 200
    assert names.device_grant in found["grant_types_supported"]
    assert "firecrest" in found["scopes_supported"]


def test_discovery_ignores_an_odd_host(issuer: RunningIssuer, names: Names) -> None:
    url = f"{issuer.realm}/.well-known/openid-configuration"
    found = issuer.http.get(url, headers={"Host": 'a"<b>/c'}).json()
    assert found["jwks_uri"] == f"{names.iss}/protocol/openid-connect/certs"


def test_public_key_of_the_realm_document_verifies(issuer: RunningIssuer, names: Names) -> None:
    """The bare base64 key is what operators configure statically."""
    import base64

    import jwt
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    document = issuer.http.get(issuer.realm).json()
    key = load_der_public_key(base64.b64decode(document["public_key"]))
    assert isinstance(key, RSAPublicKey)
    token = issuer.token(names.credentials).json()["access_token"]
    claims = jwt.decode(token, key, algorithms=["RS256"], audience="firecrest", issuer=names.iss)
    assert claims["azp"] == "firecrest-sample"


def test_userinfo(issuer: RunningIssuer, names: Names) -> None:
    token = issuer.token({**names.password, "scope": "openid"}).json()["access_token"]
    expected = {
        "sub": "7e571000-0000-4000-8000-000000000001",
        "name": "Test One",
        "preferred_username": "test1",
        "given_name": "Test",
        "family_name": "One",
        "email": "test1@example.org",
        "email_verified": True,
    }
    url = f"{issuer.oidc}/userinfo"
    assert issuer.http.get(url, headers=_bearer(token)).json() == expected
    assert issuer.http.post(url, data={"access_token": token}).json() == expected
    both = issuer.http.post(url, data={"access_token": token}, headers=_bearer(token))
    assert both.status_code == 400


def test_userinfo_of_a_service_account(issuer: RunningIssuer, names: Names) -> None:
    token = issuer.token({**names.credentials, "scope": "openid"}).json()["access_token"]
    answer = issuer.http.get(f"{issuer.oidc}/userinfo", headers=_bearer(token))
    assert answer.json()["preferred_username"] == "service-account-firecrest-sample"


def test_userinfo_refusals(issuer: RunningIssuer, names: Names) -> None:
    body = issuer.token(names.password).json()
    url = f"{issuer.oidc}/userinfo"
    cases: list[tuple[dict[str, str], int, str]] = [
        ({}, 401, 'Bearer realm="kcrealm"'),
        ({"Authorization": "Basic abc"}, 401, 'Bearer realm="kcrealm"'),
        (_bearer("abc"), 401, 'error="invalid_token"'),
        (_bearer("a.b.c"), 401, 'error="invalid_token"'),
        (_bearer("e30.e30."), 401, 'error="invalid_token"'),
        (_bearer(body["refresh_token"]), 401, 'error="invalid_token"'),
        (_bearer(body["access_token"]), 403, 'error="insufficient_scope"'),
    ]
    for headers, status, challenge in cases:
        answer = issuer.http.get(url, headers=headers)
        assert answer.status_code == status, headers
        assert challenge in answer.headers["www-authenticate"]


def test_forged_tokens_are_refused(issuer: RunningIssuer, names: Names) -> None:
    """Another key, algorithm none, and the published key taken for an HMAC secret."""
    import jwt
    from cryptography.hazmat.primitives.asymmetric import rsa

    genuine = issuer.token({**names.password, "scope": "openid"}).json()["access_token"]
    claims = jwt.decode(genuine, options={"verify_signature": False})
    kid = jwt.get_unverified_header(genuine)["kid"]
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    secret = issuer.http.get(issuer.realm).json()["public_key"]
    forged = [
        jwt.encode(claims, foreign, algorithm="RS256", headers={"kid": kid}),
        jwt.encode(claims, "", algorithm="none", headers={"kid": kid}),
        jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid}),
        genuine[:-4] + ("AAAA" if not genuine.endswith("AAAA") else "BBBB"),
    ]
    url = f"{issuer.oidc}/userinfo"
    assert issuer.http.get(url, headers=_bearer(genuine)).status_code == 200
    for token in forged:
        assert issuer.http.get(url, headers=_bearer(token)).status_code == 401
        assert _introspect(issuer, names, token) == {"active": False}


def test_introspection(issuer: RunningIssuer, names: Names) -> None:
    body = issuer.token(names.password).json()
    seen = _introspect(issuer, names, body["access_token"])
    assert (seen["active"], seen["username"]) == (True, "test1")
    assert (seen["client_id"], seen["token_type"]) == ("firecrest-sample", "Bearer")
    assert _introspect(issuer, names, "garbage") == {"active": False}
    assert _introspect(issuer, names, body["refresh_token"]) == {"active": False}


def test_introspection_of_a_service_account_lacks_its_notes(
    issuer: RunningIssuer, names: Names
) -> None:
    token = issuer.token(names.credentials).json()["access_token"]
    seen = _introspect(issuer, names, token)
    assert (seen["active"], seen["username"]) == (True, "service-account-firecrest-sample")
    assert {"clientId", "clientHost", "clientAddress"} <= set(issuer.claims(token)) - set(seen)


def test_introspection_needs_the_client_in_the_audience(
    issuer: RunningIssuer, names: Names
) -> None:
    login = {"grant_type": "password", "username": "test1", "password": "test11"}
    token = issuer.token({**login, "client_id": "firecrest-public"}).json()["access_token"]
    assert _introspect(issuer, names, token) == {"active": False}


def test_introspection_refusals(issuer: RunningIssuer, names: Names) -> None:
    bad = "Invalid client or Invalid client credentials"
    wrong = {"client_id": "firecrest-sample", "client_secret": "x"}
    cases: list[tuple[dict[str, str], int, str, str]] = [
        ({"token": "x"}, 401, "invalid_client", bad),
        ({"token": "x", **wrong}, 401, "invalid_client", "Client authentication failed."),
        (
            {"token": "x", "client_id": "firecrest-public"},
            *(403, "invalid_request", "Client not allowed."),
        ),
        (names.sample, 400, "invalid_request", "Token not provided."),
    ]
    for form, status, error, description in cases:
        answer = issuer.http.post(f"{issuer.oidc}/token/introspect", data=form)
        body = {"error": error, "error_description": description}
        assert (answer.status_code, answer.json()) == (status, body)


def test_revoked_access_token(issuer: RunningIssuer, names: Names) -> None:
    body = issuer.token({**names.password, "scope": "openid"}).json()
    form = {**names.sample, "token": body["access_token"]}
    answer = issuer.http.post(f"{issuer.oidc}/revoke", data=form)
    assert (answer.status_code, answer.content) == (200, b"")
    assert _introspect(issuer, names, body["access_token"]) == {"active": False}
    headers = _bearer(body["access_token"])
    assert issuer.http.get(f"{issuer.oidc}/userinfo", headers=headers).status_code == 401
    refresh = {"grant_type": "refresh_token", **names.sample}
    assert issuer.token({**refresh, "refresh_token": body["refresh_token"]}).status_code == 200


def test_revoked_refresh_token(issuer: RunningIssuer, names: Names) -> None:
    body = issuer.token(names.password).json()
    form = {**names.sample, "token": body["refresh_token"]}
    assert issuer.http.post(f"{issuer.oidc}/revoke", data=form).status_code == 200
    refresh = {"grant_type": "refresh_token", **names.sample}
    answer = issuer.token({**refresh, "refresh_token": body["refresh_token"]})
    assert answer.json()["error_description"] == "Session not active"
    assert _introspect(issuer, names, body["access_token"]) == {"active": False}


def test_revocation_refusals(issuer: RunningIssuer, names: Names) -> None:
    foreign = {"grant_type": "password", "username": "test1", "password": "test11"}
    token = issuer.token({**foreign, "client_id": "firecrest-public"}).json()["refresh_token"]
    cases: list[tuple[dict[str, str], int, str]] = [
        ({**names.sample, "token": "abc"}, 200, "invalid_token"),
        (names.sample, 400, "invalid_request"),
        ({**names.sample, "token": token}, 400, "invalid_request"),
        ({"client_id": "firecrest-sample", "token": token}, 401, "unauthorized_client"),
    ]
    for form, status, error in cases:
        answer = issuer.http.post(f"{issuer.oidc}/revoke", data=form)
        assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_logout_with_the_refresh_token(issuer: RunningIssuer, names: Names) -> None:
    token = issuer.token(names.password).json()["refresh_token"]
    form = {**names.sample, "refresh_token": token}
    url = f"{issuer.oidc}/logout"
    wrong = issuer.http.post(url, data={**form, "client_secret": "x"})
    assert wrong.status_code == 401
    garbage = issuer.http.post(url, data={**form, "refresh_token": "x"})
    assert garbage.json()["error_description"] == "Invalid refresh token"
    assert issuer.http.post(url, data=form).status_code == 204
    answer = issuer.token({"grant_type": "refresh_token", **form})
    body = {"error": "invalid_grant", "error_description": "Session not active"}
    assert (answer.status_code, answer.json()) == (400, body)
    assert issuer.http.post(url, data=form).status_code == 204, "twice does no harm"


def test_preflight(issuer: RunningIssuer) -> None:
    asked = {"Origin": "http://localhost:7000", "Access-Control-Request-Method": "POST"}
    answer = issuer.http.options(f"{issuer.oidc}/token", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "http://localhost:7000"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert issuer.http.options(f"{issuer.oidc}/token").status_code == 405


@pytest.mark.parametrize("secret_is_right", [True, False])
def test_pages_of_the_client_may_read_answers(
    issuer: RunningIssuer, names: Names, secret_is_right: bool
) -> None:
    form = names.credentials if secret_is_right else {**names.credentials, "client_secret": "x"}
    answer = issuer.token(form, headers={"Origin": "http://localhost:7000"})
    assert answer.status_code == (200 if secret_is_right else 401)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:7000"


def test_other_pages_are_refused(issuer: RunningIssuer, names: Names) -> None:
    answer = issuer.token(names.credentials, headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.json()) == (403, {"error": "Invalid origin"})
    assert "access-control-allow-origin" not in answer.headers


def test_public_documents_may_be_read_by_any_page(issuer: RunningIssuer) -> None:
    for path in ("/protocol/openid-connect/certs", "/.well-known/openid-configuration", ""):
        answer = issuer.http.get(f"{issuer.realm}{path}", headers={"Origin": "http://a.example"})
        assert answer.headers["access-control-allow-origin"] == "http://a.example"


def test_userinfo_for_pages(issuer: RunningIssuer, names: Names) -> None:
    token = issuer.token({**names.password, "scope": "openid"}).json()["access_token"]

    def ask(origin: str) -> httpx.Response:
        headers = {**_bearer(token), "Origin": origin}
        return issuer.http.get(f"{issuer.oidc}/userinfo", headers=headers)

    own, other = ask("http://localhost:7000"), ask("http://evil.example")
    assert own.headers["access-control-allow-origin"] == "http://localhost:7000"
    assert "access-control-allow-origin" not in other.headers
