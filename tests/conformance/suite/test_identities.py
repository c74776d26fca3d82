"""Tokens of the callers: from where, renewed when, and readable words where there is none."""

from __future__ import annotations

import base64
import json
import shlex
import sys
from pathlib import Path

import pytest

from f7t_conformance.configuration import Identity
from f7t_conformance.identity import Caller, NoToken
from tests.conformance.suite.answering import Said, answering, said

SECRET = "S3cr3tV4lu3"


def _caller(**given: object) -> Caller:
    return Caller(Identity.model_validate(given))


def test_a_token_as_it_is_or_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assert _caller(token="as-it-is").token == "as-it-is"
    assert _caller(token_file=file).token == "from-file"


def test_a_command_is_run_once_and_not_for_every_call(tmp_path: Path) -> None:
    counter = tmp_path / "count"
    caller = _caller(command=f"echo x >> {shlex.quote(str(counter))}; echo printed")
    assert (caller.token, caller.token) == ("printed", "printed")
    assert counter.read_text() == "x\n"


@pytest.mark.parametrize(
    "command",
    [f"echo {SECRET}; exit 3", "true", f"echo {SECRET} >&2; false", f"/nowhere/{SECRET}"],
)
def test_a_command_that_fails_is_told_without_what_it_said(command: str) -> None:
    with pytest.raises(NoToken, match="command ended with status") as caught:
        _ = _caller(command=command).token
    assert SECRET not in str(caught.value)


def test_a_command_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("f7t_conformance.identity._COMMAND_LIMIT", 0.1)
    python = shlex.quote(sys.executable)
    with pytest.raises(NoToken, match="did not end within") as caught:
        _ = _caller(command=f"exec {python} -c 'import time; time.sleep(60)' {SECRET}").token
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("field", ["token_file", "client_secret_file"])
def test_a_file_that_is_not_there_is_told(field: str) -> None:
    more = {} if field == "token_file" else {"token_url": "http://127.0.0.1:1", "client_id": "c"}
    with pytest.raises(NoToken, match=r"/nowhere/token"):
        _ = _caller(**{field: "/nowhere/token"}, **more).token


def test_without_any_way_there_is_no_token() -> None:
    with pytest.raises(NoToken, match="no identity is configured"):
        _ = _caller().token


@pytest.mark.parametrize(
    ("more", "grant"),
    [
        ({}, {"grant_type": "client_credentials"}),
        (
            {"username": "me", "password": SECRET},
            {"grant_type": "password", "username": "me", "password": SECRET},
        ),
    ],
)
def test_the_grant_is_the_one_that_was_configured(
    more: dict[str, str], grant: dict[str, str]
) -> None:
    with answering({"/token": said({"access_token": "granted", "expires_in": 300})}) as issuer:
        url = f"{issuer.url}/token"
        caller = _caller(token_url=url, client_id="c", client_secret="s", **more)
        assert (caller.token, caller.token) == ("granted", "granted")
    client = {"client_id": "c", "client_secret": "s"}
    assert issuer.asked == [("POST", "/token", {**client, **grant})]


def test_a_token_is_renewed_before_it_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("f7t_conformance.identity.time.monotonic", lambda: now[0])
    with answering({"/token": said({"access_token": "first", "expires_in": 300})}) as issuer:
        caller = _caller(token_url=f"{issuer.url}/token", client_id="c")
        assert caller.token == "first"
        issuer.answers["/token"] = said({"access_token": "second", "expires_in": 300})
        now[0] += 200
        assert caller.token == "first"
        now[0] += 99
        assert caller.token == "second"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (said({"error": "invalid_client"}, 401), "answered 401: invalid_client"),
        (said(b"<html>", 502), "answered 502 and no JSON"),
        (said({}), "answered 200: no token"),
        (said([]), "answered 200: no token"),
        (said({"access_token": None}), "answered 200: no token"),
        (said({"access_token": SECRET, "expires_in": "soon"}), "answered 200: no token"),
    ],
)
def test_an_issuer_that_gives_none_is_told(answer: Said, told: str) -> None:
    with answering({"/token": answer}) as issuer:
        caller = _caller(token_url=f"{issuer.url}/token", client_id="c", client_secret=SECRET)
        with pytest.raises(NoToken, match=told) as caught:
            _ = caller.token
    assert SECRET not in str(caught.value)


def test_an_issuer_that_does_not_answer_is_told() -> None:
    with answering({}) as issuer:
        gone = issuer.url
    with pytest.raises(NoToken, match="does not answer: ConnectionError"):
        _ = _caller(token_url=f"{gone}/token", client_id="c").token


def _payload(claims: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("token", "claims"),
    [
        (f"h.{_payload({'sub': 'a'})}.s", {"sub": "a"}),
        (f"h.{_payload(['no', 'object'])}.s", {}),
        ("h.###.s", {}),
        ("opaque", {}),
    ],
)
def test_claims_are_read_where_there_are_some(token: str, claims: dict[str, str]) -> None:
    assert _caller(token=token).claims == claims
