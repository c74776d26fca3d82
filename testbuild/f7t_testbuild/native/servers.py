"""The real Keycloak and MinIO as parts, in the place of the embedded issuer and store.

Unlike those they bind their ports themselves, and keep their data in directories of their own, so
that a testbuild can change between the two kinds and back.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.distribution import data_path, own_version, python_module
from f7t_testbuild.model import ACCESS_KEY, REALM, REGION, Identity, Store, Testbuild
from f7t_testbuild.progress import Progress
from f7t_testbuild.real import keycloak, minio
from f7t_testbuild.real.keycloak import Keycloak
from f7t_testbuild.real.minio import Minio
from f7t_testbuild.supervise.part import Check, CheckKind, Part

RELAY = "staging-inside"
"""Both the part and the socket inside the cluster's network that it serves."""
ADMIN = "admin"
HEAP = "-Xms64m -Xmx512m"
"""Else Keycloak bounds itself by the memory of the whole machine."""
FIRST_DESCRIPTOR = "3"


@dataclass(frozen=True)
class Servers:
    """The real servers of a testbuild; None stands for the embedded one."""

    keycloak: Keycloak | None = None
    minio: Minio | None = None

    def bind_themselves(self, port: str) -> bool:
        """Whether nobody inherits the socket of this port (a name in `Testbuild.ports`)."""
        own = {
            "identity": self.keycloak is not None,
            "staging": self.minio is not None,
        }
        return own.get(port, False)


EMBEDDED = Servers()


def obtain_servers(
    identity: Identity, store: Store, parts: frozenset[str], progress: Progress
) -> Servers:
    """Have what is wanted in the cache; raises `Unobtainable`."""
    real_identity = identity is not Identity.EMBEDDED and "identity" in parts
    real_store = store is not Store.EMBEDDED and "staging" in parts
    return Servers(
        keycloak.obtain(progress) if real_identity else None,
        minio.obtain(progress) if real_store else None,
    )


def keycloak_part(testbuild: Testbuild, secrets: Mapping[str, str], server: Keycloak) -> Part:
    """Keycloak on the loopback, with a directory of its own that shares the built program."""
    home = _home(testbuild)
    _furnish(home, server, secrets)
    root = f"http://127.0.0.1:{testbuild.identity_port}/auth"
    return Part(
        name="identity",
        what="Keycloak (real)",
        version=server.version,
        address=f"127.0.0.1:{testbuild.identity_port}",
        argv=(
            *(str(server.directory / "bin" / "kc.sh"), "start", "--optimized", "--import-realm"),
            f"-Dkc.home.dir={home}",
        ),
        environment={
            "F7T_CLIENT_SECRET": secrets["client_secret"],
            "F7T_ROBOT_SECRET": secrets["robot_secret"],
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": secrets["keycloak_admin_password"],
            "KC_HOSTNAME": testbuild.identity_public_url,
            "KC_HOSTNAME_BACKCHANNEL_DYNAMIC": "true",
            "KC_HTTP_ENABLED": "true",
            "KC_HTTP_HOST": "127.0.0.1",
            "KC_HTTP_PORT": str(testbuild.identity_port),
            # The default looks for other servers of a cluster, beyond the loopback.
            "KC_CACHE": "local",
            "JAVA": str(server.java),
            "JAVA_OPTS_KC_HEAP": HEAP,
            "JAVA_OPTS_APPEND": f"-Djava.io.tmpdir={testbuild.directory / 'tmp'} "
            "-XX:-UsePerfData -XX:-UseG1GC -XX:+UseSerialGC",
        },
        # The realm comes first: it is told less about in the log than a health that is not yet.
        ready=Check(CheckKind.HTTP, f"{root}/realms/{REALM} {root}/health/ready"),
        ready_timeout=400,
        start_attempts=1,
        stop_grace=20,
        # kc.sh is a shell that passes this on to Java; killed itself, it would leave it behind.
        death_signal="TERM",
    )


def _home(testbuild: Testbuild) -> Path:
    return testbuild.directory / "keycloak"


def _furnish(home: Path, server: Keycloak, secrets: Mapping[str, str]) -> None:
    """Put the program, the realm and, if it still fits, the database of the last run there.

    Keycloak imports a realm only into a database without it. So a database of another realm file,
    other secrets or another version is dropped, as is one whose first start was cut off.
    """
    realm = data_path("keycloak/realm.json").read_bytes()
    origin = hashlib.sha256(realm)
    for text in (server.version, *(secrets[name] for name in sorted(secrets))):
        origin.update(text.encode() + b"\0")
    confirmed = home / "database.origin"
    if not confirmed.exists() or confirmed.read_text() != origin.hexdigest():
        shutil.rmtree(home, ignore_errors=True)
    imports = home / "data" / "import"
    imports.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    (imports / f"{REALM}-realm.json").write_bytes(realm)
    (home / "database.origin.new").write_text(origin.hexdigest())
    for name in ("lib", "conf", "providers", "themes"):
        (home / name).unlink(missing_ok=True)
        (home / name).symlink_to(server.directory / name)


def confirm_database(testbuild: Testbuild) -> None:
    """Keycloak was ready once: the next start may go on with its database."""
    fresh = _home(testbuild) / "database.origin.new"
    if fresh.exists():
        fresh.rename(fresh.with_suffix(""))


def minio_part(testbuild: Testbuild, secrets: Mapping[str, str], server: Minio) -> Part:
    """MinIO on the loopback, without its console."""
    directory = testbuild.directory / "minio"
    directory.mkdir(exist_ok=True, mode=0o700)
    address = f"127.0.0.1:{testbuild.staging_port}"
    return Part(
        name="staging",
        what="MinIO (real)",
        version=server.version,
        address=address,
        argv=(str(server.program), "server", str(directory / "data"), "--address", address),
        environment={
            "HOME": str(directory / "home"),
            "MINIO_ROOT_USER": ACCESS_KEY,
            "MINIO_ROOT_PASSWORD": secrets["staging_secret_key"],
            "MINIO_SITE_REGION": REGION,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        },
        ready=Check(CheckKind.HTTP, f"{testbuild.staging_url}/minio/health/ready"),
    )


def relay_part(testbuild: Testbuild) -> Part:
    """Carries what the cluster asks of the store: MinIO cannot take over the socket made inside.

    That socket holds connections from the start on, so the relay is ready as soon as it runs.
    """
    address = f"127.0.0.1:{testbuild.staging_port}"
    return Part(
        name=RELAY,
        what="Relay from the cluster's network to MinIO",
        version=own_version(),
        address=f"{address} (inside)",
        argv=(*python_module("f7t_testbuild.relay"), "--fd", FIRST_DESCRIPTOR, "--to", address),
        requires=("staging",),
        listeners=(RELAY,),
    )
