"""Scenes of the issuer: what it refuses, and in which words; ends of sessions; other pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.fidelity.comparison import Scene
from tests.fidelity.grant_scenes import (
    PKCE,
    IdentityScene,
    Play,
    authorization,
    bearer,
    code_form,
    password,
)
from tests.fidelity.identity import IdentityServer
from tests.support.issuer import DEVICE_GRANT, VERIFIER, parameters
from tests.support.refusals import CREDENTIALS, PUBLIC, REFRESH, REFUSALS


def _refused(who: str, form: Mapping[str, str]) -> Play:
    return lambda server: server.seen(server.issuer.token({**server.form(who), **form}))


def _raw(content: bytes, kind: str = "application/x-www-form-urlencoded", **headers: str) -> Play:
    """A body that is not what httpx makes of a form; ``@`` stands for the client's fields."""

    def play(server: IdentityServer) -> Any:
        client = "&".join(f"{name}={value}" for name, value in server.sample.items())
        body = content.replace(b"@", client.encode())
        return server.seen(
            server.issuer.http.post(
                f"{server.issuer.oidc}/token",
                content=body,
                headers={"Content-Type": kind, **headers},
            )
        )

    return play


def _code_refused(who: str, change: Mapping[str, str | None], client: str | None = None) -> Play:
    """A code redeemed with some fields changed (None: left out), then redeemed as it should be."""

    def play(server: IdentityServer) -> Any:
        query = authorization(who)
        code = parameters(server.browser().login(**query))["code"]
        right = {**server.form(who), **code_form(who, code)}
        wrong = {**right, **server.form(client or who), **change}
        first = server.issuer.token({name: v for name, v in wrong.items() if v is not None})
        return {"refused": server.seen(first), "then": server.seen(server.issuer.token(right))}

    return play


def _second_use(server: IdentityServer) -> Any:
    code = parameters(server.browser().login(**authorization("sample")))["code"]
    form = {**server.sample, **code_form("sample", code)}
    given = server.issuer.token(form).json()
    again = server.issuer.token(form)
    refresh = {**REFRESH, **server.sample, "refresh_token": given["refresh_token"]}
    seen = {**server.sample, "token": given["access_token"]}
    return {
        "again": server.seen(again),
        "refresh": server.seen(server.issuer.token(refresh)),
        "introspection": server.seen(server.post("token/introspect", seen)),
    }


def _foreign_refresh(server: IdentityServer) -> Any:
    foreign = server.granted("public", **password())["refresh_token"]
    return server.seen(server.issuer.token({**REFRESH, **server.sample, "refresh_token": foreign}))


def _access_as_refresh(server: IdentityServer) -> Any:
    token = server.granted("sample", **CREDENTIALS)["access_token"]
    return server.seen(server.issuer.token({**REFRESH, **server.sample, "refresh_token": token}))


def _post(path: str, who: str, form: Mapping[str, str], **headers: str) -> Play:
    return lambda server: server.seen(
        server.post(path, {**server.form(who), **form}, headers=headers)
    )


def _userinfo(header: str | None) -> Play:
    def play(server: IdentityServer) -> Any:
        headers = {} if header is None else {"Authorization": header}
        return server.seen(
            server.issuer.http.get(f"{server.issuer.oidc}/userinfo", headers=headers)
        )

    return play


def _userinfo_of(kind: str) -> Play:
    def play(server: IdentityServer) -> Any:
        token = server.granted("sample", **password(scope="openid"))[kind]
        broken = token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")
        url = f"{server.issuer.oidc}/userinfo"
        return {
            "genuine": server.issuer.http.get(url, headers=bearer(token)).status_code,
            "broken": server.seen(server.issuer.http.get(url, headers=bearer(broken))),
        }

    return play


def _userinfo_twice(server: IdentityServer) -> Any:
    token = server.granted("sample", **password(scope="openid"))["access_token"]
    url, form = f"{server.issuer.oidc}/userinfo", {"access_token": token}
    return server.seen(server.issuer.http.post(url, data=form, headers=bearer(token)))


def _authorize(text: str, change: Mapping[str, str | None], who: str = "sample") -> Play:
    """An authorization request that is answered by a page or by a redirect with an error."""

    def play(server: IdentityServer) -> Any:
        query = {**authorization(who), **change}
        answer = server.browser().authorize(**{k: v for k, v in query.items() if v is not None})
        back = parameters(answer) if answer.status_code == 302 else {}
        return {
            "status": answer.status_code,
            "page says it": text in re.sub(r"&#0?39;", "'", answer.text) if not back else None,
            "parameters": {name: server.plain(value) for name, value in back.items()},
        }

    return play


def _login(server: IdentityServer) -> Any:
    browser = server.browser()
    page = browser.authorize(**authorization("sample"))
    wrong = browser.submit(page, username="test1", password="wrong")
    return {
        "page": server.seen(page),
        "wrong": server.seen(wrong),
        "text": "Invalid username or password." in wrong.text,
        "right": browser.submit(wrong, username="test1", password="test11").status_code,
    }


def _stranger(server: IdentityServer) -> Any:
    page = server.browser().authorize(**authorization("sample"))
    return server.browser().submit(page, username="test1", password="test11").status_code


def _revoke(kind: str) -> Play:
    def play(server: IdentityServer) -> Any:
        given = server.granted("sample", **password(scope="openid"))
        answer = server.post("revoke", {**server.sample, "token": given[kind]})
        seen = {**server.sample, "token": given["access_token"]}
        refresh = {**REFRESH, **server.sample, "refresh_token": given["refresh_token"]}
        return {
            "revoked": server.seen(answer),
            "introspection": server.seen(server.post("token/introspect", seen)),
            "refresh": server.seen(server.issuer.token(refresh))["status"],
            "words": server.issuer.token(refresh).json().get("error_description"),
        }

    return play


def _revoke_foreign(server: IdentityServer) -> Any:
    token = server.granted("public", **password())["refresh_token"]
    return server.seen(server.post("revoke", {**server.sample, "token": token}))


def _logout(server: IdentityServer) -> Any:
    token = server.granted("sample", **password())["refresh_token"]
    form = {**server.sample, "refresh_token": token}
    return {
        "wrong secret": server.seen(server.post("logout", {**form, "client_secret": "x"})),
        "garbage": server.seen(server.post("logout", {**form, "refresh_token": "x"})),
        "right": server.seen(server.post("logout", form)),
        "refresh": server.seen(server.issuer.token({**REFRESH, **form})),
        "again": server.seen(server.post("logout", form)),
    }


def _logout_hint(server: IdentityServer) -> Any:
    given = server.granted("sample", **password(scope="openid"))
    url = f"{server.issuer.oidc}/logout"
    query = {"id_token_hint": given["id_token"], "state": "s"}
    bad = {**query, "post_logout_redirect_uri": "http://evil.example/"}
    good = {**query, "post_logout_redirect_uri": "http://localhost:7000/bye"}
    refused, left = (server.issuer.http.get(url, params=each) for each in (bad, good))
    return {"refused": refused.status_code, "left": server.seen(left)}


def _cors(method: str, origin: str, secret: str | None = None) -> Play:
    def play(server: IdentityServer) -> Any:
        form = {**server.sample, **CREDENTIALS}
        form |= {"client_secret": secret} if secret else {}
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        if method == "POST":
            answer = server.issuer.token(form, headers={"Origin": origin})
        else:
            answer = server.issuer.http.options(f"{server.issuer.oidc}/token", headers=headers)
        return {name: v for name, v in server.seen(answer).items() if name != "body"}

    return play


def _request(method: str, path: str) -> Play:
    return lambda server: server.seen(
        server.issuer.http.request(method, f"{server.issuer.address}{path}")
    )


_OIDC = "/auth/realms/kcrealm/protocol/openid-connect"
_BAD = {"client_id": "firecrest-sample", "client_secret": "x"}
_LONG = b"grant_type=client_credentials&@&x=" + b"x" * 30_000

REFUSAL_SCENES: tuple[IdentityScene, ...] = (
    *(Scene(f"refused: {name}", _refused(case[0], case[1])) for name, case in REFUSALS.items()),
    Scene(
        "refused: malformed Basic",
        _raw(b"grant_type=client_credentials", Authorization="Basic !!!"),
    ),
    Scene("refused: repeated", _raw(b"grant_type=client_credentials&@&scope=email&scope=email")),
    Scene("refused: JSON", _raw(b'{"grant_type":"client_credentials"}', "application/json")),
    Scene("refused: long value", _raw(_LONG)),
    Scene("refused: foreign refresh token", _foreign_refresh),
    Scene("refused: access token to refresh", _access_as_refresh),
    Scene(
        "code: other redirect",
        _code_refused("sample", {"redirect_uri": "http://localhost:7000/no"}),
    ),
    Scene("code: other client", _code_refused("sample", {}, "robot")),
    Scene("code: needless verifier", _code_refused("sample", {"code_verifier": "x" * 50})),
    Scene("code: no verifier", _code_refused("public", {"code_verifier": None})),
    Scene("code: wrong verifier", _code_refused("public", {"code_verifier": "x" * 50})),
    Scene("code: short verifier", _code_refused("public", {"code_verifier": "short"})),
    Scene("code: second use", _second_use),
    Scene("device: nobody", _post("auth/device", "nobody", {})),
    Scene("device: no challenge", _post("auth/device", "public", {})),
    Scene(
        "device: plain challenge",
        _post("auth/device", "public", {**PKCE, "code_challenge_method": "plain"}),
    ),
    Scene("device: off", _post("auth/device", "sample", {})),
    Scene("device: unknown scope", _post("auth/device", "public", {**PKCE, "scope": "nope"})),
    Scene(
        "device: other client's grant",
        _post(
            "token",
            "robot",
            {"grant_type": DEVICE_GRANT, "device_code": "x", "code_verifier": VERIFIER},
        ),
    ),
    Scene("userinfo: nothing", _userinfo(None)),
    Scene("userinfo: basic", _userinfo("Basic abc")),
    Scene("userinfo: garbage", _userinfo("Bearer abc")),
    Scene("userinfo: three parts", _userinfo("Bearer a.b.c")),
    Scene("userinfo: algorithm none", _userinfo("Bearer e30.e30.")),
    Scene("userinfo: access token", _userinfo_of("access_token")),
    Scene("userinfo: refresh token", _userinfo_of("refresh_token")),
    Scene("userinfo: ID token", _userinfo_of("id_token")),
    Scene("userinfo: twice", _userinfo_twice),
    Scene("introspection: nobody", _post("token/introspect", "nobody", {"token": "x"})),
    Scene(
        "introspection: wrong secret", _post("token/introspect", "nobody", {"token": "x", **_BAD})
    ),
    Scene("introspection: public", _post("token/introspect", "public", {"token": "x"})),
    Scene("introspection: no token", _post("token/introspect", "sample", {})),
    Scene(
        "introspection: repeated",
        _post("token/introspect", "sample", {"token": "x", "token_type_hint": "refresh_token"}),
    ),
    Scene("revocation: access token", _revoke("access_token")),
    Scene("revocation: refresh token", _revoke("refresh_token")),
    Scene("revocation: foreign", _revoke_foreign),
    Scene("revocation: garbage", _post("revoke", "sample", {"token": "abc"})),
    Scene("revocation: no token", _post("revoke", "sample", {})),
    Scene(
        "revocation: no secret",
        _post("revoke", "nobody", {"client_id": "firecrest-sample", "token": "x"}),
    ),
    Scene("logout: refresh token", _logout),
    Scene("logout: hint", _logout_hint),
    Scene("logout: no token", _post("logout", "sample", {})),
    Scene("login", _login),
    Scene("login: another browser's form", _stranger),
    Scene("authorize: unknown client", _authorize("Client not found.", {"client_id": "who"})),
    Scene("authorize: no client", _authorize("Invalid Request", {"client_id": None})),
    *(
        Scene(
            f"authorize: redirect {uri!r}",
            _authorize("Invalid parameter: redirect_uri", {"redirect_uri": uri}),
        )
        for uri in (
            "http://evil.example/",
            "",
            "http://localhost:7000.evil.example/",
            "http://localhost:7000/../x",
            "http://localhost:7000/%2e%2E/x",
            "http://localhost:7000/x#y",
        )
    ),
    Scene(
        "authorize: robot",
        _authorize("Invalid parameter: redirect_uri", {"client_id": "firecrest-robot"}),
    ),
    Scene("authorize: token", _authorize("", {"response_type": "token"})),
    Scene("authorize: odd type", _authorize("", {"response_type": "odd"})),
    Scene("authorize: no type", _authorize("", {"response_type": None})),
    Scene("authorize: scope", _authorize("", {"scope": "nope"})),
    Scene("authorize: empty scope", _authorize("", {"scope": ""})),
    Scene("authorize: prompt=none", _authorize("", {"prompt": "none"})),
    Scene("authorize: response_mode", _authorize("", {"response_mode": "odd"})),
    Scene(
        "authorize: no PKCE",
        _authorize("", {"code_challenge": None, "code_challenge_method": None}, "public"),
    ),
    Scene("authorize: plain PKCE", _authorize("", {"code_challenge_method": "plain"}, "public")),
    Scene("authorize: short PKCE", _authorize("", {"code_challenge": "short"}, "public")),
    Scene("page: preflight", _cors("OPTIONS", "http://localhost:7000")),
    Scene("page: own", _cors("POST", "http://localhost:7000")),
    Scene("page: own, wrong secret", _cors("POST", "http://localhost:7000", "x")),
    Scene("page: evil", _cors("POST", "http://evil.example")),
    Scene("address: realm", _request("GET", "/auth/realms/other")),
    Scene(
        "address: realm's token",
        _request("POST", "/auth/realms/other/protocol/openid-connect/token"),
    ),
    Scene("address: below the realm", _request("GET", "/auth/realms/kcrealm/nope")),
    Scene("address: below auth", _request("GET", "/auth/nope")),
    *(
        Scene(f"method: {method} {name}", _request(method, f"{_OIDC}/{name}"))
        for method, name in (
            ("GET", "token"),
            ("PUT", "token"),
            ("POST", "certs"),
            ("GET", "token/introspect"),
            ("GET", "revoke"),
            ("GET", "auth/device"),
            ("DELETE", "userinfo"),
        )
    ),
    Scene("method: HEAD certs", _request("HEAD", f"{_OIDC}/certs")),
    Scene("post: public without a grant", _refused("nobody", PUBLIC)),
)
