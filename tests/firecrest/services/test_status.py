"""`/status`, and who a token makes one (status.md, contract §2.3)."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.support.live import SERVICE_ACCOUNT, Live

MOUNTED = ["/home", "/scratch", "/project"]
SERVICES = ("certificator", "utilities", "compute", "tasks", "storage", "reservations")


def _service(name: str) -> dict[str, Any]:
    return {
        "service": name,
        "status": "available",
        "status_code": 200,
        "description": "server up & flask running",
    }


def test_services(live: Live) -> None:
    answer = live.get("/status/services", machine=None)
    assert answer.status_code == 200
    assert answer.json()["description"] == "List of services with status and description."
    by_name = {one["service"]: one for one in answer.json()["out"]}
    assert by_name == {name: _service(name) for name in SERVICES}


@pytest.mark.parametrize("name", SERVICES)
def test_service(live: Live, name: str) -> None:
    answer = live.get(f"/status/services/{name}", machine=None)
    assert (answer.status_code, answer.json()) == (200, _service(name))


def test_system(live: Live) -> None:
    """S4: the testbuild announces one file system that is not there."""
    answer = live.get("/status/systems/cluster", machine=None)
    assert answer.json() == {
        "description": "System information",
        "out": {
            "system": "cluster",
            "status": "available",
            "description": "Filesystem /project is not available",
        },
    }


def _filesystem(name: str, description: str, *, is_there: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "path": f"/{name.lower()}",
        "description": description,
        "status": "available" if is_there else "not available",
        "status_code": 200 if is_there else 400,
    }


FILESYSTEMS = [
    _filesystem("HOME", "Home directories"),
    _filesystem("SCRATCH", "Scratch directories"),
    _filesystem("PROJECT", "Project directories", is_there=False),
]


def test_filesystems(live: Live) -> None:
    """S5."""
    answer = live.get("/status/filesystems", machine=None)
    assert (answer.status_code, answer.json()) == (
        200,
        {"description": "Filesystem information", "out": {"cluster": FILESYSTEMS}},
    )


def test_filesystems_of_one_system(live: Live) -> None:
    """S6."""
    answer = live.get("/status/filesystems/cluster", machine=None)
    assert (answer.status_code, answer.json()) == (
        200,
        {"description": "Filesystem information for system cluster", "out": FILESYSTEMS},
    )


def test_systems_do_not_look_at_file_systems(live: Live) -> None:
    """S3 since 1.16.1."""
    out = live.get("/status/systems", machine=None).json()["out"]
    assert out == [{"system": "cluster", "status": "available", "description": "System ready"}]


@pytest.mark.parametrize("service", ["utilities", "compute", "storage", "tasks", "reservations"])
def test_signs_of_life(live: Live, service: str) -> None:
    """Contract §1: not documented, and known to monitoring."""
    answer = live.get(f"/{service}/status", machine=None)
    assert (answer.status_code, answer.json()) == (200, {"success": "ack"})


def test_parameters(live: Live) -> None:
    """S7: names, units and texts that clients read."""
    answer = live.get("/status/parameters", machine=None).json()
    assert answer["description"] == "Firecrest's parameters"
    groups = {
        group: {one["name"]: (one["value"], one["unit"]) for one in records}
        for group, records in answer["out"].items()
    }
    assert set(groups) == {"general", "compute", "storage", "utilities"}
    assert groups["general"]["FIRECREST_VERSION"] == ("1.16.6", "")
    assert groups["compute"] == {"WORKLOAD_MANAGER": ("Slurm", "")}
    assert groups["utilities"] == {
        "UTILITIES_MAX_FILE_SIZE": ("5", "MB"),
        "UTILITIES_TIMEOUT": ("5", "seconds"),
    }
    assert groups["storage"] == {
        "OBJECT_STORAGE": ("s3v4", ""),
        "STORAGE_TEMPURL_EXP_TIME": ("604800", "seconds"),
        "STORAGE_MAX_FILE_SIZE": ("5120", "MB"),
        "FILESYSTEMS": ([{"system": "cluster", "mounted": MOUNTED}], ""),
    }
    records = [one for records in answer["out"].values() for one in records]
    assert all(one["description"] for one in records)


def _home(live: Live, token: str) -> str:
    """Owner of what the token's user sees as home directory."""
    headers = {"Authorization": f"Bearer {token}", "X-Machine-Name": "cluster"}
    answer = requests.get(
        f"{live.url}/utilities/ls?targetPath=test_file.txt", headers=headers, timeout=30
    )
    assert answer.status_code == 200, answer.text
    [entry] = answer.json()["output"]
    user: str = entry["user"]
    return user


def test_service_account_with_the_role_acts_as_a_user(live: Live) -> None:
    """The realm gives the client `firecrest-robot` the role and names test1."""
    answer = live.grant(
        grant_type="client_credentials",
        client_id="firecrest-robot",
        client_secret=live.secrets["robot_secret"],
    )
    assert _home(live, answer["access_token"]) == "test1"


@pytest.mark.parametrize("user", ["test1", "test2", "test4", SERVICE_ACCOUNT])
def test_everybody_else_is_who_they_are(live: Live, user: str) -> None:
    assert _home(live, live.token(user)) == user
