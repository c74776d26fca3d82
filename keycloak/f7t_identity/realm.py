"""The realm: what Keycloak's import file says, as immutable records.

Format: Keycloak's ``RealmRepresentation``. Password hashes and mapper types this issuer does not
imitate are refused by `f7t_identity.realmfile`. Scope mappings are not read: with
``fullScopeAllowed: false`` a client sees its own roles only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mapper:
    """A protocol mapper: how one piece of knowledge becomes a claim."""

    name: str
    kind: str
    config: Mapping[str, str]

    def applies_to(self, target: str) -> bool:
        """Whether the mapper writes into ``target`` (``access``, ``id`` or ``userinfo``)."""
        key = "userinfo.token.claim" if target == "userinfo" else f"{target}.token.claim"
        return self.config.get(key) == "true"


@dataclass(frozen=True, slots=True)
class ClientScope:
    """A client scope: a name a client may ask for and the mappers that come with it."""

    name: str
    in_token_scope: bool
    mappers: tuple[Mapper, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """Effective roles of a user, composites expanded, in the order of the file."""

    realm: tuple[str, ...]
    clients: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class User:
    """A person or a service account. ``password`` is None when nobody can log in as this user."""

    id: str
    username: str
    enabled: bool
    password: str | None
    properties: Mapping[str, str | bool]
    attributes: Mapping[str, tuple[str, ...]]
    service_account_of: str | None
    required_actions: tuple[str, ...]
    roles: Roles

    @property
    def is_set_up(self) -> bool:
        """False when Keycloak would insist on a required action or a complete profile first."""
        named = all(self.properties.get(key) for key in ("email", "firstName", "lastName"))
        return named and not self.required_actions


@dataclass(frozen=True, slots=True)
class Client:
    """An application that may ask for tokens."""

    client_id: str
    name: str
    enabled: bool
    secret: str | None
    service_account: bool
    standard_flow: bool
    direct_grants: bool
    full_scope: bool
    redirect_uris: tuple[str, ...]
    web_origins: tuple[str, ...]
    default_scopes: tuple[str, ...]
    optional_scopes: tuple[str, ...]
    attributes: Mapping[str, str]
    mappers: tuple[Mapper, ...]
    access_token_lifespan: int | None

    @property
    def public(self) -> bool:
        """Public clients cannot keep a secret (RFC 6749 §2.1)."""
        return self.secret is None

    @property
    def device_flow(self) -> bool:
        return self.attributes.get("oauth2.device.authorization.grant.enabled") == "true"

    @property
    def pkce_method(self) -> str | None:
        """The code challenge method the client insists on, or None."""
        return self.attributes.get("pkce.code.challenge.method") or None

    @property
    def logout_uris(self) -> tuple[str, ...]:
        """Where a browser may be sent after logout; ``+`` means the redirect URIs."""
        configured = self.attributes.get("post.logout.redirect.uris", "+").split("##")
        found: list[str] = []
        for uri in configured:
            found.extend(self.redirect_uris if uri == "+" else [uri])
        return tuple(found)

    def allows_redirect(self, uri: str) -> bool:
        """Whether ``uri`` is a registered redirect URI."""
        return matches_any(uri, self.redirect_uris)


@dataclass(frozen=True, slots=True)
class Lifespans:
    """How long things live, in seconds."""

    access_token: int
    session_idle: int
    session_max: int
    code: int
    login: int
    device_code: int
    device_interval: int


@dataclass(frozen=True, slots=True)
class Realm:
    """Everything the issuer knows."""

    name: str
    display_name: str
    lifespans: Lifespans
    scopes: Mapping[str, ClientScope]
    clients: Mapping[str, Client]
    users: Mapping[str, User]

    def user_by_id(self, user_id: str) -> User | None:
        """The user with this subject identifier."""
        return next((user for user in self.users.values() if user.id == user_id), None)

    def service_account(self, client: Client) -> User | None:
        """The user a client acts as in the client credentials grant."""
        wanted = client.client_id
        return next((u for u in self.users.values() if u.service_account_of == wanted), None)


def matches_any(uri: str, patterns: tuple[str, ...]) -> bool:
    """Keycloak's rule for redirect URIs: equal, or equal up to the final ``*`` of a ``/*`` pattern.

    A fragment, white space and a backslash never match; under a wildcard the path may not climb
    (``..``, also percent-encoded) out of the pattern.
    """
    if "#" in uri or any(ord(char) <= 32 for char in uri) or "\\" in uri:
        return False
    for pattern in patterns:
        if uri == pattern:
            return True
        if pattern.endswith("/*"):
            path = uri.partition("?")[0].lower()
            if uri.startswith(pattern[:-1]) and ".." not in path and "%2e" not in path:
                return True
    return False
