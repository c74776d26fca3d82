"""The gateway's settings file (`f7t.settings` describes every key)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from f7t_testbuild.cluster.site import AnnouncedFileSystem, Site
from f7t_testbuild.model import ACCESS_KEY, REALM, REGION, SYSTEM


@dataclass(frozen=True)
class Surroundings:
    """What the gateway of one runtime finds where; URLs without a slash at the end."""

    public_url: str
    issuer: str
    identity_url: str
    """Where the gateway itself reaches the issuer, up to `/auth`."""
    ssh_host: str
    ssh_port: int
    authority: Mapping[str, str]
    """The keys of the section `ssh` that say who signs certificates."""
    known_hosts: str
    staging_url: str
    """The store as clients and the cluster call it."""
    staging_private_url: str
    """As the gateway calls it."""
    redis_url: str
    internal_port: int
    internal_host: str = "127.0.0.1"
    metrics_directory: str | None = None
    denied_users: tuple[str, ...] = ()
    """Who gets no certificate, where the gateway itself signs."""


def gateway_settings(
    around: Surroundings, site: Site, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """The settings of one testbuild's gateway as plain YAML values; they hold a secret."""
    announced: tuple[AnnouncedFileSystem, ...] = (*site.file_systems, *site.absent_file_systems)
    return {
        "public_url": around.public_url,
        "internal_host": around.internal_host,
        "internal_port": around.internal_port,
        "metrics_directory": around.metrics_directory,
        "systems": [
            {
                "name": SYSTEM,
                "host": around.ssh_host,
                "port": around.ssh_port,
                "job_base": site.file_systems[0].path,
                "filesystems": [
                    {"name": item.name, "path": item.path, "description": item.description}
                    for item in announced
                ],
                "denied_users": list(around.denied_users),
            }
        ],
        "auth": {
            "issuer": around.issuer,
            "jwks_url": f"{around.identity_url}/realms/{REALM}/protocol/openid-connect/certs",
        },
        "ssh": {**around.authority, "known_hosts": around.known_hosts},
        "storage": {
            "public_url": around.staging_url,
            "private_url": around.staging_private_url,
            "access_key": ACCESS_KEY,
            "secret_key": secrets["staging_secret_key"],
            "region": REGION,
            "internal": {"partition": site.transfer_partition},
        },
        "tasks": {"redis_url": around.redis_url},
    }
