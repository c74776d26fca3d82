"""What happens when time passes; the clock is ours, so nothing waits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.keycloak.conftest import TimedIssuer
    from tests.support.issuer import Names

REDIRECT = "http://localhost:7000/cb"


async def _description(answer: httpx.Response) -> str:
    assert answer.status_code == 400
    return str(answer.json()["error_description"])


async def _refresh(timed: TimedIssuer, names: Names, token: str) -> httpx.Response:
    form = {"grant_type": "refresh_token", **names.sample, "refresh_token": token}
    return await timed.token(form)


async def test_refresh_token_expires_with_idle_time(timed: TimedIssuer, names: Names) -> None:
    token = (await timed.token(names.password)).json()["refresh_token"]
    timed.clock.now += 1799
    assert (await _refresh(timed, names, token)).status_code == 200
    timed.clock.now += 1
    assert await _description(await _refresh(timed, names, token)) == "Token is not active"


async def test_session_has_a_longest_life(timed: TimedIssuer, names: Names) -> None:
    body = (await timed.token(names.password)).json()
    for _ in range(20):
        timed.clock.now += 1750
        body = (await _refresh(timed, names, body["refresh_token"])).json()
    assert body["refresh_expires_in"] == 36000 - 20 * 1750
    timed.clock.now += 800
    body = (await _refresh(timed, names, body["refresh_token"])).json()
    assert body["expires_in"] == 200, "an access token does not outlive its session"
    timed.clock.now += 200
    answer = await _refresh(timed, names, body["refresh_token"])
    assert await _description(answer) == "Token is not active"


async def test_access_token_expires(timed: TimedIssuer, names: Names) -> None:
    body = (await timed.token({**names.password, "scope": "openid"})).json()
    header = {"Authorization": f"Bearer {body['access_token']}"}
    timed.clock.now += 299
    assert (await timed.http.get(f"{timed.oidc}/userinfo", headers=header)).status_code == 200
    timed.clock.now += 1
    assert (await timed.http.get(f"{timed.oidc}/userinfo", headers=header)).status_code == 401
    form = {**names.sample, "token": body["access_token"]}
    state = await timed.http.post(f"{timed.oidc}/token/introspect", data=form)
    assert state.json() == {"active": False}


async def _code(timed: TimedIssuer, **more: str) -> httpx.Response:
    query = {"client_id": "firecrest-sample", "redirect_uri": REDIRECT, "response_type": "code"}
    page = await timed.http.get(f"{timed.oidc}/auth", params={**query, **more})
    if page.status_code == 302:
        return page
    action = re.findall(r'action="([^"]+)"', page.text)[0].replace("&amp;", "&")
    login = {"username": "test1", "password": "test11"}
    return await timed.http.post(action, data=login)


@pytest.mark.parametrize(("age", "answer"), [(59, 200), (60, 400)])
async def test_code_lives_a_minute(timed: TimedIssuer, names: Names, age: int, answer: int) -> None:
    back = httpx.URL((await _code(timed)).headers["location"]).params
    timed.clock.now += age
    form = {"grant_type": "authorization_code", **names.sample, "code": back["code"]}
    response = await timed.token({**form, "redirect_uri": REDIRECT})
    assert response.status_code == answer
    if answer == 400:
        assert response.json()["error_description"] == "Code is expired"


async def test_login_page_expires(timed: TimedIssuer) -> None:
    query = {"client_id": "firecrest-sample", "redirect_uri": REDIRECT, "response_type": "code"}
    page = await timed.http.get(f"{timed.oidc}/auth", params=query)
    action = re.findall(r'action="([^"]+)"', page.text)[0].replace("&amp;", "&")
    timed.clock.now += 1800
    answer = await timed.http.post(action, data={"username": "test1", "password": "test11"})
    assert answer.status_code == 400


async def test_max_age_asks_for_a_new_login(timed: TimedIssuer) -> None:
    await _code(timed)
    timed.clock.now += 30
    query = {"client_id": "firecrest-sample", "redirect_uri": REDIRECT, "response_type": "code"}
    old = await timed.http.get(f"{timed.oidc}/auth", params={**query, "max_age": "60"})
    new = await timed.http.get(f"{timed.oidc}/auth", params={**query, "max_age": "20"})
    assert (old.status_code, new.status_code) == (302, 200)


async def test_device_polling(timed: TimedIssuer, names: Names) -> None:
    pkce = {"code_challenge": names.challenge, "code_challenge_method": "S256"}
    start = {"client_id": "firecrest-public", **pkce}
    device = (await timed.http.post(f"{timed.oidc}/auth/device", data=start)).json()
    form = {"grant_type": names.device_grant, "client_id": "firecrest-public"}
    form |= {"device_code": device["device_code"], "code_verifier": names.verifier}
    seen = []
    for pause in (0, 4, 5, 600):
        timed.clock.now += pause
        answer = await timed.token(form)
        seen.append((answer.status_code, answer.json()["error"]))
    assert seen == [
        (400, "authorization_pending"),
        (400, "slow_down"),
        (400, "authorization_pending"),
        (400, "expired_token"),
    ]


async def test_old_state_is_dropped() -> None:
    """Memory stays bounded: what expired is gone with the next thing that is added."""
    from f7t_identity.realm import Lifespans
    from f7t_identity.sessions import Memory

    now = [0.0]
    lifespans = Lifespans(300, 1800, 36000, 60, 1800, 600, 5)
    memory = Memory(lifespans, lambda: now[0])
    for _ in range(50):
        memory.open_session("somebody", None)
        memory.begin_login("browser", "client", None, None)
        memory.begin_device("client", None, None, "plain")
        memory.revoke(str(now[0]), now[0] + 300)
        now[0] += 3600
    assert memory.size() <= 8
