"""What the set-up of an installation puts into which volume, and for whom."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml

from f7t.certificator.settings import CertificatorSettings
from f7t.settings import Settings
from f7t_testbuild.docker import setup
from f7t_testbuild.docker.setup import DELEGATION_UID, GATEWAY_UID, REDIS_UID, SERVER_UID

ENVIRONMENT = {
    "FIRECREST_URL": "http://127.0.0.1:8000",
    "IDENTITY_URL": "http://localhost:8080/auth",
    "STAGING_URL": "http://127.0.0.1:9000",
}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="the set-up gives files to other users, which needs root"
)


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    """All volumes, as the engine makes them: empty directories of root."""
    names = ("installation", "ca", "delegation", "gateway", "identity", "munge", "ssh", "staging")
    for name in (*names, "tasks", "keycloakdata", "miniodata"):
        (tmp_path / name).mkdir()
    setup.make(tmp_path, ENVIRONMENT)
    return tmp_path


def _secrets(volumes: Path) -> dict[str, str]:
    kept: dict[str, str] = json.loads((volumes / setup.SECRETS_FILE).read_text())
    return kept


def test_every_file_is_for_one_user_only(volumes: Path) -> None:
    owners = {
        "installation/secrets.json": 0,
        "ca/user_ca": DELEGATION_UID,
        "ca/user_ca.pub": DELEGATION_UID,
        "delegation/certificator.yaml": DELEGATION_UID,
        "gateway/gateway.yaml": GATEWAY_UID,
        "gateway/known_hosts": GATEWAY_UID,
        "identity/client_secret": SERVER_UID,
        "identity/robot_secret": SERVER_UID,
        "identity/keycloak_admin_password": SERVER_UID,
        "munge/munge.key": 0,
        "ssh/ssh_host_ed25519_key": 0,
        "ssh/ssh_host_ed25519_key.pub": 0,
        "ssh/user_ca.pub": 0,
        "staging/access_key": SERVER_UID,
        "staging/secret_key": SERVER_UID,
        "tasks/password": REDIS_UID,
    }
    found = {
        str(path.relative_to(volumes)): path.stat() for path in volumes.rglob("*") if path.is_file()
    }
    assert {name: state.st_uid for name, state in found.items()} == owners
    for name, state in found.items():
        assert name.endswith(".pub") or not stat.S_IMODE(state.st_mode) & 0o077, name
    assert (volumes / "miniodata").stat().st_uid == SERVER_UID
    assert (volumes / "keycloakdata").stat().st_uid == SERVER_UID


def test_a_secret_is_only_where_it_is_used(volumes: Path) -> None:
    places = {
        "client_secret": {"identity"},
        "robot_secret": {"identity"},
        "keycloak_admin_password": {"identity"},
        "staging_secret_key": {"staging", "gateway"},
        "redis_password": {"tasks", "gateway"},
        "certificator_secret": {"delegation", "gateway"},
    }
    secrets = _secrets(volumes)
    assert secrets.keys() == places.keys()
    for name, secret in secrets.items():
        holders = {
            path.relative_to(volumes).parts[0]
            for path in volumes.rglob("*")
            if path.is_file() and secret in path.read_text(errors="replace")
        }
        assert holders == {"installation", *places[name]}, name


def test_a_second_start_changes_no_secret_and_follows_the_addresses(volumes: Path) -> None:
    before = {path: path.read_bytes() for path in volumes.rglob("*") if path.is_file()}
    setup.make(volumes, {**ENVIRONMENT, "STAGING_URL": "http://127.0.0.1:19000"})
    after = {path: path.read_bytes() for path in before}
    assert {path.name for path in before if before[path] != after[path]} == {"gateway.yaml"}
    assert _settings(volumes)["storage"]["public_url"] == "http://127.0.0.1:19000"


def _settings(volumes: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((volumes / "gateway" / "gateway.yaml").read_text())
    return values


def test_gateway_and_certificator_understand_their_settings(
    volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F7T_CONFIG", str(volumes / "gateway" / "gateway.yaml"))
    file = str(volumes / "delegation" / "certificator.yaml")
    monkeypatch.setenv("F7T_CERTIFICATOR_CONFIG", file)
    gateway = Settings()
    certificator = CertificatorSettings()

    assert gateway.auth.issuer == "http://localhost:8080/auth/realms/kcrealm"
    assert gateway.auth.jwks_url.startswith("http://keycloak:8080/auth/realms/kcrealm/")
    assert gateway.storage.private_url == "http://minio:9000"
    assert gateway.ssh.ca_key is None
    assert gateway.ssh.certificator_secret == certificator.secret
    assert certificator.ca_key == Path("/run/f7t/ca/user_ca")


def test_the_certificator_decides_who_is_denied(
    volumes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = volumes / "delegation" / "certificator.yaml"
    monkeypatch.setenv("F7T_CERTIFICATOR_CONFIG", str(file))
    assert CertificatorSettings().denied_users == {"cluster": frozenset()}
    setup.make(volumes, {**ENVIRONMENT, "DENY": "test2 test4"})
    assert CertificatorSettings().denied_users == {"cluster": frozenset({"test2", "test4"})}
    monkeypatch.setenv("F7T_CONFIG", str(volumes / "gateway" / "gateway.yaml"))
    assert [one.denied_users for one in Settings().systems] == [frozenset()]


def test_the_host_key_is_pinned_by_the_name_in_the_network(volumes: Path) -> None:
    known = asyncssh.read_known_hosts(str(volumes / "gateway" / "known_hosts"))
    host_keys = known.match("cluster", "", 8022)[0]
    public = asyncssh.read_public_key(str(volumes / "ssh" / "ssh_host_ed25519_key.pub"))
    assert [key.public_data for key in host_keys] == [public.public_data]


def test_a_missing_address_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    for name in ("ca", "keycloakdata", "miniodata", "ssh"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv("FIRECREST_URL", raising=False)
    assert setup.main() == 1
    assert "'FIRECREST_URL' is missing" in capsys.readouterr().err
