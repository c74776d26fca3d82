"""Status, error and description of every refusal, as Keycloak 26 gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.refusals import CODE, CREDENTIALS, PASSWORD, PUBLIC, REFRESH, REFUSALS

if TYPE_CHECKING:
    from tests.keycloak.conftest import Change, StartIssuer
    from tests.support.issuer import Browser, Names, RunningIssuer


@pytest.mark.parametrize("case", REFUSALS)
def test_token_refusals(issuer: RunningIssuer, names: Names, case: str) -> None:
    who, form, status, error, description = REFUSALS[case]
    own = {"nobody": {}, "sample": names.sample, "robot": names.robot}[who]
    answer = issuer.token({**own, **form})
    body = {"error": error, "error_description": description}
    assert (answer.status_code, answer.json()) == (status, body)


def test_malformed_basic_header_counts_as_none(issuer: RunningIssuer) -> None:
    answer = issuer.token(CREDENTIALS, headers={"Authorization": "Basic !!!"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_repeated_parameter(issuer: RunningIssuer, names: Names) -> None:
    form = httpx.QueryParams({**names.credentials, "scope": ["email", "profile"]})
    answer = issuer.http.post(
        f"{issuer.oidc}/token",
        content=str(form),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json() == {
        "error": "invalid_request",
        "error_description": "duplicated parameter",
    }


def test_json_is_no_form(issuer: RunningIssuer, names: Names) -> None:
    answer = issuer.http.post(f"{issuer.oidc}/token", json=names.credentials)
    assert answer.status_code == 400
    assert answer.json()["error_description"] == "Missing form parameter: grant_type"


@pytest.mark.parametrize("chunked", [False, True])
def test_oversize_form(issuer: RunningIssuer, chunked: bool) -> None:
    body = b"grant_type=" + b"x" * 70_000
    content = iter([body]) if chunked else body
    answer = issuer.http.post(f"{issuer.oidc}/token", content=content)
    assert answer.status_code == 413


def test_too_many_parameters(issuer: RunningIssuer, names: Names) -> None:
    answer = issuer.token({**names.credentials, **{f"p{n}": "1" for n in range(200)}})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_refresh_token_of_another_client(issuer: RunningIssuer, names: Names) -> None:
    foreign = issuer.token({**PASSWORD, **PUBLIC}).json()["refresh_token"]
    answer = issuer.token({**REFRESH, **names.sample, "refresh_token": foreign})
    text = "Invalid refresh token. Token client and authorized client don't match"
    assert (answer.status_code, answer.json()["error_description"]) == (400, text)


def test_access_token_is_no_refresh_token(issuer: RunningIssuer, names: Names) -> None:
    token = issuer.token(names.credentials).json()["access_token"]
    answer = issuer.token({**REFRESH, **names.sample, "refresh_token": token})
    assert answer.json()["error_description"] == "Invalid refresh token"


def test_refresh_wins_no_scope(issuer: RunningIssuer, names: Names) -> None:
    token = issuer.token(names.password).json()["refresh_token"]
    form = {**REFRESH, **names.sample, "refresh_token": token}
    for scope in ("email nope", ""):
        answer = issuer.token({**form, "scope": scope})
        body = {"error": "invalid_scope", "error_description": f"Invalid scopes: {scope}"}
        assert (answer.status_code, answer.json()) == (400, body)
    answer = issuer.token({**form, "scope": "openid"}).json()
    assert "openid" not in answer["scope"].split()
    assert "id_token" not in answer


def _code(browser: Browser, sent_back: Callable[[httpx.Response], dict[str, str]]) -> str:
    query = {"client_id": "firecrest-sample", "redirect_uri": "http://localhost:7000/cb"}
    return sent_back(browser.login(**query, response_type="code"))["code"]


@pytest.mark.parametrize(
    ("change", "client", "description"),
    [
        ({"redirect_uri": "http://localhost:7000/no"}, "sample", "Incorrect redirect_uri"),
        ({}, "robot", "Auth error: Found different client_id in clientSession"),
        (
            {"code_verifier": "x" * 50},
            "sample",
            "PKCE code verifier specified but challenge not present in authorization",
        ),
    ],
)
def test_code_refusals(
    issuer: RunningIssuer,
    names: Names,
    new_browser: Callable[[], Browser],
    sent_back: Callable[[httpx.Response], dict[str, str]],
    change: dict[str, str],
    client: str,
    description: str,
) -> None:
    own = {"sample": names.sample, "robot": names.robot}[client]
    form = {**CODE, **own, "code": _code(new_browser(), sent_back), **change}
    answer = issuer.token(form)
    body = {"error": "invalid_grant", "error_description": description}
    assert (answer.status_code, answer.json()) == (400, body)
    again = issuer.token({**CODE, **names.sample, "code": form["code"]})
    assert again.json()["error_description"] == "Code not valid", "a refused code is spent"


def test_second_use_of_a_code_ends_what_it_gave(
    issuer: RunningIssuer,
    names: Names,
    new_browser: Callable[[], Browser],
    sent_back: Callable[[httpx.Response], dict[str, str]],
) -> None:
    form = {**CODE, **names.sample, "code": _code(new_browser(), sent_back)}
    given = issuer.token(form).json()
    assert issuer.token(form).json()["error_description"] == "Code not valid"
    refresh = {**REFRESH, **names.sample, "refresh_token": given["refresh_token"]}
    answer = issuer.token(refresh)
    assert answer.json()["error_description"] == "Session doesn't have required client"
    seen = {**names.sample, "token": given["access_token"]}
    state = issuer.http.post(f"{issuer.oidc}/token/introspect", data=seen)
    assert state.json() == {"active": False}


@pytest.mark.parametrize(
    ("verifier", "description"),
    [
        (None, "PKCE code verifier not specified"),
        ("x" * 50, "PKCE verification failed: Code mismatch"),
        ("short", "PKCE verification failed: Invalid code verifier"),
    ],
)
def test_pkce_refusals(
    issuer: RunningIssuer,
    names: Names,
    new_browser: Callable[[], Browser],
    sent_back: Callable[[httpx.Response], dict[str, str]],
    verifier: str | None,
    description: str,
) -> None:
    query = {**PUBLIC, "redirect_uri": "http://localhost:7000/callback"}
    pkce = {"code_challenge": names.challenge, "code_challenge_method": "S256"}
    back = sent_back(new_browser().login(**query, **pkce, response_type="code"))
    form = {"grant_type": "authorization_code", **query, "code": back["code"]}
    answer = issuer.token(form if verifier is None else {**form, "code_verifier": verifier})
    body = {"error": "invalid_grant", "error_description": description}
    assert (answer.status_code, answer.json()) == (400, body)


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 401, "invalid_client"),
        (PUBLIC, 400, "invalid_request"),
        ({**PUBLIC, "code_challenge": "x" * 43, "code_challenge_method": "plain"}, 400, None),
    ],
)
def test_device_start_refusals(
    issuer: RunningIssuer, form: dict[str, str], status: int, error: str | None
) -> None:
    answer = issuer.http.post(f"{issuer.oidc}/auth/device", data=form)
    assert answer.status_code == status
    assert answer.json()["error"] == (error or "invalid_request")


def test_device_start_is_off(issuer: RunningIssuer, names: Names) -> None:
    answer = issuer.http.post(f"{issuer.oidc}/auth/device", data=names.sample)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    ("path", "method", "status", "body"),
    [
        ("/auth/realms/other", "GET", 404, {"error": "Realm does not exist"}),
        (
            "/realms/other/protocol/openid-connect/token",
            *("POST", 404, {"error": "Realm does not exist"}),
        ),
        ("/auth/realms/kcrealm/nope", "GET", 404, {"error": "HTTP 404 Not Found"}),
        ("/nope", "GET", 404, {"error": "HTTP 404 Not Found"}),
        (
            "/auth/nope",
            *("GET", 404, {"error": "Unable to find matching target resource method"}),
        ),
        (
            "/realms/kcrealm/protocol/openid-connect/token",
            *("GET", 405, {"error": "HTTP 405 Method Not Allowed"}),
        ),
    ],
)
def test_wrong_addresses(
    issuer: RunningIssuer, path: str, method: str, status: int, body: dict[str, str]
) -> None:
    answer = issuer.http.request(method, f"{issuer.address}{path}")
    assert (answer.status_code, answer.json()) == (status, body)


def _unfinished_users(realm: dict[str, object]) -> None:
    users = realm["users"]
    clients = realm["clients"]
    assert isinstance(users, list)
    assert isinstance(clients, list)
    users[0]["requiredActions"] = ["UPDATE_PASSWORD"]
    users[1]["enabled"] = False
    del users[2]["email"]
    clients[2]["serviceAccountsEnabled"] = False


def test_users_who_may_not_yet(
    names: Names,
    start_issuer: StartIssuer,
    realm_variant: Callable[[Change], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    realm = realm_variant(_unfinished_users)
    issuer = start_issuer(tmp_path_factory.mktemp("state"), realm)
    expected = {
        "test1": "Account is not fully set up",
        "test2": "Account disabled",
        "test4": "Account is not fully set up",
    }
    for user, text in expected.items():
        login = {"username": user, "password": user + user[-1]}
        answer = issuer.token({**names.password, **login})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert answer.json()["error_description"] == text
    answer = issuer.token({**CREDENTIALS, **names.robot})
    body = {
        "error": "unauthorized_client",
        "error_description": "Client not enabled to retrieve service account",
    }
    assert (answer.status_code, answer.json()) == (401, body)
