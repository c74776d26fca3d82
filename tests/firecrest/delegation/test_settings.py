"""Exactly one authority: the gateway's own key, or the certificator that it asks."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from f7t.settings import Settings, SshSettings

SECRET = "a-secret-of-24-characters"
REMOTE = {"certificator_url": "http://delegation:5010", "certificator_secret": SECRET}


def test_either_is_enough() -> None:
    own = SshSettings.model_validate({"ca_key": "/ca", "known_hosts": "/hosts"})
    assert own.certificator_url == ""
    other = SshSettings.model_validate({"known_hosts": "/hosts", **REMOTE})
    assert other.ca_key is None
    assert SECRET not in repr(other)


@pytest.mark.parametrize(
    ("ssh", "message"),
    [
        ({}, "exactly one of ca_key and certificator_url must be given"),
        ({"ca_key": "/ca", **REMOTE}, "exactly one of ca_key and certificator_url must be given"),
        ({"certificator_url": "http://delegation:5010"}, "belong together"),
        ({"ca_key": "/ca", "certificator_secret": SECRET}, "belong together"),
        (REMOTE | {"certificator_secret": "short"}, "should match pattern"),
        (REMOTE | {"certificator_secret": "a secret with a blank"}, "should match pattern"),
        (REMOTE | {"certificator_url": "delegation:5010"}, "should match pattern"),
        (REMOTE | {"certificator_url": "http://user:password@delegation"}, "match pattern"),
        ({"ca_key": "/ca", "certificate_lifetime": 901}, "less than or equal to 900"),
        ({"ca_key": "/ca", "certificate_lifetime": 0}, "greater than 0"),
    ],
)
def test_anything_else_is_told(ssh: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SshSettings.model_validate({"known_hosts": "/hosts", **ssh})


def test_a_policy_that_nobody_would_enforce() -> None:
    tree: dict[str, Any] = {
        "systems": [{"name": "cluster", "host": "cluster", "denied_users": ["test2"]}],
        "auth": {"issuer": "http://issuer", "jwks_url": "http://issuer/certs"},
        "ssh": {"known_hosts": "/hosts", **REMOTE},
        "storage": {"public_url": "http://127.0.0.1:9000", "access_key": "a", "secret_key": "s"},
        "tasks": {"redis_url": "redis://:password@taskpersistence:6379/0"},
    }
    with pytest.raises(ValidationError, match="denied_users are a setting of the certificator"):
        Settings.model_validate(tree)
    del tree["systems"][0]["denied_users"]
    Settings.model_validate(tree)
