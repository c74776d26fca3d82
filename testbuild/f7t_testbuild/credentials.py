"""Names and secrets of a testbuild's clients and users, and tokens issued for them.

Users, their passwords and the clients come from the realm file (Keycloak's import format); a value
`${F7T_CLIENT_SECRET}` there stands for the entry `client_secret` of the testbuild's secrets file.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from f7t_testbuild.distribution import data_path
from f7t_testbuild.invocation import command_line
from f7t_testbuild.model import CLIENT_ID, REALM, Testbuild

_PLACEHOLDER = re.compile(r"\$\{(?:F7T_)?([A-Z_]+)(?::[^}]*)?\}")
_TOKEN_TIMEOUT_SECONDS = 10.0


class CredentialFailure(Exception):
    """A secret is not there yet, a name is unknown, or the identity provider refused.

    Attributes:
        hint: what the person can do about it.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Client:
    """A confidential client of the realm."""

    client_id: str
    secret: str


@dataclass(frozen=True)
class User:
    """A user of the realm who can log in with a password."""

    name: str
    password: str


@dataclass(frozen=True)
class Realm:
    """What the command line needs of the realm file: clients and users by name."""

    clients: dict[str, str]
    """Client id to secret as written in the file (perhaps a placeholder)."""
    users: dict[str, str]
    """User name to password."""


def read_realm(path: Path) -> Realm:
    """Clients and users of a realm file in Keycloak's import format."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    clients = {
        entry["clientId"]: entry["secret"]
        for entry in document.get("clients", [])
        if "secret" in entry
    }
    users = {
        entry["username"]: credential["value"]
        for entry in document.get("users", [])
        for credential in entry.get("credentials", [])
        if credential.get("type") == "password" and "value" in credential
    }
    return Realm(clients, users)


def client_of(testbuild: Testbuild, client_id: str = CLIENT_ID) -> Client:
    """The client with its secret.

    Raises:
        CredentialFailure: unknown client, or the testbuild has never been started.
    """
    realm = read_realm(data_path("keycloak/realm.json"))
    try:
        written = realm.clients[client_id]
    except KeyError:
        names = ", ".join(sorted(realm.clients)) or "none"
        raise CredentialFailure(
            f"the realm has no confidential client {client_id!r}", f"known clients: {names}"
        ) from None
    placeholder = _PLACEHOLDER.fullmatch(written)
    if placeholder is None:
        return Client(client_id, written)
    return Client(client_id, _own_secret(testbuild, placeholder[1].lower()))


def user_of(name: str) -> User:
    """The user with the password of the realm file.

    Raises:
        CredentialFailure: there is no such user, or none with a password.
    """
    users = read_realm(data_path("keycloak/realm.json")).users
    if name not in users:
        raise CredentialFailure(
            f"the realm has no user {name!r} with a password",
            f"known users: {', '.join(sorted(users)) or 'none'}",
        )
    return User(name, users[name])


def _own_secret(testbuild: Testbuild, key: str) -> str:
    try:
        secrets: dict[str, str] = json.loads(testbuild.secrets_file.read_text(encoding="utf-8"))
        return secrets[key]
    except FileNotFoundError:
        raise CredentialFailure(
            f"testbuild {testbuild.name!r} has no secrets yet: it was never started",
            f"start it: {command_line('up', testbuild)}",
        ) from None
    except (ValueError, KeyError) as error:
        raise CredentialFailure(
            f"{testbuild.secrets_file} holds no {key!r}",
            f"make it anew: {command_line('down --purge', testbuild)}, then "
            f"{command_line('up', testbuild)}",
        ) from error


def issue_token(testbuild: Testbuild, client: Client, user: User | None = None) -> str:
    """An access token of `user` (password grant, RFC 6749 §4.3) or of the client itself (§4.4).

    Raises:
        CredentialFailure: the identity provider does not answer, or refuses.
    """
    form = {"client_id": client.client_id, "client_secret": client.secret}
    if user is None:
        form["grant_type"] = "client_credentials"
    else:
        form |= {"grant_type": "password", "username": user.name, "password": user.password}
    # 127.0.0.1 where the public address says localhost: no name service is asked, and no proxy.
    url = (
        f"http://127.0.0.1:{testbuild.identity_port}/auth/realms/{REALM}"
        "/protocol/openid-connect/token"
    )
    request = urllib.request.Request(url, data=urllib.parse.urlencode(form).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_TOKEN_TIMEOUT_SECONDS) as answer:
            token = json.load(answer)["access_token"]
    except urllib.error.HTTPError as error:
        reason = error.read(2000).decode(errors="replace")
        raise CredentialFailure(
            f"the identity provider refused the token ({error.code}): {reason}",
            f"see: {command_line('logs identity', testbuild)}",
        ) from None
    except (OSError, ValueError, KeyError) as error:
        raise CredentialFailure(
            f"no token from {url}: {error}", f"is it up? {command_line('status', testbuild)}"
        ) from error
    return str(token)
