"""Composite roles: which roles follow from the ones a user was given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from f7t_identity.realm import Roles

RoleKey = tuple[str | None, str]
"""Client id (None for a realm role) and role name."""

# Keycloak creates the client "account" in every realm; these composites come with it.
_BUILT_IN: dict[RoleKey, tuple[RoleKey, ...]] = {
    ("account", "manage-account"): (("account", "manage-account-links"),),
    ("account", "manage-consent"): (("account", "view-consent"),),
}


@dataclass(frozen=True, slots=True)
class RoleBook:
    """The roles of a realm and what each of them contains."""

    contains: Mapping[RoleKey, tuple[RoleKey, ...]]

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> RoleBook:
        """Read the member ``roles`` of a realm representation."""
        contains = dict(_BUILT_IN)
        for role in raw.get("realm", []):
            contains[None, role["name"]] = _composites(role)
        for client_id, roles in raw.get("client", {}).items():
            for role in roles:
                contains[client_id, role["name"]] = _composites(role)
        return cls(contains)

    def effective(self, realm: Iterable[str], clients: Mapping[str, Iterable[str]]) -> Roles:
        """The given roles and all that follow from them, first given first."""
        given: list[RoleKey] = [(None, name) for name in realm]
        given += [(client_id, name) for client_id, names in clients.items() for name in names]
        found: dict[RoleKey, None] = {}
        while given:
            key = given.pop(0)
            if key not in found:
                found[key] = None
                given.extend(self.contains.get(key, ()))
        by_client: dict[str, tuple[str, ...]] = {}
        for client_id, name in found:
            if client_id is not None:
                by_client[client_id] = (*by_client.get(client_id, ()), name)
        return Roles(tuple(name for owner, name in found if owner is None), by_client)

    def implied(self, realm: str) -> Roles:
        """Roles of a user who was given none explicitly: the realm's default roles."""
        return self.effective([f"default-roles-{realm.lower()}"], {})


def _composites(role: Mapping[str, Any]) -> tuple[RoleKey, ...]:
    inner = role.get("composites", {})
    members: list[RoleKey] = [(None, name) for name in inner.get("realm", [])]
    for client_id, names in inner.get("client", {}).items():
        members.extend((client_id, name) for name in names)
    return tuple(members)
