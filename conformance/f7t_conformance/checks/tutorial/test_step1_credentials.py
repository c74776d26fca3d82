"""Step 1: tokens, and how a bad one is refused (T03 to T07)."""

from __future__ import annotations

import base64
import json
from typing import Any

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, Place, created
from f7t_conformance.binding import requirement
from f7t_conformance.configuration import Settings

PUBLISHED = (
    ("GET", "/status/systems"),
    ("GET", "/utilities/ls"),
    ("POST", "/utilities/upload"),
    ("POST", "/compute/jobs"),
    ("GET", "/compute/acct"),
    ("POST", "/storage/xfer-external/upload"),
    ("GET", "/tasks"),
)


def refused(api: Api, token: str, body: dict[str, str]) -> None:
    """`/status/systems` with this token must be answered with exactly this body."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = api.call("GET", "/status/systems", headers=headers).expect(401)
    if answer.json != body:
        raise Unexpected(f"exactly {json.dumps(body)}", answer.excerpt)


def forged(api: Api, **changed: Any) -> str:  # noqa: ANN401
    """The caller's token with other claims under the old signature."""
    assert api.caller is not None
    header, _, signature = api.caller.token.split(".")
    claims = json.dumps({**api.caller.claims, **changed}).encode()
    return f"{header}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{signature}"


@requirement("F7T-TUT-003")
def test_without_a_token_all_is_unauthorized(anonymous: Api) -> None:
    for method, path in PUBLISHED:
        answer = anonymous.call(method, path).expect(401)
        if answer.json != {"message": "Unauthorized"}:
            raise Unexpected('{"message": "Unauthorized"}', answer.excerpt)


@requirement("F7T-TUT-004")
def test_an_invalid_token_is_named_invalid_json(api: Api) -> None:
    for token in ("<token>", "abc"):
        refused(api, token, {"message": "Bad token; invalid JSON"})


@requirement("F7T-TUT-005")
def test_an_expired_token_is_named_expired(api: Api, settings: Settings) -> None:
    assert settings.expired_token is not None
    refused(api, settings.expired_token.get_secret_value(), {"exp": "token expired"})


@requirement("F7T-TUT-006")
def test_a_forged_token_is_refused(api: Api) -> None:
    refused(api, forged(api, preferred_username="somebody"), {"message": "Invalid signature"})
    elsewhere = forged(api, iss="http://f7t-conformance.invalid")
    refused(api, elsewhere, {"message": "No credentials found for given 'iss'"})


@requirement("F7T-TUT-007")
def test_one_token_opens_all_services(api: Api, place: Place, belongings: Belongings) -> None:
    api.get("/status/systems").expect(200)
    api.get("/utilities/ls", targetPath=place.path).expect(200)
    created(api.get("/compute/jobs"))
    answer = api.post("/storage/xfer-external/download", sourcePath=place.write("a"))
    belongings.own_transfer(created(answer))
    api.get("/tasks").expect(200)
