"""Where everything of one testbuild lies, on the host and as the cluster sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.native.ways import WayName
from f7t_testbuild.supervise.control import LONGEST_PATH

NSS_ROOT = Path("/run/f7t-cluster")
"""In the nss-wrapper way: what users must reach although the state directory may be private."""


class PathTooLong(ValueError):
    """A unix socket would not fit into its address."""


@dataclass(frozen=True)
class Place:
    """One directory, as the host and as the processes of the cluster call it."""

    outside: Path
    inside: Path


@dataclass(frozen=True)
class Layout:
    """All paths that follow from the state directory and the way."""

    directory: Path
    way: WayName

    @property
    def run(self) -> Path:
        return self.directory / "run"

    @property
    def control(self) -> Path:
        return self.run / "control.sock"

    @property
    def supervisor_file(self) -> Path:
        """JSON of the running supervisor: pid, start time, way."""
        return self.run / "supervisor.json"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    @property
    def balancer_control(self) -> Path:
        return self.run / "balancer.sock"

    @property
    def balancer_config(self) -> Path:
        return self.directory / "haproxy.cfg"

    @property
    def logs(self) -> Path:
        return self.directory / "log"

    @property
    def ca_key(self) -> Path:
        return self.directory / "ca" / "user_ca"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "ssh" / "known_hosts"

    @property
    def host_key(self) -> Path:
        return self.directory / "ssh" / "ssh_host_ed25519_key"

    @property
    def munge_key(self) -> Path:
        return self.directory / "cluster" / "munge.key"

    @property
    def gateway_config(self) -> Path:
        return self.directory / "gateway.yaml"

    @property
    def cluster(self) -> Path:
        return self.directory / "cluster"

    @property
    def new_root(self) -> Path:
        """Mount point of the cluster's root file system; seen only inside its namespaces."""
        return self.cluster / "root"

    def _place(self, name: str, inside: str, *, users: bool) -> Place:
        if self.way is not WayName.NSS_WRAPPER:
            return Place(self.cluster / name, Path(inside))
        root = NSS_ROOT if users else self.cluster
        return Place(root / name, root / name)

    @property
    def etc(self) -> Place:
        return self._place("etc", "/etc/slurm", users=True)

    @property
    def sockets(self) -> Place:
        return self._place("run", "/run/cluster", users=True)

    @property
    def spool(self) -> Place:
        return self._place("spool", "/var/spool/cluster", users=True)

    @property
    def var(self) -> Place:
        return self._place("var", "/var/lib/cluster", users=False)

    @property
    def log(self) -> Place:
        return self._place("log", "/var/log/cluster", users=False)

    @property
    def private(self) -> Place:
        """Sockets and pid files for the cluster's root only."""
        return Place(self.sockets.outside / "private", self.sockets.inside / "private")

    @property
    def inner_control(self) -> Place:
        name = "control.sock"
        return Place(self.private.outside / name, self.private.inside / name)

    @property
    def kept(self) -> Path:
        """User data between two runs."""
        return self.cluster / "fs"

    def check_lengths(self) -> None:
        """Raise `PathTooLong` if a unix socket does not fit (unix(7): 108 bytes with the zero)."""
        paths = [self.control, self.redis_socket, self.balancer_control]
        paths += [self.inner_control.outside]
        for path in (*paths, self.private.inside / "mysql.sock"):
            length = len(str(path).encode())
            if length > LONGEST_PATH:
                raise PathTooLong(
                    f"the socket path {path} has {length} bytes, {LONGEST_PATH} are possible: "
                    "choose a shorter directory with F7T_STATE_ROOT, or a shorter name"
                )
