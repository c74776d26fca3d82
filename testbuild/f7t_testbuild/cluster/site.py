"""The simulated centre (`cluster/site.yaml`) as typed data, and the account files made from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from f7t_testbuild.cluster.reservations import Rules
from f7t_testbuild.distribution import data_path

SYSTEM_USERS = (
    ("root", 0, 0, "/root", "/bin/bash"),
    ("daemon", 1, 1, "/usr/sbin", "/usr/sbin/nologin"),
    ("bin", 2, 2, "/bin", "/usr/sbin/nologin"),
    ("sshd", 103, 65534, "/run/sshd", "/usr/sbin/nologin"),
    ("nobody", 65534, 65534, "/nonexistent", "/usr/sbin/nologin"),
)
SYSTEM_GROUPS = (
    *(("root", 0), ("daemon", 1), ("bin", 2), ("adm", 4), ("tty", 5), ("mail", 8)),
    *(("utmp", 43), ("users", 100), ("nogroup", 65534)),
)


@dataclass(frozen=True)
class User:
    name: str
    uid: int
    comment: str = ""


@dataclass(frozen=True)
class Group:
    name: str
    gid: int
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnnouncedFileSystem:
    """What the gateway is told of a file system."""

    name: str
    path: str
    description: str


@dataclass(frozen=True)
class FileSystem(AnnouncedFileSystem):
    user_mode: str
    """Octal mode of the directory each user owns in it."""


@dataclass(frozen=True)
class Node:
    name: str
    weight: int
    transfer: bool = False


@dataclass(frozen=True)
class Partition:
    name: str
    nodes: str
    """`compute` or `transfer`."""
    max_time: str
    default_time: str
    default: bool = False


@dataclass(frozen=True)
class Account:
    name: str
    description: str
    organization: str


@dataclass(frozen=True)
class ReservationPolicy:
    """Who may make advance reservations, and of what."""

    users: tuple[str, ...]
    feature: str
    per_account: int
    days: int


@dataclass(frozen=True)
class Site:
    """One simulated centre with a chosen number of compute nodes."""

    cluster: str
    time_zone: str
    shell: str
    users: tuple[User, ...]
    groups: tuple[Group, ...]
    account: Account
    reservations: ReservationPolicy
    file_systems: tuple[FileSystem, ...]
    absent_file_systems: tuple[AnnouncedFileSystem, ...]
    """Announced, and not there."""
    nodes: tuple[Node, ...]
    cpus: int
    memory_mb: int
    features: tuple[str, ...]
    partitions: tuple[Partition, ...]
    home: tuple[dict[str, Any], ...]
    """Entries of every home: `path`, `type`, `mode`, `content` (see `seed`)."""
    files: tuple[dict[str, Any], ...]
    own_root_files: tuple[dict[str, Any], ...]
    """Only for machines with a root file system of their own."""

    @property
    def transfer_partition(self) -> str:
        """Queue of the nodes that move files; empty if there is none."""
        return next((one.name for one in self.partitions if one.nodes == "transfer"), "")

    @property
    def reservation_rules(self) -> Rules:
        """The policy in numbers: users' ids, nodes that have the feature."""
        policy = self.reservations
        having = [node for node in self.nodes if not node.transfer]
        return Rules(
            users={user.name: user.uid for user in self.users if user.name in policy.users},
            feature=policy.feature,
            nodes=len(having) if policy.feature in self.features else 0,
            per_account=policy.per_account,
            days=policy.days,
        )

    def passwd(self) -> str:
        """Lines of passwd(5) for the users."""
        return "".join(
            f"{u.name}:x:{u.uid}:{u.uid}:{u.comment}:/home/{u.name}:{self.shell}\n"
            for u in self.users
        )

    def shadow(self) -> str:
        """Lines of shadow(5) for the users."""
        return _shadow(user.name for user in self.users)

    def group(self) -> str:
        """Lines of group(5): one primary group per user, the shared ones."""
        lines = [f"{user.name}:x:{user.uid}:" for user in self.users]
        lines += [f"{g.name}:x:{g.gid}:{','.join(g.members)}" for g in self.groups]
        return "\n".join(lines) + "\n"

    def account_files(self) -> dict[str, str]:
        """Whole passwd, group and shadow with the system's users, for a root without its own."""
        passwd = "".join(
            f"{n}:x:{uid}:{gid}:{n}:{home}:{shell}\n" for n, uid, gid, home, shell in SYSTEM_USERS
        )
        group = "".join(f"{name}:x:{gid}:\n" for name, gid in SYSTEM_GROUPS)
        shadow = _shadow(entry[0] for entry in SYSTEM_USERS)
        return {
            "passwd": passwd + self.passwd(),
            "group": group + self.group(),
            "shadow": shadow + self.shadow(),
        }

    def hosts(self) -> str:
        """Text of hosts(5): every name of the cluster is this machine."""
        names = " ".join(dict.fromkeys([self.cluster, *(node.name for node in self.nodes)]))
        return f"127.0.0.1 localhost\n127.0.0.1 {names}\n"


def _shadow(names: Iterable[str]) -> str:
    """`*` because sshd without PAM takes `!` for a locked account."""
    return "".join(f"{name}:*:19000:0:99999:7:::\n" for name in names)


def load_site(nodes: int | None = None, path: Path | None = None) -> Site:
    """Read the site file; `nodes` is the number of compute nodes (default: the file's).

    Raises `ValueError` for fewer than one node.
    """
    text = (path or data_path("cluster/site.yaml")).read_text()
    raw: dict[str, Any] = yaml.safe_load(text)
    machines = raw.pop("nodes")
    count = machines["default_compute_nodes"] if nodes is None else nodes
    if count < 1:
        raise ValueError(f"a cluster needs at least one compute node, not {count}")
    groups = [Group(g["name"], g["gid"], tuple(g.get("members", ()))) for g in raw.pop("groups")]
    return Site(
        users=tuple(User(**user) for user in raw.pop("users")),
        groups=tuple(groups),
        account=Account(**raw.pop("account")),
        reservations=_policy(raw.pop("reservations")),
        file_systems=tuple(FileSystem(**item) for item in raw.pop("file_systems")),
        absent_file_systems=tuple(
            AnnouncedFileSystem(**item) for item in raw.pop("absent_file_systems")
        ),
        partitions=tuple(Partition(**item) for item in raw.pop("partitions")),
        home=tuple(raw.pop("home")),
        files=tuple(raw.pop("files")),
        own_root_files=tuple(raw.pop("own_root_files")),
        nodes=_nodes(machines, count),
        cpus=machines["cpus"],
        memory_mb=machines["memory_mb"],
        features=tuple(machines["features"]),
        **raw,
    )


def _policy(raw: dict[str, Any]) -> ReservationPolicy:
    return ReservationPolicy(users=tuple(raw.pop("users")), **raw)


def _nodes(machines: dict[str, Any], count: int) -> tuple[Node, ...]:
    scheme = machines["compute"]
    others = [
        Node(f"{scheme['prefix']}{number:0{scheme['digits']}d}", scheme["weight"])
        for number in range(scheme["first"], scheme["first"] + count - 1)
    ]
    transfer = [Node(**item, transfer=True) for item in machines["transfer"]]
    return (Node(**machines["head"]), *others, *transfer)
