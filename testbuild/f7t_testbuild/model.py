"""What a testbuild is: its name, addresses and directory, and how its parts report themselves."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

REALM = "kcrealm"
CLIENT_ID = "firecrest-sample"
SYSTEM = "cluster"
ACCESS_KEY = "storage_access_key"
REGION = "us-east-1"
DEFAULT_NAME = "default"
DEFAULT_PORT_BASE = 8000
MOST_GATEWAYS = 8
"""Their ports, two each, lie below the one of sshd."""


def default_state_root() -> Path:
    """Directory that holds one subdirectory per testbuild (XDG base directory specification)."""
    chosen = os.environ.get("F7T_STATE_ROOT")
    if chosen:
        return Path(chosen)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "f7t"


@dataclass(frozen=True)
class Testbuild:
    """One testbuild: everything else (ports, URLs, paths) follows from these three values."""

    name: str = DEFAULT_NAME
    port_base: int = DEFAULT_PORT_BASE
    state_root: Path = field(default_factory=default_state_root)

    @property
    def directory(self) -> Path:
        """The one directory that holds all state, sockets, keys and logs of this testbuild."""
        return self.state_root / self.name

    @property
    def gateway_port(self) -> int:
        return self.port_base

    @property
    def internal_port(self) -> int:
        return self.port_base + 1

    @property
    def ssh_port(self) -> int:
        return self.port_base + 22

    @property
    def identity_port(self) -> int:
        return self.port_base + 80

    @property
    def staging_port(self) -> int:
        return self.port_base + 1000

    @property
    def ports(self) -> dict[str, int]:
        """Host port of every part that listens on TCP, by part name."""
        return {
            "gateway": self.gateway_port,
            "gateway-internal": self.internal_port,
            "ssh": self.ssh_port,
            "identity": self.identity_port,
            "staging": self.staging_port,
        }

    def gateway_ports(self, number: int) -> tuple[int, int]:
        """Public and internal port of one of several gateways (from 1) behind the balancer."""
        return self.port_base + 2 * number, self.port_base + 2 * number + 1

    def ports_with(self, gateways: int) -> dict[str, int]:
        """`ports` of a testbuild with so many gateways: several have ports beside the balancer's.

        The balancer then listens on what is the gateway's own otherwise.
        """
        found = self.ports
        if gateways > 1:
            for number in range(1, gateways + 1):
                public, internal = self.gateway_ports(number)
                found |= {f"gateway-{number}": public, f"gateway-{number}-internal": internal}
        return found

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def staging_url(self) -> str:
        return f"http://127.0.0.1:{self.staging_port}"

    @property
    def identity_public_url(self) -> str:
        """Front address of the identity provider, the prefix of `iss` (platform.md §3)."""
        return f"http://localhost:{self.identity_port}/auth"

    @property
    def issuer(self) -> str:
        return f"{self.identity_public_url}/realms/{REALM}"

    @property
    def token_url(self) -> str:
        return f"{self.issuer}/protocol/openid-connect/token"

    @property
    def secrets_file(self) -> Path:
        """JSON, mode 0600, each entry made once: `client_secret`, `robot_secret`,
        `staging_secret_key`, `keycloak_admin_password` (for Keycloak's console)."""
        return self.directory / "secrets.json"


class Identity(StrEnum):
    """What issues the tokens."""

    KEYCLOAK = "keycloak"
    KEYCLOAK_FROM_MAVEN = "keycloak-from-maven"
    EMBEDDED = "embedded"


class Store(StrEnum):
    """What holds the staging area."""

    MINIO = "minio"
    MINIO_FROM_SOURCE = "minio-from-source"
    EMBEDDED = "embedded"


class PartState(StrEnum):
    """State of one supervised part."""

    STOPPED = "stopped"
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


@dataclass(frozen=True)
class PartStatus:
    """One line of `f7t status`."""

    name: str
    what: str
    """What it is, and whether it is real or embedded, e.g. `Slurm controller (real)`."""
    version: str
    state: PartState
    address: str
    """`host:port`, `unix:<path>` or `-`."""
    since: str | None
    """UTC time stamp `YYYY-MM-DDTHH:MM:SS` of the last state change."""
    pid: int | None = None
    restarts: int = 0
    detail: str = ""
    """Last error, or why it waits."""


@dataclass(frozen=True)
class RuntimeStatus:
    """All that `f7t status` shows."""

    name: str
    way: str
    """How the cluster is isolated: `namespaces`, `rootless`, `nss-wrapper` or `containers`."""
    running: bool
    parts: tuple[PartStatus, ...]
    runtime: str = "native"
    """`native` or `docker`."""
