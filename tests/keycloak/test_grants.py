"""Every grant, at both path prefixes, and the tokens it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.support.issuer import Browser, Names, RunningIssuer

NewBrowser = Callable[[], "Browser"]
SentBack = Callable[[httpx.Response], dict[str, str]]


@pytest.mark.parametrize("prefix", ["/auth", ""])
def test_both_path_prefixes_serve_the_same_issuer(
    issuer: RunningIssuer, names: Names, prefix: str
) -> None:
    base = f"{issuer.address}{prefix}/realms/kcrealm"
    answer = issuer.http.post(f"{base}/protocol/openid-connect/token", data=names.credentials)
    assert answer.status_code == 200
    assert issuer.claims(answer.json()["access_token"])["iss"] == names.iss
    assert issuer.http.get(base).json()["realm"] == "kcrealm"


def test_client_credentials_answer(issuer: RunningIssuer, names: Names) -> None:
    answer = issuer.token(names.credentials)
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {
        *("access_token", "expires_in", "refresh_expires_in", "token_type"),
        *("not-before-policy", "scope"),
    }
    assert (body["expires_in"], body["refresh_expires_in"]) == (300, 0)
    assert body["token_type"] == "Bearer"
    assert set(body["scope"].split()) == {"profile", "email", "firecrest"}


def test_client_credentials_claims(issuer: RunningIssuer, names: Names) -> None:
    claims = issuer.claims(issuer.token(names.credentials).json()["access_token"], "firecrest")
    times = {key: claims.pop(key) for key in ("iat", "exp", "jti")}
    assert times["exp"] - times["iat"] == 300
    assert claims.pop("scope").split() == ["profile", "email", "firecrest"]
    assert sorted(claims.pop("aud")) == ["account", "firecrest", "firecrest-sample"]
    assert claims == {
        "iss": names.iss,
        "sub": "7e571000-0000-4000-8000-000000000010",
        "typ": "Bearer",
        "azp": "firecrest-sample",
        "acr": "1",
        "allowed-origins": ["http://localhost:7000"],
        "realm_access": {"roles": ["default-roles-kcrealm", "offline_access", "uma_authorization"]},
        "resource_access": {
            "account": {"roles": ["manage-account", "view-profile", "manage-account-links"]}
        },
        "email_verified": False,
        "preferred_username": "service-account-firecrest-sample",
        "clientId": "firecrest-sample",
        "clientHost": "127.0.0.1",
        "clientAddress": "127.0.0.1",
    }


def test_service_account_with_a_role_names_its_posix_user(
    issuer: RunningIssuer, names: Names
) -> None:
    """Contract §2.3: realm role, clientId and the first role of that client."""
    answer = issuer.token({"grant_type": "client_credentials", **names.robot})
    claims = issuer.claims(answer.json()["access_token"])
    assert "firecrest-sa" in claims["realm_access"]["roles"]
    assert claims["resource_access"][claims["clientId"]]["roles"][0] == "test1"
    assert claims["preferred_username"] == "service-account-firecrest-robot"
    assert claims["aud"] == "firecrest", "one audience is a string, not a list"


@pytest.mark.parametrize("user", ["test1", "test2", "test4"])
def test_password(issuer: RunningIssuer, names: Names, user: str) -> None:
    login = {"username": user, "password": user + user[-1]}
    body = issuer.token({**names.password, **login}).json()
    claims = issuer.claims(body["access_token"])
    assert claims["preferred_username"] == user
    assert claims["email"] == f"{user}@example.org"
    assert claims["email_verified"] is True
    assert claims["name"] == f"{claims['given_name']} {claims['family_name']}"
    assert claims["sid"] == body["session_state"]
    assert "clientId" not in claims, "only service accounts carry it"
    assert body["refresh_expires_in"] == 1800
    assert "id_token" not in body


def test_password_of_a_public_client_with_openid(issuer: RunningIssuer) -> None:
    form = {"grant_type": "password", "client_id": "firecrest-public", "scope": "openid"}
    body = issuer.token({**form, "username": "test2", "password": "test22"}).json()
    claims = issuer.claims(body["id_token"], "firecrest-public")
    assert claims["typ"] == "ID"
    assert claims["preferred_username"] == "test2"
    assert body["scope"].split()[0] == "openid"


def test_refresh_keeps_session_and_scope(issuer: RunningIssuer, names: Names) -> None:
    first = issuer.token({**names.password, "scope": "openid"}).json()
    form = {"grant_type": "refresh_token", **names.sample, "refresh_token": first["refresh_token"]}
    second = issuer.token(form).json()
    assert second["session_state"] == first["session_state"]
    assert second["scope"] == first["scope"]
    assert "id_token" in second
    old, new = (issuer.claims(body["access_token"]) for body in (first, second))
    assert new["sub"] == old["sub"]
    assert new["jti"] != old["jti"]
    narrower = issuer.token({**form, "scope": "email"}).json()
    assert "openid" not in narrower["scope"].split()
    assert "id_token" in narrower, "openid is hidden, not lost"
    form["refresh_token"] = narrower["refresh_token"]
    assert issuer.token({**form, "scope": "openid"}).json()["scope"] == first["scope"]


def test_basic_authentication_and_form_precedence(issuer: RunningIssuer, names: Names) -> None:
    basic = httpx.BasicAuth("firecrest-sample", names.sample_secret)
    bare = {"grant_type": "client_credentials"}
    assert issuer.token(bare, auth=basic).status_code == 200
    assert issuer.token({**names.credentials, "client_secret": "x"}, auth=basic).status_code == 401
    wrong = httpx.BasicAuth("firecrest-sample", "wrong")
    assert issuer.token(names.credentials, auth=wrong).status_code == 200
    foreign = httpx.BasicAuth("firecrest-robot", names.sample_secret)
    mixed = {**bare, "client_id": "firecrest-sample"}
    assert issuer.token(mixed, auth=foreign).status_code == 200


def test_authorization_code_with_nonce(
    issuer: RunningIssuer, names: Names, new_browser: NewBrowser, sent_back: SentBack
) -> None:
    query = {"client_id": "firecrest-sample", "redirect_uri": "http://localhost:7000/cb"}
    more = {"response_type": "code", "scope": "openid", "state": "s&t", "nonce": "n-1"}
    answer = new_browser().login(**query, **more)
    assert answer.headers["location"].startswith("http://localhost:7000/cb?")
    back = sent_back(answer)
    assert (back["state"], back["iss"]) == ("s&t", names.iss)
    form = {"grant_type": "authorization_code", **names.sample, "code": back["code"]}
    body = issuer.token({**form, "redirect_uri": "http://localhost:7000/cb"}).json()
    assert body["session_state"] == back["session_state"]
    identity = issuer.claims(body["id_token"], "firecrest-sample")
    assert identity["nonce"] == "n-1"
    access = issuer.claims(body["access_token"])
    assert access["auth_time"] <= access["iat"]
    assert access["acr"] == "1"


def test_pkce(
    issuer: RunningIssuer, names: Names, new_browser: NewBrowser, sent_back: SentBack
) -> None:
    query = {"client_id": "firecrest-public", "redirect_uri": "http://127.0.0.1:7000/callback"}
    pkce = {"code_challenge": names.challenge, "code_challenge_method": "S256"}
    back = sent_back(new_browser().login(**query, **pkce, response_type="code"))
    form = {"grant_type": "authorization_code", **query, "code": back["code"]}
    answer = issuer.token({**form, "code_verifier": names.verifier})
    assert answer.status_code == 200, answer.text
    assert issuer.claims(answer.json()["access_token"])["preferred_username"] == "test1"


def test_device(issuer: RunningIssuer, names: Names, new_browser: NewBrowser) -> None:
    pkce = {"code_challenge": names.challenge, "code_challenge_method": "S256"}
    start = {"client_id": "firecrest-public", "scope": "openid", **pkce}
    device = issuer.http.post(f"{issuer.oidc}/auth/device", data=start).json()
    assert device["verification_uri"] == f"{names.iss}/device"
    assert (device["expires_in"], device["interval"]) == (600, 5)
    browser = new_browser()
    path = f"/auth/realms/kcrealm/device?user_code={device['user_code'].lower()}"
    login = browser.follow(browser.open(path))
    consent = browser.follow(browser.submit(login, username="test2", password="test22"))
    assert device["user_code"] in consent.text
    assert "Device Login Successful" in browser.submit(consent, accept="Yes").text
    form = {"grant_type": names.device_grant, "client_id": "firecrest-public"}
    form |= {"device_code": device["device_code"], "code_verifier": names.verifier}
    answer = issuer.token(form)
    assert answer.status_code == 200, answer.text
    assert issuer.claims(answer.json()["access_token"])["preferred_username"] == "test2"
    assert issuer.token(form).json()["error_description"] == "Device code not valid"
