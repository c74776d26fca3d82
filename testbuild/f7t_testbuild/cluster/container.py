"""One machine of the cluster as process 1 of a container: `f7t-cluster head|compute`.

It makes the configuration for the Slurm that is installed in the image, the users and their files,
and supervises the daemons. `f7t-cluster ask status|reset|restart PART` prints what the running one
answers, as JSON. Configured by the environment; see `Settings`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from f7t_testbuild.cluster.desk import Desk
from f7t_testbuild.cluster.render import Definitions, Network, Ports, Role, mariadb_init_sql, render
from f7t_testbuild.cluster.running import Cluster, Observer
from f7t_testbuild.cluster.seed import Seed, plant
from f7t_testbuild.cluster.site import Site, load_site
from f7t_testbuild.cluster.versions import package_version, slurm_version, ssh_version
from f7t_testbuild.model import PartStatus
from f7t_testbuild.supervise import control
from f7t_testbuild.supervise.part import Part
from f7t_testbuild.supervise.process import become_subreaper
from f7t_testbuild.supervise.supervisor import PartFailed

ETC, RUN, VAR = Path("/etc/slurm"), Path("/run/cluster"), Path("/var/lib/cluster")
SPOOL, LOG = Path("/var/spool/cluster"), Path("/var/log/cluster")
PRIVATE = RUN / "private"
CONTROL = PRIVATE / "control.sock"
READY = RUN / "ready"
"""Exists while every daemon of this container is ready: the health check looks at it."""
HEAD = "cluster"
"""Name of the head in the containers' network."""
SSH_PORT = 8022
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAME_TIMEOUT = 60.0


@dataclass(frozen=True)
class Settings:
    """What the environment says."""

    nodes: int
    """NODES: number of compute nodes."""
    node_names: str
    """NODE_ADDRESSES: name of a compute container with `{}` for its number, from 1."""
    staging_port: int
    """STAGING_PORT: where the host's clients find the staging area on 127.0.0.1."""
    staging_address: str
    """STAGING_ADDRESS: host:port of the store in the containers' network."""
    keys: Path
    """KEYS: directory with munge/munge.key and, for the head, ssh/ (host key, user CA)."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Settings:
        """Raises `KeyError` for a missing variable, `ValueError` for a bad number."""
        return cls(
            nodes=int(environment["NODES"]),
            node_names=environment["NODE_ADDRESSES"],
            staging_port=int(environment["STAGING_PORT"]),
            staging_address=environment["STAGING_ADDRESS"],
            keys=Path(environment.get("KEYS", "/run/f7t")),
        )

    @property
    def addresses(self) -> list[str]:
        """Names of the compute containers in the network, in order."""
        return [self.node_names.format(number) for number in range(1, self.nodes + 1)]


class UnknownMachine(Exception):
    """No name of a compute container leads to this one."""


def own_address() -> str:
    """This container's address in the network."""
    return socket.gethostbyname(socket.gethostname())


def own_number(addresses: Sequence[str], own: str, *, timeout: float = NAME_TIMEOUT) -> int:
    """Which of the compute containers this one is, from 0.

    Names appear when their containers start. Raises `UnknownMachine` after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for number, name in enumerate(addresses):
            try:
                if socket.gethostbyname(name) == own:
                    return number
            except OSError:
                continue
        time.sleep(0.1)
    raise UnknownMachine(
        f"none of {', '.join(addresses)} is this container ({own}): is NODES the same everywhere?"
    )


def role_of(machine: str, site: Site, settings: Settings) -> Role:
    """The head is the transfer node too; a compute container is one compute node."""
    if machine == "head":
        transfer = tuple(node.name for node in site.nodes if node.transfer)
        return Role("containers", head=True, nodes=transfer)
    compute = [node.name for node in site.nodes if not node.transfer]
    number = own_number(settings.addresses, own_address())
    return Role("containers", head=False, nodes=(compute[number],))


def definitions(site: Site, settings: Settings, role: Role) -> Definitions:
    """Daemons and configuration for the installed versions."""
    compute = [node.name for node in site.nodes if not node.transfer]
    transfer = [node.name for node in site.nodes if node.transfer]
    network = Network(
        Ports(ssh=SSH_PORT, slurmctld=6817, slurmdbd=6819, first_slurmd=7001),
        controller=HEAD,
        node_addresses={
            **dict(zip(compute, settings.addresses, strict=True)),
            **dict.fromkeys(transfer, HEAD),
        },
        ssh_listen="0.0.0.0",
        loopback_only=False,
    )
    places = {"etc": ETC, "run": RUN, "private": PRIVATE, "var": VAR, "spool": SPOOL}
    return render(
        site,
        slurm_version(package_version("slurm", PATH)),
        ssh_version(package_version("ssh", PATH)),
        network,
        role,
        places,
        words={
            "python": sys.executable,
            "node_addresses": " ".join(settings.addresses),
            "own_address": own_address(),
            "staging_port": str(settings.staging_port),
            "staging_address": settings.staging_address,
        },
    )


def prepare(site: Site, settings: Settings, defined: Definitions, role: Role) -> None:
    """Directories, configuration, keys and accounts, before any daemon runs."""
    shutil.rmtree(RUN, ignore_errors=True)
    for directory, mode in {
        ETC: 0o755,
        RUN: 0o755,
        PRIVATE: 0o700,
        VAR: 0o700,
        VAR / "mysql": 0o700,
        VAR / "slurmctld": 0o700,
        SPOOL: 0o755,
        **{SPOOL / node: 0o755 for node in role.nodes},
        LOG: 0o700,
        Path("/run/sshd"): 0o755,
    }.items():
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)
    for file in defined.files:
        _write(ETC / file.name, file.text.encode(), file.mode)
    _write(ETC / "munge.key", (settings.keys / "munge" / "munge.key").read_bytes(), 0o400)
    if role.head:
        _write(ETC / "mariadb-init.sql", mariadb_init_sql().encode(), 0o600)
        ssh = settings.keys / "ssh"
        host_key = "ssh_host_ed25519_key"
        _write(ETC / host_key, (ssh / host_key).read_bytes(), 0o600)
        _write(ETC / "user_ca.pub", (ssh / "user_ca.pub").read_bytes(), 0o644)
    for name, lines in {
        "passwd": site.passwd(),
        "group": site.group(),
        "shadow": site.shadow(),
    }.items():
        _add_accounts(Path("/etc") / name, lines)


def _write(path: Path, content: bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)


def _add_accounts(file: Path, lines: str) -> None:
    """Append what is not there yet: a container that starts again has it already."""
    present = {line.split(":")[0] for line in file.read_text().splitlines()}
    fresh = [line for line in lines.splitlines() if line.split(":")[0] not in present]
    with file.open("a") as accounts:
        accounts.writelines(f"{line}\n" for line in fresh)


def seed_of(site: Site, role: Role) -> Seed:
    """Users' files lie in volumes that the head fills; its own root files each machine has."""
    own = site.own_root_files
    return Seed(
        users={user.name: user.uid for user in site.users},
        user_directories={fs.path: fs.user_mode for fs in site.file_systems} if role.head else {},
        home=site.home,
        files=(*site.files, *own) if role.head else own,
        scratch=("/tmp", "/var/tmp"),
    )


class HealthFile(Observer):
    """Keeps the file that the health check looks at, and tells changes on the container's log."""

    def changed(self, status: PartStatus, *, whole: bool) -> None:
        detail = f": {status.detail}" if status.detail else ""
        print(f"{status.name} {status.state}{detail}", flush=True)
        if whole:
            READY.touch()
        else:
            READY.unlink(missing_ok=True)

    def failed(self, failure: PartFailed) -> None:
        print(f"giving up: {failure}", flush=True)


def serve(machine: str) -> int:
    """Run the machine until SIGTERM; the exit code of the process."""
    os.umask(0o022)
    settings = Settings.of(os.environ)
    site = load_site(settings.nodes)
    role = role_of(machine, site, settings)
    defined = definitions(site, settings, role)
    prepare(site, settings, defined, role)
    planted = seed_of(site, role)
    desk = Desk(str(RUN / "reservations.socket"), site.reservation_rules) if role.head else None
    plant(planted)
    if os.getpid() != 1:
        become_subreaper()
    environment = {
        "PATH": PATH,
        "HOME": "/root",
        **defined.environment,
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
    }

    async def run() -> int:
        cluster = Cluster(
            [_inherits_nothing(part, defined.packages) for part in defined.parts],
            planted,
            environment=environment,
            log_directory=LOG,
            control_socket=CONTROL,
            reservation_desk=desk,
            sockets={},
            observer=HealthFile(),
        )
        return await cluster.run()

    return asyncio.run(run())


def _inherits_nothing(part: Part, packages: Mapping[str, str]) -> Part:
    """sshd binds its port itself: older releases know nothing of inherited sockets."""
    return replace(part, listeners=(), version=package_version(packages[part.name], PATH))


def ask(words: Sequence[str]) -> int:
    """Put one question to the running machine and print the answer as JSON."""
    command, *rest = words
    values = {"part": rest[0]} if rest else {}
    try:
        answer = control.ask(CONTROL, command, timeout=60.0, **values)
    except (control.ControlFailure, TimeoutError) as failure:
        print(json.dumps({"error": str(failure)}))
        return 1
    print(json.dumps(answer))
    return 0


def check() -> int:
    """Whether this image's releases are understood; run when the image is built."""
    settings = Settings(1, "node-{}", 9000, "store:9000", Path("/nowhere"))
    site = load_site(1)
    head = definitions(site, settings, Role("containers", head=True, nodes=("xfer01",)))
    versions = {name: package_version(name, PATH) for name in sorted(set(head.packages.values()))}
    print(json.dumps(versions))
    return 1 if "unknown" in versions.values() else 0


def main(arguments: Sequence[str]) -> int:
    """Entry point of the image; 2 for wrong usage."""
    match list(arguments):
        case ["head" | "compute" as machine]:
            try:
                return serve(machine)
            except (KeyError, UnknownMachine, FileNotFoundError) as error:
                print(f"f7t-cluster: {error}", file=sys.stderr)
                return 1
        case ["ask", *words] if words:
            return ask(words)
        case ["--check"]:
            return check()
    print("usage: f7t-cluster head|compute|ask status|ask reset|ask restart PART", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
