"""The pieces of the native runtime without a running cluster."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import asyncssh
import pytest
import yaml

from f7t.settings import Settings
from f7t_testbuild import keys, model
from f7t_testbuild.cluster import seed
from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.cluster.versions import UnknownVersion, by_version, slurm_version, ssh_version
from f7t_testbuild.gateway import gateway_settings
from f7t_testbuild.native import remains, wrapper
from f7t_testbuild.native.gateways import gateway_listeners, gateway_parts, is_of_the_gateway
from f7t_testbuild.native.layout import Layout, PathTooLong
from f7t_testbuild.native.parts import ALL_PARTS, outer_parts
from f7t_testbuild.native.prepare import make_keys, surroundings
from f7t_testbuild.native.ways import WayName

SECRETS = {
    "client_secret": "c",
    "robot_secret": "r",
    "keycloak_admin_password": "k",
    "staging_secret_key": "very secret",
    "redis_password": "p",
    "certificator_secret": "d",
}


def _layout(directory: Path, way: WayName = WayName.NAMESPACES) -> Layout:
    return Layout(directory, way)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("slurm-wlm 22.05.8", (22, 5)),
        ("slurm 19.05.4\n", (19, 5)),
        ("slurm-wlm 24.11.5-Debian", (24, 11)),
    ],
)
def test_slurm_version(text: str, version: tuple[int, int]) -> None:
    assert slurm_version(text) == version


def test_no_version() -> None:
    with pytest.raises(UnknownVersion, match="command not found"):
        slurm_version("command not found")


@pytest.mark.parametrize(
    ("text", "version"), [("OpenSSH_9.2p1 Debian-2", (9, 2)), ("10.0p2", (10, 0))]
)
def test_ssh_version(text: str, version: tuple[int, int]) -> None:
    assert ssh_version(text) == version


def test_rules_by_version() -> None:
    rules = [{"until": "20.11", "text": "old"}, {"from": "22.05", "text": "new"}]

    assert by_version(rules, (19, 5)) == "old"
    assert by_version(rules, (20, 11)) is None
    assert by_version(rules, (22, 5)) == "new"


def test_long_paths_are_refused() -> None:
    _layout(Path("/tmp/short")).check_lengths()
    with pytest.raises(PathTooLong, match="F7T_STATE_ROOT"):
        _layout(Path("/tmp") / ("x" * 80)).check_lengths()


def test_places_inside_and_outside(tmp_path: Path) -> None:
    private = _layout(tmp_path)
    shared = _layout(tmp_path, WayName.NSS_WRAPPER)

    assert private.etc.inside == Path("/etc/slurm")
    assert private.etc.outside == tmp_path / "cluster" / "etc"
    assert shared.etc.inside == shared.etc.outside == Path("/run/f7t-cluster/etc")
    assert shared.var.inside == shared.var.outside == tmp_path / "cluster" / "var"


def test_keys_are_made_once_and_closed(tmp_path: Path) -> None:
    testbuild = model.Testbuild("k", 12000, tmp_path)
    layout = _layout(testbuild.directory)
    make_keys(testbuild, layout)
    before = {path: path.read_bytes() for path in testbuild.directory.rglob("*") if path.is_file()}
    make_keys(testbuild, layout)

    assert {path: path.read_bytes() for path in before} == before
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in before}
    assert modes == {
        "secrets.json": 0o600,
        "user_ca": 0o600,
        "user_ca.pub": 0o644,
        "ssh_host_ed25519_key": 0o600,
        "ssh_host_ed25519_key.pub": 0o644,
        "munge.key": 0o400,
        "known_hosts": 0o644,
    }
    assert json.loads(testbuild.secrets_file.read_text()).keys() == SECRETS.keys()


def test_a_new_secret_joins_those_of_an_older_installation(tmp_path: Path) -> None:
    testbuild = model.Testbuild("k", 12000, tmp_path)
    keys.write_private(testbuild.secrets_file, b'{"client_secret": "kept"}')

    made = keys.ensure_secrets(testbuild.secrets_file)

    assert made["client_secret"] == "kept"
    assert len(made["keycloak_admin_password"]) > 30
    assert keys.ensure_secrets(testbuild.secrets_file) == made


def test_keys_are_what_ssh_expects(tmp_path: Path) -> None:
    testbuild = model.Testbuild("k", 12000, tmp_path)
    layout = _layout(testbuild.directory)
    make_keys(testbuild, layout)

    authority = asyncssh.read_private_key(str(layout.ca_key))
    known = asyncssh.read_known_hosts(str(layout.known_hosts))
    host_keys = known.match("127.0.0.1", "", 12022)[0]

    assert authority.get_algorithm() == "ssh-ed25519"
    public = asyncssh.read_public_key(str(layout.host_key) + ".pub")
    assert [key.public_data for key in host_keys] == [public.public_data]
    assert not known.match("127.0.0.1", "", 22)[0]


def test_a_lost_public_key_is_made_anew(tmp_path: Path) -> None:
    testbuild = model.Testbuild("k", 12000, tmp_path)
    layout = _layout(testbuild.directory)
    make_keys(testbuild, layout)
    public = layout.ca_key.with_name("user_ca.pub")
    before = public.read_text()
    public.unlink()
    make_keys(testbuild, layout)

    assert public.read_text() == before


def test_gateway_settings_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    testbuild = model.Testbuild("g", 12000, tmp_path)
    values = gateway_settings(
        surroundings(testbuild, _layout(testbuild.directory)), load_site(), SECRETS
    )
    config = tmp_path / "gateway.yaml"
    config.write_text(yaml.safe_dump(values))
    monkeypatch.setenv("F7T_CONFIG", str(config))

    settings = Settings()

    assert settings.systems[0].name == "cluster"
    assert settings.systems[0].port == 12022
    assert [fs.path for fs in settings.systems[0].filesystems] == [
        "/home",
        "/scratch",
        "/project",
    ]
    assert settings.auth.issuer == "http://localhost:12080/auth/realms/kcrealm"
    assert settings.auth.jwks_url.startswith("http://127.0.0.1:12080/auth/realms/kcrealm/")
    assert settings.storage.public_url == "http://127.0.0.1:13000"
    assert settings.storage.internal.partition == "xfer"
    assert "very secret" not in repr(settings)


def test_the_gateway_is_told_who_is_denied(tmp_path: Path) -> None:
    testbuild = model.Testbuild("g", 12000, tmp_path)
    around = surroundings(testbuild, _layout(testbuild.directory), ("test2",))
    [system] = gateway_settings(around, load_site(), SECRETS)["systems"]
    assert system["denied_users"] == ["test2"]


def test_no_secret_is_on_a_command_line(tmp_path: Path) -> None:
    testbuild = model.Testbuild("g", 12000, tmp_path)
    testbuild.directory.mkdir()
    layout = _layout(testbuild.directory)
    parts = list(outer_parts(testbuild, layout, SECRETS, tmp_path / "inner.json", 2))

    assert {part.name for part in parts} == ALL_PARTS
    assert not any(word in SECRETS.values() for part in parts for word in part.argv)


def test_several_gateways_bind_ports_of_their_own_behind_the_balancer(tmp_path: Path) -> None:
    testbuild = model.Testbuild("g", 12000, tmp_path)
    layout = _layout(testbuild.directory)
    testbuild.directory.mkdir()
    parts = {one.name: one for one in gateway_parts(testbuild, layout, 2, 3)}
    listeners = {one.name: one for one in gateway_listeners(testbuild, 3)}

    assert list(parts) == ["gateway-1", "gateway-2", "gateway-3", "balancer"]
    assert set(parts["balancer"].requires) == parts.keys() - {"balancer"}
    assert all(map(is_of_the_gateway, parts))
    held = {name: one.part for name, one in listeners.items() if one.hold}
    assert held == {"gateway": "balancer"}
    assert {one.port for one in listeners.values()} == {*range(12000, 12008)}
    assert {one.part for one in listeners.values()} == parts.keys()
    apart = {parts[f"gateway-{number}"].environment["F7T_INTERNAL_PORT"] for number in (1, 2, 3)}
    assert apart == {"12003", "12005", "12007"}
    assert stat.S_IMODE(layout.balancer_config.stat().st_mode) == 0o600


def test_the_ports_of_as_many_gateways_as_possible_meet_no_other() -> None:
    ports = model.Testbuild().ports_with(model.MOST_GATEWAYS)
    assert len(set(ports.values())) == len(ports)
    assert model.Testbuild().ports_with(1) == model.Testbuild().ports


def _seed(uid: int) -> seed.Seed:
    site = load_site()
    return seed.Seed(
        users={"me": uid},
        user_directories={"/home": "0700", "/scratch": "0755"},
        home=site.home,
        files=[{"path": "/srv/f7t", "type": "directory", "mode": "0777"}],
        scratch=("/tmp",),
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give root's files an owner")
def test_seed_keeps_and_reset_puts_back(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    root = tmp_path / "root"
    (root / "tmp").mkdir(parents=True)
    plan = _seed(os.geteuid())
    seed.plant(plan, root)
    home = root / "home" / "me"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / "test_file.txt").stat().st_size == 10

    (home / "test_file.txt").write_text("mine")
    (home / "link").symlink_to(outside)
    (home / "deep" / "er").mkdir(parents=True)
    (root / "srv" / "f7t" / "x").touch()
    (root / "tmp" / "y").touch()
    seed.plant(plan, root)
    assert (home / "test_file.txt").read_text() == "mine"

    home.chmod(0o777)
    seed.replant(plan, root)
    assert sorted(path.name for path in home.iterdir()) == [
        *(".bashrc", "test_directory", "test_file.txt")
    ]
    assert (home / "test_file.txt").stat().st_size == 10
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert not list((root / "srv" / "f7t").iterdir())
    assert not list((root / "tmp").iterdir())
    assert (outside / "precious").exists()


def _claims(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Layout, Path]:
    """The directories of the nss-wrapper way, moved below a directory of the test."""
    host = tmp_path / "host"
    (host / "home").mkdir(parents=True)
    monkeypatch.setattr(wrapper, "NSS_ROOT", host / "cluster")
    monkeypatch.setattr(wrapper, "SSHD_DIRECTORY", host / "sshd")
    monkeypatch.setattr(
        wrapper, "_user_directories", lambda site: [host / "home" / "test1", host / "srv" / "f7t"]
    )
    monkeypatch.setattr(wrapper, "_shared_directories", lambda site: [host / "home", host / "srv"])
    return _layout(tmp_path / "state", WayName.NSS_WRAPPER), host


def test_claimed_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, host = _claims(monkeypatch, tmp_path)
    site = load_site()
    wrapper.claim(layout, site)
    assert (host / "cluster").is_dir()
    assert (host / "sshd").is_dir()
    (host / "home" / "test1").mkdir()
    (host / "home" / "test1" / "kept").touch()
    wrapper.release(layout)

    assert sorted(path.name for path in host.iterdir()) == ["home"]
    assert not list((host / "home").iterdir())
    wrapper.release(layout)

    wrapper.claim(layout, site)
    assert (host / "home" / "test1" / "kept").exists()
    wrapper.release(layout)
    assert not (host / "home" / "test1").exists()


def test_directories_of_others_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, host = _claims(monkeypatch, tmp_path)
    (host / "home" / "test1").mkdir()
    (host / "sshd").mkdir()

    with pytest.raises(wrapper.PathInUse, match=r"home/test1 exists .* Only one testbuild"):
        wrapper.claim(layout, load_site())
    wrapper.release(layout)
    assert (host / "home" / "test1").is_dir()
    assert (host / "sshd").is_dir()
    assert not (host / "cluster").exists()


def test_a_recorded_supervisor(tmp_path: Path) -> None:
    file = tmp_path / "supervisor.json"
    assert remains.recorded(file) is None
    from f7t_testbuild.supervise.process import start_time

    values = {"pid": os.getpid(), "start_time": start_time(os.getpid()), "way": "rootless"}
    file.write_text(json.dumps(values))
    known = remains.recorded(file)
    assert known is not None
    assert known.alive
    assert known.way is WayName.ROOTLESS

    file.write_text(json.dumps({**values, "start_time": "1"}))
    again = remains.recorded(file)
    assert again is not None
    assert not again.alive
    file.write_text("{")
    assert remains.recorded(file) is None
