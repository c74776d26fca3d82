"""Keys, secrets and settings of an installation in containers.

`python -m f7t_testbuild.docker.setup` runs to its end before everything else, whenever the project
is started. Secrets are made once and kept in volumes; each part sees the volume with its own
secrets only. Settings follow the addresses that the environment names, as clients call them:
FIRECREST_URL, IDENTITY_URL (up to /auth), STAGING_URL. DENY names the users who get no certificate,
separated by blanks.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from f7t_testbuild import keys
from f7t_testbuild.cluster.container import HEAD, SSH_PORT
from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.gateway import Surroundings, gateway_settings
from f7t_testbuild.model import ACCESS_KEY, REALM, SYSTEM

ROOT = Path("/run/f7t")
"""Where all volumes of the secrets are mounted, by name."""
SECRETS_FILE = "installation/secrets.json"
GATEWAY_UID, DELEGATION_UID, REDIS_UID, SERVER_UID = 20001, 20002, 10003, 1000
"""Users of the images; SERVER_UID is Keycloak's and the stores'."""


def make(root: Path, environment: Mapping[str, str]) -> None:
    """Make what is missing and write what follows from the environment; `KeyError` without it."""
    secrets = keys.ensure_secrets(root / SECRETS_FILE)
    _machine_keys(root)
    _give(root / "tasks" / "password", secrets["redis_password"], REDIS_UID)
    for name in ("client_secret", "robot_secret", "keycloak_admin_password"):
        _give(root / "identity" / name, secrets[name], SERVER_UID)
    _give(root / "staging" / "access_key", ACCESS_KEY, SERVER_UID)
    _give(root / "staging" / "secret_key", secrets["staging_secret_key"], SERVER_UID)
    for name in ("keycloakdata", "miniodata"):
        os.chown(root / name, SERVER_UID, 0)
    _delegation(root, secrets, environment.get("DENY", "").split())
    _gateway(root, secrets, environment)


def _machine_keys(root: Path) -> None:
    """What the cluster's machines need; the authority's private key goes to delegation alone."""
    keys.ensure_munge_key(root / "munge" / "munge.key")
    keys.ensure_ssh_key(root / "ssh" / "ssh_host_ed25519_key", "f7t host key")
    keys.ensure_ssh_key(root / "ca" / "user_ca", "f7t user CA")
    shutil.copyfile(root / "ca" / "user_ca.pub", root / "ssh" / "user_ca.pub")
    for file in (root / "ca").iterdir():
        os.chown(file, DELEGATION_UID, DELEGATION_UID)
    os.chown(root / "ca", DELEGATION_UID, DELEGATION_UID)


def _delegation(root: Path, secrets: Mapping[str, str], denied: Sequence[str]) -> None:
    settings = {
        "ca_key": str(ROOT / "ca" / "user_ca"),
        "secret": secrets["certificator_secret"],
        "denied_users": {SYSTEM: sorted(denied)},
    }
    _give(root / "delegation" / "certificator.yaml", _yaml(settings), DELEGATION_UID)


def _gateway(root: Path, secrets: Mapping[str, str], environment: Mapping[str, str]) -> None:
    known = keys.known_host(HEAD, SSH_PORT, root / "ssh" / "ssh_host_ed25519_key")
    _give(root / "gateway" / "known_hosts", known, GATEWAY_UID)
    around = Surroundings(
        public_url=environment["FIRECREST_URL"],
        issuer=f"{environment['IDENTITY_URL']}/realms/{REALM}",
        identity_url="http://keycloak:8080/auth",
        ssh_host=HEAD,
        ssh_port=SSH_PORT,
        authority={
            "certificator_url": "http://delegation:5010",
            "certificator_secret": secrets["certificator_secret"],
        },
        known_hosts=str(ROOT / "gateway" / "known_hosts"),
        staging_url=environment["STAGING_URL"],
        staging_private_url="http://minio:9000",
        redis_url=f"redis://:{secrets['redis_password']}@taskpersistence:6379/0",
        internal_host="0.0.0.0",
        internal_port=8001,
    )
    _give(
        root / "gateway" / "gateway.yaml",
        _yaml(gateway_settings(around, load_site(), secrets)),
        GATEWAY_UID,
    )


def _yaml(values: Mapping[str, object]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False)


def _give(path: Path, text: str, uid: int) -> None:
    """Write a file that only the user `uid` may read, in a directory of its own."""
    keys.write_private(path, text.encode(), 0o400)
    os.chown(path, uid, uid)
    os.chown(path.parent, uid, uid)
    path.parent.chmod(0o700)


def main() -> int:
    """0 when everything is in place; 1 with the missing variable."""
    try:
        make(ROOT, os.environ)
    except KeyError as error:
        print(f"setup: the variable {error} is missing", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
