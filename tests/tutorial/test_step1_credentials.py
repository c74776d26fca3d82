"""Step 1 of the tutorial: tokens, and how a bad one is refused (T03 to T07)."""
# ruff: noqa: N802 - the rows of the walk have capital letters

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.installation import realm_key_of
from tests.support.live import Live
from tests.tutorial.clients import Client, Curl
from tests.tutorial.walk import HOME, USER, created, reached

EVERY_SERVICE = [
    ("GET", "/status/systems"),
    ("GET", f"/utilities/ls?targetPath={HOME}"),
    ("POST", "/utilities/upload"),
    ("GET", "/utilities/download"),
    ("POST", "/compute/jobs"),
    ("GET", "/compute/jobs"),
    ("GET", "/compute/jobs/1"),
    ("GET", "/compute/acct"),
    ("POST", "/storage/xfer-external/upload"),
    ("POST", "/storage/xfer-external/download"),
    ("GET", "/tasks"),
    ("GET", "/tasks/af516f55496faf473d3bcaa042c52431"),
    ("GET", "/nowhere"),
]


def signing_key(live: Live) -> rsa.RSAPrivateKey:
    """The realm's present key, to make tokens with that the issuer would not make."""
    text = realm_key_of(live.testbuild, live.choices.runtime, live.choices.identity)
    if text is None:
        pytest.skip("Keycloak gives its signing key to nobody, so no such token can be made")
    key = serialization.load_pem_private_key(text, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def forged(live: Live, key: rsa.RSAPrivateKey, **changed: Any) -> str:
    """A token like a genuine one of the tutorial's user, with other claims, signed with `key`."""
    genuine = live.token(USER)
    claims = jwt.decode(genuine, options={"verify_signature": False})
    headers = {"kid": jwt.get_unverified_header(genuine)["kid"]}
    return jwt.encode({**claims, **changed}, key, algorithm="RS256", headers=headers)


@pytest.mark.parametrize(("method", "path"), EVERY_SERVICE)
def test_T03_without_a_token_every_call_is_unauthorized(live: Live, method: str, path: str) -> None:
    headers = {"X-Machine-Name": "cluster"}
    answer = requests.request(method, live.url + path, headers=headers, timeout=10)
    assert answer.status_code == 401
    assert answer.json() == {"message": "Unauthorized"}


@pytest.mark.parametrize("token", ["<token>", "abc"])
def test_T04_an_invalid_token_is_named_invalid_json(
    client_of: Callable[[str], Client], token: str
) -> None:
    answer = client_of(token).systems()
    assert answer.status == 401
    assert answer.json() == {"message": "Bad token; invalid JSON"}


def test_T05_an_expired_token_is_named_expired(
    client_of: Callable[[str], Client], live: Live
) -> None:
    """Genuine in everything, the signature too, but its time is over."""
    now = int(time.time())
    fresh = forged(live, signing_key(live), iat=now - 310, exp=now + 60)
    assert client_of(fresh).systems().status == 200
    expired = forged(live, signing_key(live), iat=now - 310, exp=now - 10)
    answer = client_of(expired).systems()
    assert answer.status == 401
    assert answer.json() == {"exp": "token expired"}


def test_T05_an_accepted_token_is_refused_when_its_time_is_over(live: Live, curl: Curl) -> None:
    """The gateway remembers accepted tokens, but not beyond their time."""
    token = forged(live, signing_key(live), exp=int(time.time()) + 2)
    once = Curl(curl.url, token, curl.settings)
    assert once.systems().status == 200
    while time.time() < jwt.decode(token, options={"verify_signature": False})["exp"]:
        time.sleep(0.05)
    answer = once.systems()
    assert answer.status == 401
    assert answer.json() == {"exp": "token expired"}


def test_T06_another_key_is_an_invalid_signature(
    client_of: Callable[[str], Client], live: Live
) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = client_of(forged(live, other)).systems()
    assert answer.status == 401
    assert answer.json() == {"message": "Invalid signature"}


def test_T06_another_issuer_has_no_credentials(
    client_of: Callable[[str], Client], live: Live
) -> None:
    elsewhere = live.testbuild.issuer.replace("kcrealm", "otherrealm")
    answer = client_of(forged(live, signing_key(live), iss=elsewhere)).systems()
    assert answer.status == 401
    assert answer.json() == {"message": "No credentials found for given 'iss'"}


def test_T07_one_token_opens_all_services(client: Client, live: Live, input_file: Path) -> None:
    assert client.systems().status == 200
    assert client.listing(HOME).status == 200
    assert client.upload(input_file, HOME).status == 201
    assert client.jobs().status == 200
    task_id = created(client.external_upload(str(input_file), HOME), live.url)
    assert reached(client, task_id, "111")["user"] == USER
