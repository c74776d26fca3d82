"""Scenes of the issuer: every grant, and the documents that programs read."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from tests.fidelity.comparison import Scene
from tests.fidelity.identity import IdentityServer
from tests.support.issuer import CHALLENGE, DEVICE_GRANT, VERIFIER, parameters

Play = Callable[[IdentityServer], Any]
IdentityScene = Scene[IdentityServer]
CALLBACK = {
    "sample": "http://localhost:7000/cb",
    "public": "http://localhost:7000/callback",
}
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def password(user: str = "test1", **more: str) -> dict[str, str]:
    """Form fields of the password grant, without the client's."""
    return {"grant_type": "password", "username": user, "password": user + user[-1], **more}


def grant(who: str, **form: str) -> Play:
    """The token endpoint's answer to a form."""
    return lambda server: server.seen(server.issuer.token({**server.form(who), **form}))


def _basic(server: IdentityServer) -> Any:
    word = base64.b64encode(f"firecrest-sample:{server.sample_secret}".encode()).decode()
    form = {"grant_type": "client_credentials"}
    return server.seen(server.issuer.token(form, headers={"Authorization": f"Basic {word}"}))


def _refresh(first: dict[str, str], **second: str) -> Play:
    def play(server: IdentityServer) -> Any:
        given = server.granted("sample", **password(**first))
        form = {"grant_type": "refresh_token", "refresh_token": given["refresh_token"]}
        return server.seen(server.issuer.token({**server.sample, **form, **second}))

    return play


def authorization(who: str, **more: str) -> dict[str, str]:
    """Query of an authorization request."""
    client = f"firecrest-{who}"
    query = {"client_id": client, "redirect_uri": CALLBACK[who], "response_type": "code"}
    return {**query, "state": "s&t", **(PKCE if who == "public" else {}), **more}


def code_form(who: str, code: str) -> dict[str, str]:
    """Fields that redeem a code, without the client's."""
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK[who], "code": code}
    return {**form, **({"code_verifier": VERIFIER} if who == "public" else {})}


def _code(who: str, **more: str) -> Play:
    def play(server: IdentityServer) -> Any:
        answer = server.browser().login(**authorization(who, **more))
        assert answer.status_code == 302, answer.text
        back = parameters(answer)
        form = {**server.form(who), **code_form(who, back["code"])}
        return {
            "redirect": {
                "to": answer.headers["location"].partition("code")[0].partition("?")[0],
                "parameters": sorted(back),
                "state": back["state"],
                "iss": server.plain(back["iss"]),
            },
            "token": server.seen(server.issuer.token(form)),
        }

    return play


def _single_sign_on(server: IdentityServer) -> Any:
    browser = server.browser()
    browser.login(**authorization("sample"))
    silent = browser.authorize(**authorization("sample", prompt="none", scope="openid"))
    form = {**server.sample, **code_form("sample", parameters(silent)["code"])}
    asked = browser.authorize(**authorization("sample", prompt="login"))
    return {
        "silent": silent.status_code,
        "token": server.seen(server.issuer.token(form)),
        "prompt=login": asked.status_code,
    }


def _device(server: IdentityServer) -> Any:
    start = server.post("auth/device", {**server.form("public"), "scope": "openid", **PKCE})
    device = start.json()
    form = {**server.form("public"), "grant_type": DEVICE_GRANT, "code_verifier": VERIFIER}
    form |= {"device_code": device["device_code"]}
    pending = server.issuer.token(form)
    browser = server.browser()
    path = f"/auth/realms/kcrealm/device?user_code={device['user_code']}"
    login = browser.follow(browser.open(path))
    consent = browser.follow(browser.submit(login, username="test2", password="test22"))
    browser.follow(browser.submit(consent, accept="Yes"))
    too_fast = server.issuer.token(form)
    return {
        "start": server.seen(start),
        "pending": server.seen(pending),
        "too fast": server.seen(too_fast),
    }


def _device_granted(server: IdentityServer) -> Any:
    start = server.post("auth/device", {**server.form("public"), "scope": "openid", **PKCE})
    device = start.json()
    browser = server.browser()
    path = f"/auth/realms/kcrealm/device?user_code={device['user_code']}"
    login = browser.follow(browser.open(path))
    consent = browser.follow(browser.submit(login, username="test2", password="test22"))
    browser.follow(browser.submit(consent, accept="Yes"))
    form = {**server.form("public"), "grant_type": DEVICE_GRANT, "code_verifier": VERIFIER}
    form |= {"device_code": device["device_code"]}
    first, second = server.issuer.token(form), server.issuer.token(form)
    return {"token": server.seen(first), "again": server.seen(second)}


def _device_denied(server: IdentityServer) -> Any:
    device = server.post("auth/device", {**server.form("public"), **PKCE}).json()
    browser = server.browser()
    path = f"/auth/realms/kcrealm/device?user_code={device['user_code']}"
    login = browser.follow(browser.open(path))
    consent = browser.follow(browser.submit(login, username="test2", password="test22"))
    browser.follow(browser.submit(consent, cancel="No"))
    form = {**server.form("public"), "grant_type": DEVICE_GRANT, "code_verifier": VERIFIER}
    answer = server.issuer.token({**form, "device_code": device["device_code"]})
    return server.seen(answer)


def _get(path: str, **headers: str) -> Play:
    """GET below the realm's root."""
    return lambda server: server.seen(
        server.issuer.http.get(f"{server.issuer.realm}{path}", headers=headers)
    )


# The members of the discovery document that clients are known to read.
_READ = {
    *("issuer", "authorization_endpoint", "token_endpoint", "introspection_endpoint"),
    *("userinfo_endpoint", "end_session_endpoint", "jwks_uri", "revocation_endpoint"),
    *("device_authorization_endpoint", "grant_types_supported", "response_types_supported"),
    *("response_modes_supported", "scopes_supported", "claims_supported"),
    *("subject_types_supported", "id_token_signing_alg_values_supported"),
    *("token_endpoint_auth_methods_supported", "code_challenge_methods_supported"),
    *("introspection_endpoint_auth_methods_supported", "prompt_values_supported"),
    *("revocation_endpoint_auth_methods_supported", "acr_values_supported"),
    *("claims_parameter_supported", "request_parameter_supported"),
    *("request_uri_parameter_supported", "authorization_response_iss_parameter_supported"),
    *("claim_types_supported",),
}


def _discovery(server: IdentityServer) -> Any:
    url = f"{server.issuer.realm}/.well-known/openid-configuration"
    answer = server.seen(server.issuer.http.get(url))
    body = answer["body"]
    read = {name: value for name, value in body.items() if name in _READ}
    return {**answer, "body": read, "other members": sorted(set(body) - _READ)}


def _discovery_from_a_page(server: IdentityServer) -> Any:
    url = f"{server.issuer.realm}/.well-known/openid-configuration"
    return server.seen(server.issuer.http.get(url, headers={"Origin": "http://a"}))["headers"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _userinfo(method: str, who: str, **form: str) -> Play:
    def play(server: IdentityServer) -> Any:
        token = server.granted(who, **form)["access_token"]
        url = f"{server.issuer.oidc}/userinfo"
        if method == "form":
            return server.seen(server.issuer.http.post(url, data={"access_token": token}))
        return server.seen(server.issuer.http.request(method, url, headers=bearer(token)))

    return play


def _introspect(kind: str, who: str, **form: str) -> Play:
    def play(server: IdentityServer) -> Any:
        token = server.granted(who, **form)[kind] if form else "garbage"
        return server.seen(server.post("token/introspect", {**server.sample, "token": token}))

    return play


_CREDENTIALS = {"grant_type": "client_credentials"}

GRANT_SCENES: tuple[IdentityScene, ...] = (
    Scene("credentials: sample", grant("sample", **_CREDENTIALS)),
    Scene("credentials: sample, openid", grant("sample", **_CREDENTIALS, scope="openid")),
    Scene("credentials: robot", grant("robot", **_CREDENTIALS)),
    Scene("credentials: basic", _basic),
    *(
        Scene(f"password: {user}", grant("sample", **password(user)))
        for user in ("test1", "test2", "test4")
    ),
    Scene("password: openid", grant("sample", **password(scope="openid"))),
    Scene("password: public client", grant("public", **password("test2", scope="openid"))),
    Scene("refresh", _refresh({})),
    Scene("refresh: openid", _refresh({"scope": "openid"})),
    Scene("refresh: narrower", _refresh({"scope": "openid"}, scope="email")),
    Scene("refresh: openid is kept", _refresh({"scope": "openid"}, scope="openid")),
    Scene("refresh: wider", _refresh({}, scope="openid")),
    Scene("refresh: unknown scope", _refresh({}, scope="email nope")),
    Scene("refresh: empty scope", _refresh({}, scope="")),
    Scene("code: sample", _code("sample")),
    Scene("code: sample, openid and nonce", _code("sample", scope="openid", nonce="n-1")),
    Scene("code: public with PKCE", _code("public", scope="openid")),
    Scene("code: single sign-on", _single_sign_on),
    Scene("device: pending", _device),
    Scene("device: granted", _device_granted),
    Scene("device: denied", _device_denied),
)

DOCUMENT_SCENES: tuple[IdentityScene, ...] = (
    Scene("discovery", _discovery),
    Scene("keys", _get("/protocol/openid-connect/certs")),
    Scene("realm", _get("")),
    Scene("discovery: from a page", _discovery_from_a_page),
    Scene("keys: from a page", _get("/protocol/openid-connect/certs", Origin="http://a")),
    Scene("userinfo", _userinfo("GET", "sample", **password(scope="openid"))),
    Scene("userinfo: POST", _userinfo("POST", "sample", **password(scope="openid"))),
    Scene("userinfo: form", _userinfo("form", "public", **password(scope="openid"))),
    Scene("userinfo: service", _userinfo("GET", "sample", **_CREDENTIALS, scope="openid")),
    Scene("userinfo: no openid", _userinfo("GET", "sample", **password())),
    Scene("introspection", _introspect("access_token", "sample", **password())),
    Scene(
        "introspection: openid", _introspect("access_token", "sample", **password(scope="openid"))
    ),
    Scene("introspection: service", _introspect("access_token", "sample", **_CREDENTIALS)),
    Scene("introspection: other client", _introspect("access_token", "public", **password())),
    Scene("introspection: refresh token", _introspect("refresh_token", "sample", **password())),
    Scene("introspection: garbage", _introspect("", "sample")),
)
