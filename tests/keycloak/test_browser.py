"""The authorization endpoint, the pages, and what protects them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.support.issuer import Browser, Names, RunningIssuer

NewBrowser = Callable[[], "Browser"]
SentBack = Callable[[httpx.Response], dict[str, str]]

SAMPLE = {
    "client_id": "firecrest-sample",
    "redirect_uri": "http://localhost:7000/cb",
    "response_type": "code",
    "state": "st",
}
PUBLIC = {**SAMPLE, "client_id": "firecrest-public"}
PUBLIC["redirect_uri"] = "http://localhost:7000/callback"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"client_id": "who"}, "Client not found."),
        ({"redirect_uri": "http://evil.example/"}, "Invalid parameter: redirect_uri"),
        ({"redirect_uri": ""}, "Invalid parameter: redirect_uri"),
        ({"redirect_uri": "http://localhost:7000.evil.example/"}, "redirect_uri"),
        ({"redirect_uri": "http://localhost:7000/../x"}, "redirect_uri"),
        ({"redirect_uri": "http://localhost:7000/%2e%2E/x"}, "redirect_uri"),
        ({"redirect_uri": "http://localhost:7000/x#y"}, "redirect_uri"),
        ({"redirect_uri": "http://localhost:7000/x\r\nA: b"}, "redirect_uri"),
        ({"client_id": "firecrest-robot"}, "Invalid parameter: redirect_uri"),
    ],
)
def test_refusals_shown_to_the_person(
    new_browser: NewBrowser, change: dict[str, str], text: str
) -> None:
    page = new_browser().authorize(**{**SAMPLE, **change})
    assert page.status_code == 400
    assert "location" not in page.headers
    assert text in page.text


def test_missing_client(new_browser: NewBrowser) -> None:
    page = new_browser().authorize()
    assert page.status_code == 400
    assert "Invalid Request" in page.text


@pytest.mark.parametrize(
    ("query", "error", "description"),
    [
        ({**SAMPLE, "response_type": "odd"}, "unsupported_response_type", None),
        (
            {**SAMPLE, "response_type": "token"},
            "unauthorized_client",
            "Client is not allowed to initiate browser login with given response_type."
            " Implicit flow is disabled for the client.",
        ),
        ({**SAMPLE, "scope": "nope"}, "invalid_scope", "Invalid scopes: nope"),
        ({**SAMPLE, "prompt": "none"}, "login_required", None),
        (
            {**SAMPLE, "response_mode": "form_post"},
            *("invalid_request", "Invalid parameter: response_mode"),
        ),
        (PUBLIC, "invalid_request", "Missing parameter: code_challenge_method"),
        (
            {**PUBLIC, "code_challenge": "x" * 43, "code_challenge_method": "plain"},
            "invalid_request",
            "Invalid parameter: code challenge method is not matching the configured one",
        ),
        (
            {**PUBLIC, "code_challenge": "short", "code_challenge_method": "S256"},
            *("invalid_request", "Invalid parameter: code_challenge"),
        ),
    ],
)
def test_refusals_told_to_the_client(
    new_browser: NewBrowser,
    names: Names,
    sent_back: SentBack,
    query: dict[str, str],
    error: str,
    description: str | None,
) -> None:
    answer = new_browser().authorize(**query)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(query["redirect_uri"] + "?")
    back = sent_back(answer)
    assert (back["error"], back.get("error_description")) == (error, description)
    assert (back["state"], back["iss"]) == ("st", names.iss)


def test_missing_response_type(new_browser: NewBrowser, sent_back: SentBack) -> None:
    query = {key: value for key, value in SAMPLE.items() if key != "response_type"}
    back = sent_back(new_browser().authorize(**query))
    assert back["error_description"] == "Missing parameter: response_type"


def test_wrong_password_shows_the_form_again(new_browser: NewBrowser) -> None:
    browser = new_browser()
    page = browser.login("test1", "wrong", **SAMPLE)
    assert page.status_code == 200
    assert "Invalid username or password." in page.text
    assert browser.submit(page, username="test1", password="test11").status_code == 302


def test_form_is_good_for_one_try(new_browser: NewBrowser) -> None:
    browser = new_browser()
    first = browser.authorize(**SAMPLE)
    browser.submit(first, username="test1", password="wrong")
    again = browser.submit(first, username="test1", password="test11")
    assert again.status_code == 200
    assert "location" not in again.headers


def test_form_is_bound_to_the_browser(new_browser: NewBrowser) -> None:
    page = new_browser().authorize(**SAMPLE)
    other = new_browser()
    stranger = other.submit(page, username="test1", password="test11")
    assert stranger.status_code == 400
    other.authorize(**SAMPLE)
    assert other.submit(page, username="test1", password="test11").status_code == 400


def test_page_escapes_what_it_is_given(new_browser: NewBrowser) -> None:
    browser = new_browser()
    hint = '"><script>alert(1)</script>'
    page = browser.authorize(**SAMPLE, login_hint=hint)
    again = browser.submit(page, username=hint, password="x")
    for seen in (page, again):
        assert "<script>" not in seen.text
        assert "&lt;script&gt;" in seen.text
        assert "default-src 'none'" in seen.headers["content-security-policy"]
        assert seen.headers["x-frame-options"] == "DENY"


def test_cookies_are_closed_to_scripts_and_bound_to_the_realm(new_browser: NewBrowser) -> None:
    browser = new_browser()
    answers = [browser.authorize(**SAMPLE), browser.login(**SAMPLE)]
    cookies = [text for seen in answers for text in seen.headers.get_list("set-cookie")]
    assert {text.partition("=")[0] for text in cookies} >= {"AUTH_SESSION_ID", "KEYCLOAK_IDENTITY"}
    for text in cookies:
        assert "HttpOnly" in text
        assert "SameSite=lax" in text
        assert "Path=/auth/realms/kcrealm/" in text


def test_single_sign_on(
    new_browser: NewBrowser, issuer: RunningIssuer, names: Names, sent_back: SentBack
) -> None:
    browser = new_browser()
    first = sent_back(browser.login(**SAMPLE))
    silent = sent_back(browser.authorize(**SAMPLE, prompt="none"))
    assert silent["session_state"] == first["session_state"]
    form = {"grant_type": "authorization_code", **names.sample, "code": silent["code"]}
    body = issuer.token({**form, "redirect_uri": SAMPLE["redirect_uri"]}).json()
    assert issuer.claims(body["access_token"])["acr"] == "0", "nobody typed a password"
    assert browser.authorize(**SAMPLE, prompt="login").status_code == 200


def test_fragment_mode(new_browser: NewBrowser, sent_back: SentBack) -> None:
    answer = new_browser().login(**SAMPLE, response_mode="fragment")
    assert answer.headers["location"].startswith("http://localhost:7000/cb#")
    assert "code" in sent_back(answer)


def _device(issuer: RunningIssuer, names: Names) -> dict[str, str]:
    pkce = {"code_challenge": names.challenge, "code_challenge_method": "S256"}
    form = {"client_id": "firecrest-public", **pkce}
    body: dict[str, str] = issuer.http.post(f"{issuer.oidc}/auth/device", data=form).json()
    return body


def test_device_page_and_denial(
    new_browser: NewBrowser, issuer: RunningIssuer, names: Names
) -> None:
    device = _device(issuer, names)
    browser = new_browser()
    browser.login(**SAMPLE)
    page = browser.open("/auth/realms/kcrealm/device")
    wrong = browser.submit(page, device_user_code="AAAA-AAAA-no")
    assert "Invalid code" in wrong.text
    consent = browser.follow(browser.submit(wrong, device_user_code=device["user_code"]))
    assert "Grant Access" in consent.text, "who is logged in is not asked again"
    assert "Consent denied" in browser.submit(consent, cancel="No").text
    form = {"grant_type": names.device_grant, "client_id": "firecrest-public"}
    answer = issuer.token({**form, "device_code": device["device_code"]})
    assert (answer.status_code, answer.json()["error"]) == (400, "access_denied")


def test_device_consent_needs_its_own_page(
    new_browser: NewBrowser, issuer: RunningIssuer, names: Names
) -> None:
    device = _device(issuer, names)
    browser = new_browser()
    browser.login(**SAMPLE)
    consent = browser.follow(
        browser.open(f"/auth/realms/kcrealm/device?user_code={device['user_code']}")
    )
    forged = browser.http.post(str(consent.url), data={"accept": "Yes", "code": "guessed"})
    assert forged.status_code == 400
    form = {"grant_type": names.device_grant, "client_id": "firecrest-public"}
    answer = issuer.token({**form, "device_code": device["device_code"]})
    assert answer.json()["error"] == "authorization_pending"


def test_logout_with_a_hint(issuer: RunningIssuer, names: Names, new_browser: NewBrowser) -> None:
    body = issuer.token({**names.password, "scope": "openid"}).json()
    url = f"{issuer.oidc}/logout"
    query = {"id_token_hint": body["id_token"], "state": "s"}
    bad = {**query, "post_logout_redirect_uri": "http://evil.example/"}
    assert issuer.http.get(url, params=bad).status_code == 400
    good = {**query, "post_logout_redirect_uri": "http://localhost:7000/bye"}
    answer = issuer.http.get(url, params=good)
    assert answer.headers["location"] == "http://localhost:7000/bye?state=s"
    refresh = {"grant_type": "refresh_token", **names.sample}
    gone = issuer.token({**refresh, "refresh_token": body["refresh_token"]})
    assert gone.json()["error_description"] == "Session not active"
    assert "You are logged out" in issuer.http.get(url, params=query).text


def test_logout_asks_first(new_browser: NewBrowser) -> None:
    browser = new_browser()
    browser.login(**SAMPLE)
    page = browser.open("/auth/realms/kcrealm/protocol/openid-connect/logout")
    assert "Do you want to log out?" in page.text
    assert browser.authorize(**SAMPLE).status_code == 302, "asking alone ends nothing"
    assert "You are logged out" in browser.submit(page).text
    assert browser.authorize(**SAMPLE).status_code == 200
