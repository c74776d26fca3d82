"""The realm file has what Keycloak's import needs, and a bad one is refused with a clear text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from f7t_identity.errors import RealmError
from f7t_identity.realmfile import load_realm

if TYPE_CHECKING:
    from tests.keycloak.conftest import Change
    from tests.support.issuer import Names

Realm = dict[str, Any]


def _client(realm: Realm, client_id: str) -> Realm:
    found: Realm = next(c for c in realm["clients"] if c["clientId"] == client_id)
    return found


def _scope(realm: Realm, name: str) -> Realm:
    found: Realm = next(scope for scope in realm["clientScopes"] if scope["name"] == name)
    return found


def _user(realm: Realm, name: str) -> Realm:
    found: Realm = next(user for user in realm["users"] if user["username"] == name)
    return found


def _people(realm: Realm) -> list[Realm]:
    return [user for user in realm["users"] if "serviceAccountClientId" not in user]


REQUIREMENTS: dict[str, Callable[[Realm], bool]] = {
    "it is the realm kcrealm, enabled": lambda r: r["realm"] == "kcrealm" and r["enabled"],
    "plain HTTP, no lock-outs, no self-registration": lambda r: (
        (r["sslRequired"], r["bruteForceProtected"], r["registrationAllowed"])
        == ("none", False, False)
    ),
    "lifespans": lambda r: (
        [
            r[key]
            for key in (
                *("accessTokenLifespan", "ssoSessionIdleTimeout", "ssoSessionMaxLifespan"),
                *("accessCodeLifespan", "oauth2DeviceCodeLifespan"),
            )
        ]
        == [300, 1800, 36000, 60, 600]
    ),
    "client scopes are complete": lambda r: (
        {scope["name"] for scope in r["clientScopes"]}
        == {"basic", "profile", "email", "roles", "web-origins", "acr", "firecrest"}
    ),
    "scope firecrest is shown in tokens": lambda r: (
        _scope(r, "firecrest")["attributes"]["include.in.token.scope"] == "true"
    ),
    "scope firecrest brings an audience": lambda r: (
        _scope(r, "firecrest")["protocolMappers"][0]["config"]["included.custom.audience"]
        == "firecrest"
    ),
    "every client has sub in its tokens": lambda r: all(
        {"basic", "firecrest"} <= set(client["defaultClientScopes"]) for client in r["clients"]
    ),
    "role claims do not vanish": lambda r: all(c["fullScopeAllowed"] for c in r["clients"]),
    "the sample client": lambda r: (
        _client(r, "firecrest-sample").items()
        >= {
            "publicClient": False,
            "serviceAccountsEnabled": True,
            "standardFlowEnabled": True,
            "directAccessGrantsEnabled": True,
            "secret": "${F7T_CLIENT_SECRET}",
        }.items()
        and _client(r, "firecrest-sample")["redirectUris"] == ["http://localhost:7000/*"]
    ),
    "clientId claim is mapped explicitly": lambda r: all(
        ("clientId", "clientId")
        in {
            (m["config"].get("user.session.note"), m["config"].get("claim.name"))
            for m in client["protocolMappers"]
        }
        for client in r["clients"]
        if client["serviceAccountsEnabled"]
    ),
    "the public client": lambda r: (
        _client(r, "firecrest-public")["publicClient"]
        and "secret" not in _client(r, "firecrest-public")
        and _client(r, "firecrest-public")["attributes"]["pkce.code.challenge.method"] == "S256"
        and _client(r, "firecrest-public")["attributes"][
            "oauth2.device.authorization.grant.enabled"
        ]
        == "true"
        and not any("*" in uri for uri in _client(r, "firecrest-public")["redirectUris"])
    ),
    "the robot": lambda r: (
        _client(r, "firecrest-robot")["secret"] == "${F7T_ROBOT_SECRET}"
        and _user(r, "service-account-firecrest-robot")["realmRoles"] == ["firecrest-sa"]
        and _user(r, "service-account-firecrest-robot")["clientRoles"]
        == {"firecrest-robot": ["test1"]}
    ),
    "users and passwords": lambda r: (
        {user["username"]: user["credentials"][0]["value"] for user in _people(r)}
        == {"test1": "test11", "test2": "test22", "test4": "test44"}
    ),
    "profiles are complete": lambda r: all(
        user["email"] and user["firstName"] and user["lastName"] and user["emailVerified"]
        for user in _people(r)
    ),
    "passwords are plain and permanent": lambda r: all(
        set(user["credentials"][0]) == {"type", "value", "temporary"}
        and user["credentials"][0]["temporary"] is False
        for user in _people(r)
    ),
    "service account users are named by Keycloak's rule": lambda r: all(
        user["username"] == f"service-account-{user['serviceAccountClientId']}"
        for user in r["users"]
        if "serviceAccountClientId" in user
    ),
    "users have ids, so `sub` is the same in every issuer": lambda r: all(
        user["id"] for user in r["users"]
    ),
    "no secret is in the file": lambda r: all(
        client.get("secret", "${").startswith("${") for client in r["clients"]
    ),
}


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_requirement(names: Names, requirement: str) -> None:
    assert REQUIREMENTS[requirement](json.loads(names.realm_file.read_text()))


def _hashed(realm: Realm) -> None:
    realm["users"][0]["credentials"] = [{"type": "password", "secretData": "{}"}]


def _mapper(realm: Realm) -> None:
    realm["clientScopes"][0]["protocolMappers"][0]["protocolMapper"] = "oidc-magic-mapper"


BAD: dict[str, tuple[Change, str]] = {
    "password hash": (_hashed, "test1: only plain password"),
    "unknown mapper": (_mapper, "'oidc-magic-mapper' is not supported"),
    "no secret": (lambda r: r["clients"][0].pop("secret"), "firecrest-sample: a confidential"),
    "unknown scope": (
        lambda r: r["clients"][0]["defaultClientScopes"].append("nope"),
        "client scope 'nope' is not defined",
    ),
    "bad lifespan": (lambda r: r.update(accessTokenLifespan="5m"), "accessTokenLifespan"),
    "negative lifespan": (lambda r: r.update(ssoSessionIdleTimeout=-1), "ssoSessionIdleTimeout"),
    "bad client lifespan": (
        lambda r: r["clients"][0]["attributes"].update({"access.token.lifespan": "soon"}),
        "access.token.lifespan",
    ),
    "no name": (lambda r: r.pop("realm"), "member 'realm' is missing"),
    "wrong type": (lambda r: r.update(clients=["x"]), "a value has the wrong type"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_realm_files(names: Names, realm_variant: Callable[[Change], Path], case: str) -> None:
    change, text = BAD[case]
    path = realm_variant(change)
    with pytest.raises(RealmError, match=text) as caught:
        load_realm(path, names.secrets)
    assert str(path) in str(caught.value)
    assert names.sample_secret not in str(caught.value)


@pytest.mark.parametrize("content", ["", "[]", "{", '"text"'])
def test_no_realm_at_all(tmp_path: Path, content: str) -> None:
    path = tmp_path / "realm.json"
    path.write_text(content)
    with pytest.raises(RealmError, match=r"realm\.json"):
        load_realm(path, {})
    with pytest.raises(RealmError, match="No such file"):
        load_realm(tmp_path / "absent.json", {})


@pytest.mark.parametrize("missing", ["F7T_CLIENT_SECRET", "F7T_ROBOT_SECRET"])
@pytest.mark.parametrize("empty", [True, False])
def test_missing_variable_is_named(names: Names, missing: str, empty: bool) -> None:
    environment = {key: value for key, value in names.secrets.items() if key != missing}
    if empty:
        environment[missing] = ""
    with pytest.raises(RealmError, match=f"environment variable {missing} is not set"):
        load_realm(names.realm_file, environment)


def test_placeholders(names: Names, realm_variant: Callable[[Change], Path]) -> None:
    """A default is used when the variable is absent; a value needs no JSON escaping."""
    path = realm_variant(lambda r: r["clients"][0].update(secret="${F7T_OTHER:fall-back}"))
    realm = load_realm(path, names.secrets)
    assert realm.clients["firecrest-sample"].secret == "fall-back"
    odd = {**names.secrets, "F7T_OTHER": 'quo"te\\'}
    assert load_realm(path, odd).clients["firecrest-sample"].secret == 'quo"te\\'


def test_service_account_that_is_not_in_the_file(
    names: Names, realm_variant: Callable[[Change], Path]
) -> None:
    def change(realm: Realm) -> None:
        realm["users"] = _people(realm)

    realm = load_realm(realm_variant(change), names.secrets)
    account = realm.service_account(realm.clients["firecrest-robot"])
    assert account is not None
    assert account.username == "service-account-firecrest-robot"
    assert account.roles.realm[0] == "default-roles-kcrealm"
    again = load_realm(realm_variant(change), names.secrets)
    assert again.users[account.username].id == account.id, "`sub` does not change"
