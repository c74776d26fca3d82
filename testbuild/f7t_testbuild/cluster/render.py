"""Configuration files and parts of the cluster from `cluster/daemons.yaml` and its templates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Template
from typing import Any

import yaml

from f7t_testbuild.cluster.site import Node, Partition, Site
from f7t_testbuild.cluster.versions import Version, by_version
from f7t_testbuild.distribution import data_path
from f7t_testbuild.supervise.part import BadParts, CheckKind, Part

SYSTEM_TABLES = (
    Path("/usr/share/mysql/mysql_system_tables.sql"),
    Path("/usr/share/mariadb/mariadb_system_tables.sql"),
)
LOOPBACK = "127.0.0.1"
_LOOPBACK_ONLY = "CommunicationParameters=NoInAddrAny,NoCtldInAddrAny"
NEEDED_TABLES = ("db", "event", "func", "plugin", "proc", "procs_priv", "servers")


class MissingFile(FileNotFoundError):
    """A file that Debian's packages should have brought."""


@dataclass(frozen=True)
class Ports:
    """TCP ports of the daemons, on the loopback that the cluster sees."""

    ssh: int
    slurmctld: int
    slurmdbd: int
    first_slurmd: int

    def of(self, site: Site) -> dict[str, int]:
        """slurmd port of every node by name."""
        return {node.name: self.first_slurmd + i for i, node in enumerate(site.nodes)}


@dataclass(frozen=True)
class Network:
    """How the daemons of one cluster find each other."""

    ports: Ports
    controller: str = LOOPBACK
    """Address of slurmctld and slurmdbd, as every machine of the cluster calls it."""
    node_addresses: Mapping[str, str] = field(default_factory=dict)
    """`NodeAddr` by node; a node without one is on the loopback."""
    ssh_listen: str = LOOPBACK
    loopback_only: bool = True

    def address_of(self, node: str) -> str:
        return self.node_addresses.get(node, LOOPBACK)


@dataclass(frozen=True)
class Role:
    """Which daemons of `cluster/daemons.yaml` one machine runs."""

    runtime: str
    """`native` or `containers`; entries may be for one of them only."""
    head: bool
    nodes: tuple[str, ...]
    """Names of the Slurm nodes that this machine is."""


@dataclass(frozen=True)
class ConfigFile:
    name: str
    mode: int
    text: str


@dataclass(frozen=True)
class Definitions:
    """`cluster/daemons.yaml`, filled in for one cluster."""

    files: tuple[ConfigFile, ...]
    parts: tuple[Part, ...]
    packages: Mapping[str, str]
    """Package of every part by name."""
    environment: Mapping[str, str]


def render(
    site: Site,
    version: Version,
    ssh: Version,
    network: Network,
    role: Role,
    places: Mapping[str, Path],
    *,
    session_extra: Mapping[str, str] | None = None,
    words: Mapping[str, str] | None = None,
) -> Definitions:
    """Fill in the definitions for these versions of Slurm and of OpenSSH.

    `places` are etc, run, private, var and spool as the cluster sees them; `session_extra` are
    additional variables of ssh sessions, `words` those that only some runtime's entries use. Raises
    `KeyError` for an unknown `${word}`, `BadParts` for the requirement of an unknown daemon.
    """
    raw = yaml.safe_load(data_path("cluster/daemons.yaml").read_text())
    values = {
        **{name: str(path) for name, path in places.items()},
        **_site_values(site, network),
        **(words or {}),
        **_by_version(raw["version_values"], version),
        **_by_version(raw["ssh_version_values"], ssh),
    }
    if not network.loopback_only:
        values["slurmdbd_listen"] = ""
    session = {**_filled(raw["session_environment"], values), **(session_extra or {})}
    values["session_environment"] = " ".join(f"{key}={value}" for key, value in session.items())
    daemons = [
        entry
        for item in _chosen(raw["daemons"], role)
        for entry in _repeated(item, values, site, network.ports, role)
    ]
    return Definitions(
        files=tuple(_files(raw["files"], version, values)),
        parts=tuple(_part(entry) for entry in daemons),
        packages={entry["name"]: entry["package"] for entry in daemons},
        environment=_filled(raw["environment"], values),
    )


def _by_version(
    words: Mapping[str, Sequence[Mapping[str, str]]], version: Version
) -> dict[str, str]:
    return {name: by_version(rules, version) or "" for name, rules in words.items()}


def _chosen(daemons: Sequence[Mapping[str, Any]], role: Role) -> Iterator[dict[str, Any]]:
    """The daemons of this machine, requiring only each other.

    What a daemon requires of another machine it waits for in its own command.
    """
    known = {entry["name"] for entry in daemons}
    wanted = {entry["name"]: entry for entry in daemons if _runs(entry, role)}
    for name, entry in wanted.items():
        requires = entry.get("requires", [])
        if unknown := set(requires) - known:
            raise BadParts(f"{name} requires unknown parts: {', '.join(sorted(unknown))}")
        here = [required for required in requires if required in wanted]
        yield {**_without(entry, "runtime", "machines"), "requires": here}


def _runs(entry: Mapping[str, Any], role: Role) -> bool:
    if entry.get("runtime", role.runtime) != role.runtime:
        return False
    match entry.get("machines", "head"):
        case "nodes":
            return bool(role.nodes)
        case "all":
            return True
        case _:
            return role.head


def _site_values(site: Site, network: Network) -> dict[str, str]:
    ports = network.ports
    names = [user.name for user in site.users]
    accounts = f"{site.cluster} {site.account} {names}"
    return {
        "cluster": site.cluster,
        "users": " ".join(names),
        "user_list": ",".join(names),
        "account": site.account.name,
        "account_description": site.account.description,
        "account_organization": site.account.organization,
        "accounts_digest": hashlib.sha256(accounts.encode()).hexdigest()[:16],
        "ssh_port": str(ports.ssh),
        "slurmctld_port": str(ports.slurmctld),
        "slurmdbd_port": str(ports.slurmdbd),
        "controller": network.controller,
        "ssh_listen": network.ssh_listen,
        "slurm_listen": _LOOPBACK_ONLY if network.loopback_only else "",
        "nodes": node_lines(site, network),
        "partitions": partition_lines(site),
    }


def node_lines(site: Site, network: Network) -> str:
    """`NodeName=` lines of slurm.conf(5); the lowest weight is used first."""

    def line(node: Node, port: int) -> str:
        features = f" Feature={','.join(site.features)}" if not node.transfer else ""
        return (
            f"NodeName={node.name} NodeHostname={node.name} "
            f"NodeAddr={network.address_of(node.name)} Port={port} CPUs={site.cpus} "
            f"RealMemory={site.memory_mb} Weight={node.weight}{features} State=UNKNOWN"
        )

    listening = network.ports.of(site)
    return "\n".join(line(node, listening[node.name]) for node in site.nodes)


def partition_lines(site: Site) -> str:
    """`PartitionName=` lines of slurm.conf(5).

    The times are finite: with INFINITE the same job shows different limits by scheduler.
    """

    def line(partition: Partition) -> str:
        wanted = partition.nodes == "transfer"
        nodes = ",".join(node.name for node in site.nodes if node.transfer is wanted)
        default = " Default=YES" if partition.default else ""
        return (
            f"PartitionName={partition.name} Nodes={nodes}{default} MaxTime={partition.max_time} "
            f"DefaultTime={partition.default_time} State=UP"
        )

    return "\n".join(line(partition) for partition in site.partitions)


def _files(
    entries: Sequence[Mapping[str, Any]], version: Version, values: Mapping[str, str]
) -> Iterator[ConfigFile]:
    for entry in entries:
        if "template" in entry:
            text = _fill(data_path(f"cluster/{entry['template']}").read_text(), values)
        else:
            chosen = by_version(entry["rules"], version)
            if chosen is None:
                continue
            text = chosen
        yield ConfigFile(entry["name"], int(entry["mode"], 8), text)


def _repeated(
    entry: Mapping[str, Any],
    values: Mapping[str, str],
    site: Site,
    ports: Ports,
    role: Role,
) -> Iterator[dict[str, Any]]:
    """The entry itself, or one per node of this machine for `for_each: node`; filled in."""
    if entry.get("for_each") != "node":
        yield _filled(entry, values)
        return
    for name, port in ports.of(site).items():
        if name not in role.nodes:
            continue
        node_values = {**values, "node_name": name, "node_port": str(port)}
        yield _filled(_without(entry, "for_each"), node_values)


def _part(entry: Mapping[str, Any]) -> Part:
    """The part; unless it says otherwise its address is what its readiness looks at."""
    part = Part.from_json(_without(entry, "package"))
    if part.address != "-":
        return part
    match part.ready.kind:
        case CheckKind.TCP:
            return replace(part, address=part.ready.address)
        case CheckKind.UNIX:
            return replace(part, address=f"unix:{part.ready.address}")
        case _:
            return part


def _without(entry: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in keys}


def _filled(value: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - any YAML value
    match value:
        case str():
            return _fill(value, values)
        case list():
            return [_filled(item, values) for item in value]
        case dict():
            return {key: _filled(item, values) for key, item in value.items()}
        case _:
            return value


def _fill(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)


def mariadb_init_sql(sources: Sequence[Path] = SYSTEM_TABLES) -> str:
    """What a new data directory needs: slurmdbd's database, and tables it cannot do without.

    Without the tables user associations vanish; the statements are the installed MariaDB's own.
    24.11's slurmdbd cannot create its database itself with Debian 13's client library. Raises
    `MissingFile`.
    """
    for source in sources:
        if source.exists():
            tables = source.read_text()
            break
    else:
        raise MissingFile(f"none of {', '.join(map(str, sources))} (package mariadb-server-core)")
    lines = ["CREATE DATABASE IF NOT EXISTS mysql;", "USE mysql;"]
    for table in NEEDED_TABLES:
        statement = rf"^CREATE TABLE IF NOT EXISTS {table} .*?;$"
        found = re.search(statement, tables, re.MULTILINE | re.DOTALL)
        if not found:
            raise MissingFile(f"{source} has no definition of the table {table}")
        lines.append(found[0])
    lines.append("CREATE DATABASE IF NOT EXISTS slurm_acct_db;")
    return "\n".join(lines) + "\n"
