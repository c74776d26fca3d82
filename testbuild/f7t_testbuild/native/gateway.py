"""The gateway's settings file (`f7t.settings` describes every key)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from f7t_testbuild.model import ACCESS_KEY, REALM, REGION, SYSTEM, Testbuild
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.site import Site


def gateway_settings(
    testbuild: Testbuild, layout: Layout, site: Site, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """The settings of one testbuild's gateway as plain YAML values; they hold a secret."""
    return {
        "public_url": testbuild.gateway_url,
        "internal_port": testbuild.internal_port,
        "metrics_directory": str(testbuild.directory / "run" / "metrics"),
        "systems": [
            {
                "name": SYSTEM,
                "host": "127.0.0.1",
                "port": testbuild.ssh_port,
                "job_base": site.file_systems[0].path,
                "filesystems": [
                    {"name": item.name, "path": item.path, "description": item.description}
                    for item in site.file_systems
                ],
            }
        ],
        "auth": {
            "issuer": testbuild.issuer,
            "jwks_url": f"http://127.0.0.1:{testbuild.identity_port}/auth/realms/{REALM}"
            "/protocol/openid-connect/certs",
        },
        "ssh": {"ca_key": str(layout.ca_key), "known_hosts": str(layout.known_hosts)},
        "storage": {
            "public_url": testbuild.staging_url,
            "access_key": ACCESS_KEY,
            "secret_key": secrets["staging_secret_key"],
            "region": REGION,
        },
        "tasks": {"redis_url": f"unix://{layout.redis_socket}"},
    }
