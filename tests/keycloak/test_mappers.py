"""Protocol mappers and client settings the shipped realm does not use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.keycloak.conftest import Change, StartIssuer
    from tests.support.issuer import Names

Realm = dict[str, Any]


def _mapper(kind: str, **config: str) -> Realm:
    settings = {key.replace("__", "."): value for key, value in config.items()}
    return {
        "name": kind,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {"access.token.claim": "true", **settings},
    }


def _rich(realm: Realm) -> None:
    client = realm["clients"][0]
    client["attributes"]["access.token.lifespan"] = "42"
    client["optionalClientScopes"] = ["extra"]
    client["protocolMappers"] += [
        _mapper(
            "oidc-hardcoded-claim-mapper",
            claim__name="site.level",
            claim__value="7",
            jsonType__label="int",
        ),
        _mapper(
            "oidc-usermodel-attribute-mapper",
            user__attribute="uid",
            claim__name="uid",
            jsonType__label="long",
        ),
        _mapper(
            "oidc-usermodel-attribute-mapper",
            user__attribute="groups",
            claim__name="groups",
            multivalued="true",
        ),
    ]
    realm["clientScopes"].append(
        {
            "name": "extra",
            "attributes": {"include.in.token.scope": "true"},
            "protocolMappers": [
                _mapper("oidc-audience-mapper", included__custom__audience="elsewhere")
            ],
        }
    )
    realm["users"][0]["attributes"] = {"uid": ["1001"], "groups": ["a", "b"]}
    realm["clients"][2]["fullScopeAllowed"] = False


@pytest.fixture
def rich(
    start_issuer: StartIssuer,
    realm_variant: Callable[[Change], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    return start_issuer(tmp_path_factory.mktemp("state"), realm_variant(_rich))


def test_mappers_and_settings(rich: Any, names: Names) -> None:
    body = rich.token(names.password).json()
    assert body["expires_in"] == 42, "access.token.lifespan of the client"
    claims = rich.claims(body["access_token"])
    assert claims["exp"] - claims["iat"] == 42
    assert claims["site"] == {"level": 7}
    assert claims["uid"] == 1001
    assert claims["groups"] == ["a", "b"]
    assert "elsewhere" not in claims["aud"]
    optional = rich.token({**names.password, "scope": "extra"}).json()
    assert "extra" in optional["scope"].split()
    assert "elsewhere" in rich.claims(optional["access_token"])["aud"]
    robot = rich.token({"grant_type": "client_credentials", **names.robot}).json()
    narrow = rich.claims(robot["access_token"])
    assert "realm_access" not in narrow, "fullScopeAllowed is off"
    assert narrow["resource_access"] == {"firecrest-robot": {"roles": ["test1"]}}
