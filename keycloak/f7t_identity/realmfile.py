"""Reading a realm file in Keycloak's import format (Keycloak 26, ``--import-realm``)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from f7t_identity.errors import RealmError
from f7t_identity.mappers import SUPPORTED
from f7t_identity.realm import Client, ClientScope, Lifespans, Mapper, Realm, User
from f7t_identity.roles import RoleBook

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_PLACEHOLDER = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::([^}]*))?\}")


def load_realm(path: Path, environment: Mapping[str, str]) -> Realm:
    """Read the realm file at ``path``.

    ``${NAME}`` and ``${NAME:default}`` are replaced from ``environment``.

    Raises RealmError, naming the file and the field, or the environment variable that is missing.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RealmError(f"realm file {path}: {error.strerror}") from error
    except ValueError as error:
        raise RealmError(f"realm file {path} is not JSON: {error}") from error
    try:
        return parse_realm(substitute(raw, environment))
    except RealmError as error:
        raise RealmError(f"realm file {path}: {error}") from None
    except KeyError as error:
        raise RealmError(f"realm file {path}: member {error} is missing") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise RealmError(f"realm file {path}: a value has the wrong type: {error}") from error


def substitute(value: Json, environment: Mapping[str, str]) -> Json:
    """Replace placeholders in every string of a JSON value.

    Only upper-case names are placeholders; ``${client_id}`` inside a mapper belongs to Keycloak.
    Raises RealmError for a variable that is neither set nor has a default.
    """
    if isinstance(value, dict):
        return {key: substitute(member, environment) for key, member in value.items()}
    if isinstance(value, list):
        return [substitute(member, environment) for member in value]
    if not isinstance(value, str):
        return value

    def replacement(found: re.Match[str]) -> str:
        name, default = found.groups()
        chosen = environment.get(name) or default
        if not chosen:
            raise RealmError(f"environment variable {name} is not set")
        return chosen

    return _PLACEHOLDER.sub(replacement, value)


def parse_realm(raw: Json) -> Realm:
    """Make the records out of a realm representation. Raises RealmError."""
    if not isinstance(raw, dict):
        raise RealmError("an object is expected")
    return _realm(raw)


def _realm(raw: dict[str, Any]) -> Realm:
    name = raw["realm"]
    scopes = {scope["name"]: _scope(scope) for scope in raw.get("clientScopes", [])}
    book = RoleBook.parse(raw.get("roles", {}))
    defaults = raw.get("defaultDefaultClientScopes", [])
    clients = {
        entry["clientId"]: _client(entry, defaults, scopes) for entry in raw.get("clients", [])
    }
    users = {user.username: user for user in (_user(entry, book) for entry in raw.get("users", []))}
    for client in clients.values():
        owner = {user.service_account_of for user in users.values()}
        if client.service_account and client.client_id not in owner:
            account = _implied_service_account(name, client.client_id, book)
            users[account.username] = account
    return Realm(
        name=name,
        display_name=raw.get("displayName") or name,
        lifespans=_lifespans(raw),
        scopes=scopes,
        clients=clients,
        users=users,
    )


def _lifespans(raw: dict[str, Any]) -> Lifespans:
    def seconds(key: str, default: int) -> int:
        value = raw.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise RealmError(f"{key}: a positive number of seconds is expected")
        return value

    return Lifespans(
        access_token=seconds("accessTokenLifespan", 300),
        session_idle=seconds("ssoSessionIdleTimeout", 1800),
        session_max=seconds("ssoSessionMaxLifespan", 36000),
        code=seconds("accessCodeLifespan", 60),
        login=seconds("accessCodeLifespanLogin", 1800),
        device_code=seconds("oauth2DeviceCodeLifespan", 600),
        device_interval=seconds("oauth2DevicePollingInterval", 5),
    )


def _mappers(entry: dict[str, Any], owner: str) -> tuple[Mapper, ...]:
    found = []
    for raw in entry.get("protocolMappers", []):
        if raw["protocolMapper"] not in SUPPORTED:
            raise RealmError(
                f"{owner}: protocol mapper type {raw['protocolMapper']!r} is not supported"
            )
        found.append(Mapper(raw["name"], raw["protocolMapper"], dict(raw.get("config", {}))))
    return tuple(found)


def _scope(entry: dict[str, Any]) -> ClientScope:
    attributes = entry.get("attributes", {})
    return ClientScope(
        name=entry["name"],
        in_token_scope=attributes.get("include.in.token.scope", "true") != "false",
        mappers=_mappers(entry, f"client scope {entry['name']}"),
    )


def _client(entry: dict[str, Any], defaults: list[str], scopes: Mapping[str, object]) -> Client:
    client_id = entry["clientId"]
    public = bool(entry.get("publicClient", False))
    if not public and not entry.get("secret"):
        raise RealmError(f"client {client_id}: a confidential client needs a secret")
    default_scopes = tuple(entry.get("defaultClientScopes", defaults))
    optional_scopes = tuple(entry.get("optionalClientScopes", ()))
    for scope in (*default_scopes, *optional_scopes):
        if scope not in scopes:
            raise RealmError(f"client {client_id}: client scope {scope!r} is not defined")
    attributes = dict(entry.get("attributes", {}))
    lifespan = attributes.get("access.token.lifespan")
    if lifespan and not (lifespan.isdigit() and int(lifespan) > 0):
        raise RealmError(f"client {client_id}: access.token.lifespan: seconds are expected")
    return Client(
        client_id=client_id,
        name=entry.get("name") or client_id,
        enabled=bool(entry.get("enabled", True)),
        secret=None if public else entry["secret"],
        service_account=bool(entry.get("serviceAccountsEnabled", False)) and not public,
        standard_flow=bool(entry.get("standardFlowEnabled", True)),
        direct_grants=bool(entry.get("directAccessGrantsEnabled", False)),
        full_scope=bool(entry.get("fullScopeAllowed", True)),
        redirect_uris=tuple(entry.get("redirectUris", ())),
        web_origins=tuple(entry.get("webOrigins", ())),
        default_scopes=default_scopes,
        optional_scopes=optional_scopes,
        attributes=attributes,
        mappers=_mappers(entry, f"client {client_id}"),
        access_token_lifespan=int(lifespan) if lifespan else None,
    )


def _user(entry: dict[str, Any], book: RoleBook) -> User:
    username = entry["username"]
    password, actions = _credentials(entry)
    properties: dict[str, str | bool] = {
        "id": entry.get("id") or str(uuid.uuid5(uuid.NAMESPACE_URL, f"user:{username}")),
        "username": username,
        "emailVerified": bool(entry.get("emailVerified", False)),
    }
    for key in ("email", "firstName", "lastName"):
        if entry.get(key):
            properties[key] = entry[key]
    attributes = {key: tuple(value) for key, value in entry.get("attributes", {}).items()}
    return User(
        id=str(properties["id"]),
        username=username,
        enabled=bool(entry.get("enabled", False)),
        password=password,
        properties=properties,
        attributes=attributes,
        service_account_of=entry.get("serviceAccountClientId"),
        required_actions=(*entry.get("requiredActions", ()), *actions),
        roles=book.effective(entry.get("realmRoles", ()), entry.get("clientRoles", {})),
    )


def _credentials(entry: dict[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """Password of the user and the required action a temporary one brings with it."""
    for credential in entry.get("credentials", []):
        if credential.get("type") != "password" or "value" not in credential:
            raise RealmError(
                f"user {entry['username']}: only plain password credentials are supported"
            )
        return credential["value"], (
            ("UPDATE_PASSWORD",) if credential.get("temporary", False) else ()
        )
    return None, ()


def _implied_service_account(realm: str, client_id: str, book: RoleBook) -> User:
    """The user Keycloak makes for a service account the file does not mention: default roles."""
    username = f"service-account-{client_id.lower()}"
    return User(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"user:{username}")),
        username=username,
        enabled=True,
        password=None,
        properties={"username": username, "emailVerified": False},
        attributes={},
        service_account_of=client_id,
        required_actions=(),
        roles=book.implied(realm),
    )
