"""A site and a realm with many users, for a testbuild of the benchmark's own (`F7T_DATA`)."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml

from f7t_testbuild.distribution import data_path

USERS = 200
_FIRST_UID = 20_001
_SITE, _REALM = "cluster/site.yaml", "keycloak/realm.json"


def user_name(number: int) -> str:
    """Name of one of the users, counted from 0."""
    return f"bench{number:03d}"


def names(count: int = USERS) -> tuple[str, ...]:
    """Names of the first so many users."""
    return tuple(map(user_name, range(count)))


def write_data(directory: Path, count: int = USERS) -> None:
    """The usual site and realm with so many users more, where `F7T_DATA` can name them."""
    site = yaml.safe_load(data_path(_SITE).read_text(encoding="utf-8"))
    realm = json.loads(data_path(_REALM).read_text(encoding="utf-8"))
    pattern = next(entry for entry in realm["users"] if entry["username"] == "test1")
    for number, name in enumerate(names(count)):
        site["users"].append({"name": name, "uid": _FIRST_UID + number, "comment": "Bench user"})
        realm["users"].append(_realm_user(pattern, name, number))
    for relative, text in (
        (_SITE, yaml.safe_dump(site, sort_keys=False, allow_unicode=True)),
        (_REALM, json.dumps(realm, indent=2)),
    ):
        file = directory / relative
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _realm_user(pattern: dict[str, Any], name: str, number: int) -> dict[str, Any]:
    user = copy.deepcopy(pattern)
    user |= {
        "id": f"7e571000-0000-4000-8000-{0xBE0000000000 + number:012x}",
        "username": name,
        "email": f"{name}@example.org",
        "lastName": name,
    }
    user["credentials"][0]["value"] = f"{name}-password"
    return user
