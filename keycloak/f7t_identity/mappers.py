"""Protocol mappers: from a user, a client and a session to the claims of a token.

Each function gives ``(claim path, value)``; a path with dots makes nested objects. Types and
configuration keys are Keycloak's (``org.keycloak.protocol.oidc.mappers``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from f7t_identity.realm import Client, Mapper, User

Claims = dict[str, Any]
SESSION_NOTE = "oidc-usersessionmodel-note-mapper"


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything a mapper may look at."""

    user: User
    client: Client
    notes: Mapping[str, str | int]
    acr: str


def resolved_origins(client: Client) -> tuple[str, ...]:
    """Allowed origins of a client; ``+`` stands for the origins of its redirect URIs."""
    origins: dict[str, None] = {}
    for entry in client.web_origins:
        if entry != "+":
            origins[entry] = None
            continue
        for uri in client.redirect_uris:
            parts = urlsplit(uri)
            if parts.scheme in ("http", "https") and parts.netloc:
                origins[f"{parts.scheme}://{parts.netloc}"] = None
    return tuple(origins)


def _typed(value: str | int | bool, label: str) -> str | int | bool:
    if label == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if label in ("long", "int"):
        return int(value)
    return str(value)


def _put(claims: Claims, path: str, value: object) -> None:
    """Store ``value`` under a dotted path; a backslash keeps a dot in a name."""
    names = [name.replace("\0", ".") for name in path.replace("\\.", "\0").split(".")]
    target = claims
    for name in names[:-1]:
        target = target.setdefault(name, {})
    target[names[-1]] = value


def _property(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    """User attribute or property. Root attributes (username, email …) are reached by both types."""
    key = mapper.config["user.attribute"]
    label = mapper.config.get("jsonType.label", "String")
    value = subject.user.properties.get(key)
    if value is None:
        values = subject.user.attributes.get(key, ())
        if not values:
            return
        if mapper.config.get("multivalued") == "true":
            _put(claims, mapper.config["claim.name"], [_typed(item, label) for item in values])
            return
        value = values[0]
    _put(claims, mapper.config["claim.name"], _typed(value, label))


def _full_name(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    names = (subject.user.properties.get(key) for key in ("firstName", "lastName"))
    text = " ".join(str(name) for name in names if name)
    if text:
        claims["name"] = text


def _realm_roles(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    if subject.client.full_scope and subject.user.roles.realm:
        path = mapper.config.get("claim.name", "realm_access.roles")
        _put(claims, path, list(subject.user.roles.realm))


def _client_roles(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    wanted = mapper.config.get("usermodel.clientRoleMapping.clientId")
    template = mapper.config.get("claim.name", "resource_access.${client_id}.roles")
    for client_id, roles in _visible_client_roles(subject).items():
        if not wanted or wanted == client_id:
            path = template.replace("${client_id}", client_id.replace(".", "\\."))
            _put(claims, path, list(roles))


def _visible_client_roles(subject: Subject) -> Mapping[str, tuple[str, ...]]:
    own = subject.client.client_id
    roles = subject.user.roles.clients
    if subject.client.full_scope:
        return roles
    return {own: roles[own]} if own in roles else {}


def _add_audience(claims: Claims, names: Iterable[str]) -> None:
    audience = claims.setdefault("aud", [])
    audience.extend(name for name in names if name not in audience)


def _audience(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    # Keycloak lets the client win when both are given.
    name = mapper.config.get("included.client.audience") or mapper.config.get(
        "included.custom.audience"
    )
    if name:
        _add_audience(claims, [name])


def _audience_resolve(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    own = subject.client.client_id
    _add_audience(claims, [name for name in _visible_client_roles(subject) if name != own])


def _session_note(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    value = subject.notes.get(mapper.config["user.session.note"])
    if value is not None:
        label = mapper.config.get("jsonType.label", "String")
        _put(claims, mapper.config["claim.name"], _typed(value, label))


def _hardcoded(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    label = mapper.config.get("jsonType.label", "String")
    _put(claims, mapper.config["claim.name"], _typed(mapper.config["claim.value"], label))


def _allowed_origins(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    origins = resolved_origins(subject.client)
    if origins:
        claims["allowed-origins"] = list(origins)


def _acr(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    claims["acr"] = subject.acr


def _sub(mapper: Mapper, subject: Subject, claims: Claims) -> None:
    claims["sub"] = subject.user.id


SUPPORTED: Mapping[str, Callable[[Mapper, Subject, Claims], None]] = {
    "oidc-usermodel-attribute-mapper": _property,
    "oidc-usermodel-property-mapper": _property,
    "oidc-full-name-mapper": _full_name,
    "oidc-usermodel-realm-role-mapper": _realm_roles,
    "oidc-usermodel-client-role-mapper": _client_roles,
    "oidc-audience-mapper": _audience,
    "oidc-audience-resolve-mapper": _audience_resolve,
    SESSION_NOTE: _session_note,
    "oidc-hardcoded-claim-mapper": _hardcoded,
    "oidc-allowed-origins-mapper": _allowed_origins,
    "oidc-acr-mapper": _acr,
    "oidc-sub-mapper": _sub,
}


def mapped_claims(mappers: Iterable[Mapper], target: str, subject: Subject) -> Claims:
    """Claims the mappers give for ``target`` (``access``, ``id`` or ``userinfo``)."""
    claims: Claims = {}
    for mapper in mappers:
        if mapper.applies_to(target):
            SUPPORTED[mapper.kind](mapper, subject, claims)
    return claims
