"""From a testbuild and a way to everything its supervisors need, written into its directory."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from f7t_testbuild import keys
from f7t_testbuild.cluster.desk import Desk
from f7t_testbuild.cluster.render import (
    Definitions,
    Network,
    Ports,
    Role,
    mariadb_init_sql,
    render,
)
from f7t_testbuild.cluster.seed import Seed
from f7t_testbuild.cluster.site import Site, load_site
from f7t_testbuild.cluster.versions import package_version, slurm_version, ssh_version
from f7t_testbuild.gateway import Surroundings, gateway_settings
from f7t_testbuild.model import Testbuild
from f7t_testbuild.native import wrapper
from f7t_testbuild.native.gateways import gateway_listeners, is_of_the_gateway
from f7t_testbuild.native.inner import InnerSpec
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.newroot import NewRoot
from f7t_testbuild.native.outer import Listener, OuterSpec
from f7t_testbuild.native.parts import ALL_PARTS, LISTENERS, outer_parts
from f7t_testbuild.native.servers import EMBEDDED, RELAY, Servers
from f7t_testbuild.native.ways import SYSTEM_PATH, WayName
from f7t_testbuild.supervise.part import Part

INSIDE_PORTS = {"slurmctld": 6817, "slurmdbd": 6819, "first_slurmd": 7001}
"""In a network of its own the cluster uses Slurm's usual ports."""
NSS_OFFSETS = {"slurmctld": 217, "slurmdbd": 219, "first_slurmd": 230}
"""On the host's loopback they follow from the port base."""


@dataclass(frozen=True)
class Prepared:
    """The specification files of one start."""

    layout: Layout
    outer_spec: Path


def prepare(
    testbuild: Testbuild,
    way: WayName,
    *,
    nodes: int,
    workers: int,
    gateways: int = 1,
    parts: frozenset[str] = ALL_PARTS,
    servers: Servers = EMBEDDED,
    deny: tuple[str, ...] = (),
) -> Prepared:
    """Write keys, configuration and specifications; `parts` selects the outer parts.

    Raises `PathTooLong`, `PathInUse`, `MissingFile`, or `FileNotFoundError` for an absent program.
    """
    layout = Layout(testbuild.directory, way)
    layout.check_lengths()
    site = load_site(nodes)
    for directory in (testbuild.directory, layout.run, layout.logs, layout.cluster):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    secrets = make_keys(testbuild, layout)
    if way is WayName.NSS_WRAPPER:
        wrapper.claim(layout, site)
    definitions = _render(testbuild, layout, site)
    _write_cluster_files(layout, site, definitions)
    inner_spec = layout.run / "inner.json"
    inner = _inner_spec(testbuild, layout, site, definitions, staged="staging" in parts)
    keys.write_private(inner_spec, inner.to_json().encode())
    settings = gateway_settings(surroundings(testbuild, layout, deny), site, secrets)
    keys.write_private(layout.gateway_config, yaml.safe_dump(settings, sort_keys=False).encode())
    outer = OuterSpec(
        way=way.value,
        parts=[
            part
            for part in outer_parts(
                testbuild, layout, secrets, inner_spec, workers, servers, gateways
            )
            if _wanted(part.name, parts)
        ],
        environment={**base_environment(testbuild), "TMPDIR": str(_temporary(testbuild))},
        listeners=_listeners(testbuild, way, site, parts, servers, gateways),
        log_directory=str(layout.logs),
        control=str(layout.control),
        supervisor_file=str(layout.supervisor_file),
    )
    outer_spec = layout.run / "outer.json"
    keys.write_private(outer_spec, outer.to_json().encode())
    return Prepared(layout, outer_spec)


def make_keys(testbuild: Testbuild, layout: Layout) -> dict[str, str]:
    """Make what is missing: CA, host key, MUNGE's key; write known_hosts anew; the secrets."""
    keys.ensure_ssh_key(layout.ca_key, f"f7t user CA of {testbuild.name}")
    keys.ensure_ssh_key(layout.host_key, f"f7t host key of {testbuild.name}")
    keys.ensure_munge_key(layout.munge_key)
    known = keys.known_host("127.0.0.1", testbuild.ssh_port, layout.host_key)
    keys.write_private(layout.known_hosts, known.encode(), 0o644)
    return keys.ensure_secrets(testbuild.secrets_file)


def surroundings(testbuild: Testbuild, layout: Layout, deny: tuple[str, ...] = ()) -> Surroundings:
    return Surroundings(
        public_url=testbuild.gateway_url,
        issuer=testbuild.issuer,
        identity_url=f"http://127.0.0.1:{testbuild.identity_port}/auth",
        ssh_host="127.0.0.1",
        ssh_port=testbuild.ssh_port,
        authority={"ca_key": str(layout.ca_key)},
        known_hosts=str(layout.known_hosts),
        staging_url=testbuild.staging_url,
        staging_private_url=testbuild.staging_url,
        redis_url=f"unix://{layout.redis_socket}",
        internal_port=testbuild.internal_port,
        metrics_directory=str(testbuild.directory / "run" / "metrics"),
        denied_users=deny,
    )


def _wanted(name: str, parts: frozenset[str]) -> bool:
    """The relay comes with the two parts between which it carries, all gateways with `gateway`."""
    if is_of_the_gateway(name):
        return "gateway" in parts
    return {"staging", "cluster"} <= parts if name == RELAY else name in parts


def base_environment(testbuild: Testbuild) -> dict[str, str]:
    """Environment of every part: nothing of the caller's, and the mark by which `down` finds it."""
    return {
        "PATH": SYSTEM_PATH,
        "HOME": str(Path.home()),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "TESTBUILD_DIRECTORY": str(testbuild.directory),
    }


def _temporary(testbuild: Testbuild) -> Path:
    """An empty directory for the parts' temporary files, so that a crash leaves none elsewhere."""
    directory = testbuild.directory / "tmp"
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(mode=0o700)
    return directory


def _render(testbuild: Testbuild, layout: Layout, site: Site) -> Definitions:
    places = {
        "etc": layout.etc.inside,
        "run": layout.sockets.inside,
        "private": layout.private.inside,
        "var": layout.var.inside,
        "spool": layout.spool.inside,
    }
    session: dict[str, str] = {}
    if layout.way is WayName.NSS_WRAPPER:
        session = wrapper.environment(layout, site)
        session["TESTBUILD_DIRECTORY"] = str(testbuild.directory)
    version = slurm_version(package_version("slurm", SYSTEM_PATH))
    ssh = ssh_version(package_version("ssh", SYSTEM_PATH))
    network = Network(_ports(testbuild, layout.way))
    role = Role("native", head=True, nodes=tuple(node.name for node in site.nodes))
    return render(site, version, ssh, network, role, places, session_extra=session)


def _ports(testbuild: Testbuild, way: WayName) -> Ports:
    if way is not WayName.NSS_WRAPPER:
        return Ports(ssh=testbuild.ssh_port, **INSIDE_PORTS)
    shifted = {name: testbuild.port_base + offset for name, offset in NSS_OFFSETS.items()}
    return Ports(ssh=testbuild.ssh_port, **shifted)


def _write_cluster_files(layout: Layout, site: Site, definitions: Definitions) -> None:
    _make_directories(layout, site)
    etc = layout.etc.outside
    for stale in etc.iterdir():
        stale.unlink()
    for file in definitions.files:
        keys.write_private(etc / file.name, file.text.encode(), file.mode)
    keys.write_private(etc / "mariadb-init.sql", mariadb_init_sql().encode(), 0o600)
    keys.write_private(etc / "munge.key", layout.munge_key.read_bytes(), 0o400)
    keys.write_private(etc / "ssh_host_ed25519_key", layout.host_key.read_bytes())
    authority = keys.public_key(layout.ca_key).encode() + b"\n"
    keys.write_private(etc / "user_ca.pub", authority, 0o644)
    if layout.way is WayName.NSS_WRAPPER:
        accounts = site.account_files()
        texts = {"passwd": accounts["passwd"], "group": accounts["group"], "hosts": site.hosts()}
        for name, text in texts.items():
            keys.write_private(etc / name, text.encode(), 0o644)


def _make_directories(layout: Layout, site: Site) -> None:
    """Directories of the cluster with the modes its daemons insist on."""
    layout.cluster.chmod(0o700)
    if layout.sockets.outside.exists():
        shutil.rmtree(layout.sockets.outside)
    spools = {layout.spool.outside / node.name: 0o755 for node in site.nodes}
    modes = {
        layout.etc.outside: 0o755,
        layout.sockets.outside: 0o755,
        layout.private.outside: 0o700,
        layout.spool.outside: 0o755,
        **spools,
        layout.var.outside: 0o700,
        **{layout.var.outside / name: 0o700 for name in ("mysql", "slurmctld")},
        layout.log.outside: 0o700,
    }
    if layout.way is not WayName.NSS_WRAPPER:
        modes |= {outside: mode for outside, _, mode in _trees(layout, site)}
    for directory, mode in modes.items():
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)


def _trees(layout: Layout, site: Site) -> list[tuple[Path, str, int]]:
    """File systems with users' data: host directory, path inside, mode."""
    paths = [(item.path, 0o755) for item in site.file_systems]
    paths += [("/srv", 0o755), ("/tmp", 0o1777)]
    return [(layout.kept / path.lstrip("/"), path, mode) for path, mode in paths]


def _inner_spec(
    testbuild: Testbuild, layout: Layout, site: Site, definitions: Definitions, *, staged: bool
) -> InnerSpec:
    private = layout.way is not WayName.NSS_WRAPPER
    environment = {**base_environment(testbuild), "HOME": "/root", **definitions.environment}
    if not private:
        environment |= wrapper.environment(layout, site)
    return InnerSpec(
        new_root=_new_root(layout, site) if private else None,
        parts=[_with_version(part, definitions.packages) for part in definitions.parts],
        environment=environment,
        log_directory=str(layout.log.inside),
        control=str(layout.inner_control.inside),
        reservation_desk=Desk(
            str(layout.sockets.inside / "reservations.socket"), site.reservation_rules
        ),
        offers={RELAY: testbuild.staging_port} if private and staged else {},
        seed=Seed(
            users={user.name: user.uid for user in site.users},
            user_directories={fs.path: fs.user_mode for fs in site.file_systems},
            home=site.home,
            files=(*site.files, *(site.own_root_files if private else ())),
            scratch=("/tmp", "/var/tmp") if private else (),
        ),
    )


def _new_root(layout: Layout, site: Site) -> NewRoot:
    places = (layout.etc, layout.sockets, layout.spool, layout.var, layout.log)
    binds = [(str(place.outside), str(place.inside)) for place in places]
    binds += [(str(outside), inside) for outside, inside, _ in _trees(layout, site)]
    return NewRoot(
        mount_point=str(layout.new_root),
        hostname=site.cluster,
        binds=binds,
        etc={
            **site.account_files(),
            "hosts": site.hosts(),
            "hostname": f"{site.cluster}\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
        },
    )


def _with_version(part: Part, packages: Mapping[str, str]) -> Part:
    values: dict[str, Any] = part.to_json()
    values["version"] = package_version(packages[part.name], SYSTEM_PATH)
    return Part.from_json(values)


def _listeners(
    testbuild: Testbuild,
    way: WayName,
    site: Site,
    parts: frozenset[str],
    servers: Servers,
    gateways: int,
) -> list[Listener]:
    wanted = [
        Listener(name, testbuild.ports[name], part, hold=not servers.bind_themselves(name))
        for name, part in LISTENERS
        if part in parts
    ]
    if "gateway" in parts:
        wanted += gateway_listeners(testbuild, gateways)
    if way is WayName.NSS_WRAPPER and "cluster" in parts:
        ports = _ports(testbuild, way)
        wanted.append(Listener("slurmctld", ports.slurmctld, "slurmctld", hold=False))
        wanted.append(Listener("slurmdbd", ports.slurmdbd, "slurmdbd", hold=False))
        for name, port in ports.of(site).items():
            wanted.append(Listener(f"slurmd-{name}", port, f"slurmd-{name}", hold=False))
    return wanted
