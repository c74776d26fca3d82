"""The real servers as parts, without starting them: data of the last run, secrets, sockets."""

from __future__ import annotations

from pathlib import Path

import pytest

from f7t_testbuild import keys, model
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.parts import outer_parts
from f7t_testbuild.native.servers import RELAY, Servers, confirm_database, keycloak_part
from f7t_testbuild.native.ways import WayName
from f7t_testbuild.real.keycloak import Keycloak
from f7t_testbuild.real.minio import Minio

JAVA = Path("/usr/bin/java")


@pytest.fixture
def testbuild(tmp_path: Path) -> model.Testbuild:
    return model.Testbuild("p", 23000, tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Keycloak:
    return Keycloak(tmp_path / "built", "26.7.3", JAVA)


def _database(testbuild: model.Testbuild) -> Path:
    return testbuild.directory / "keycloak" / "data" / "h2"


def _start(testbuild: model.Testbuild, server: Keycloak, *, succeeds: bool = True) -> None:
    keycloak_part(testbuild, keys.ensure_secrets(testbuild.secrets_file), server)
    _database(testbuild).mkdir(exist_ok=True)
    if succeeds:
        confirm_database(testbuild)


def _kept(testbuild: model.Testbuild, server: Keycloak) -> bool:
    keycloak_part(testbuild, keys.ensure_secrets(testbuild.secrets_file), server)
    return _database(testbuild).exists()


def test_a_database_is_kept(testbuild: model.Testbuild, server: Keycloak) -> None:
    _start(testbuild, server)
    assert _kept(testbuild, server)
    # A second start that is cut off does not spoil what the first one made.
    _start(testbuild, server, succeeds=False)
    assert _kept(testbuild, server)


def test_a_database_of_a_first_start_that_was_cut_off_is_dropped(
    testbuild: model.Testbuild, server: Keycloak
) -> None:
    _start(testbuild, server, succeeds=False)
    assert not _kept(testbuild, server)


def test_a_database_of_another_version_or_other_secrets_is_dropped(
    testbuild: model.Testbuild, server: Keycloak
) -> None:
    _start(testbuild, server)
    assert not _kept(testbuild, Keycloak(server.directory, "26.8.0", JAVA))
    _start(testbuild, server)
    testbuild.secrets_file.unlink()
    assert not _kept(testbuild, server)


def test_the_program_is_the_one_of_the_cache(
    testbuild: model.Testbuild, server: Keycloak, tmp_path: Path
) -> None:
    _start(testbuild, server)
    _start(testbuild, Keycloak(tmp_path / "elsewhere", server.version, JAVA))

    home = testbuild.directory / "keycloak"
    assert (home / "lib").readlink() == tmp_path / "elsewhere" / "lib"
    assert not home.stat().st_mode & 0o077


@pytest.mark.parametrize("way", list(WayName))
def test_parts_of_the_real_servers(
    testbuild: model.Testbuild, server: Keycloak, tmp_path: Path, way: WayName
) -> None:
    """They inherit no socket and tell no secret; the relay is only where a network is its own."""
    secrets = keys.ensure_secrets(testbuild.secrets_file)
    servers = Servers(server, Minio(tmp_path / "minio", "SOURCE"))
    layout = Layout(testbuild.directory, way)
    listed = outer_parts(testbuild, layout, secrets, tmp_path / "inner.json", 1, servers)
    parts = {part.name: part for part in listed}

    assert (RELAY in parts) is (way is not WayName.NSS_WRAPPER)
    assert parts["identity"].listeners == parts["staging"].listeners == ()
    told = " ".join(word for part in parts.values() for word in part.argv)
    assert not [name for name, secret in secrets.items() if secret in told]
    assert {servers.bind_themselves(name) for name in ("identity", "staging")} == {True}
    assert not servers.bind_themselves("gateway")
