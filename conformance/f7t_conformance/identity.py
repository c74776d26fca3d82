"""Tokens of the callers: fetched once, renewed before they expire, never shown."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Mapping
from typing import Any

import requests

from f7t_conformance.configuration import Identity
from f7t_conformance.redaction import remember

_RENEWAL = 15.0
_COMMAND_LIMIT = 60
_REQUEST_LIMIT = 30


class NoToken(Exception):
    """No token can be had; the message says why and holds no secret."""


class Caller:
    """One identity and its present token."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._token = ""
        self._renew_at = 0.0

    @property
    def token(self) -> str:
        """A valid token.

        Raises:
            NoToken: the issuer refuses, the command fails, a file is missing.
        """
        if time.monotonic() >= self._renew_at:
            self._token, lifetime = self._fetch()
            remember(self._token)
            self._renew_at = time.monotonic() + max(lifetime - _RENEWAL, 1.0)
        return self._token

    @property
    def claims(self) -> Mapping[str, Any]:
        """Payload of the token, unverified; empty if it is none that we can read."""
        try:
            payload = self.token.split(".")[1]
            read = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except (IndexError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _fetch(self) -> tuple[str, float]:
        one = self._identity
        try:
            for name in ("client_secret", "password"):
                remember(one.secret(name))
            token = one.secret("token")
            if token:
                return token, float("inf")
            if one.command:
                return _printed(one.command), 60.0
            if one.token_url:
                return _granted(one)
        except OSError as error:
            raise NoToken(f"cannot read {error.filename}: {error.strerror}") from error
        raise NoToken("no identity is configured: give a token, a command or a token_url")


def _printed(command: str) -> str:
    """What the operator's own shell command prints; it is theirs, so a shell runs it."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            capture_output=True,
            text=True,
            timeout=_COMMAND_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        reason = f"the token command did not end within {_COMMAND_LIMIT} s"
        raise NoToken(reason) from None
    token = done.stdout.strip()
    if done.returncode or not token:
        raise NoToken(f"the token command ended with status {done.returncode} and no token")
    return token


def _granted(one: Identity) -> tuple[str, float]:
    form = {"client_id": one.client_id, "client_secret": one.secret("client_secret")}
    if one.username:
        form |= {
            "grant_type": "password",
            "username": one.username,
            "password": one.secret("password"),
        }
    else:
        form["grant_type"] = "client_credentials"
    try:
        answer = requests.post(one.token_url, data=form, timeout=_REQUEST_LIMIT)
        body = answer.json()
        return _text(body["access_token"]), float(body.get("expires_in", 60))
    except requests.JSONDecodeError as error:
        raise NoToken(f"{one.token_url} answered {answer.status_code} and no JSON") from error
    except requests.RequestException as error:
        raise NoToken(f"{one.token_url} does not answer: {type(error).__name__}") from error
    except (KeyError, TypeError, ValueError) as error:
        reason = body.get("error", "no token") if isinstance(body, dict) else "no token"
        raise NoToken(f"{one.token_url} answered {answer.status_code}: {reason}") from error


def _text(token: object) -> str:
    if not isinstance(token, str):
        raise TypeError("a token is a text")
    return token
