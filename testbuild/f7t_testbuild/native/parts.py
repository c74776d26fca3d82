"""The parts of a testbuild outside the cluster, as the outer supervisor runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from f7t_testbuild.cluster.versions import package_version
from f7t_testbuild.distribution import data_path, own_version, python_module
from f7t_testbuild.model import ACCESS_KEY, REGION, Testbuild
from f7t_testbuild.native.gateways import gateway_parts
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.servers import EMBEDDED, Servers, keycloak_part, minio_part, relay_part
from f7t_testbuild.native.ways import SYSTEM_PATH, WayName, unshare_command
from f7t_testbuild.supervise.part import Check, CheckKind, Part

ALL_PARTS = frozenset({"redis", "identity", "staging", "cluster", "gateway"})
LISTENERS = (
    ("identity", "identity"),
    ("staging", "staging"),
    ("ssh", "cluster"),
)
"""Name of each port in `Testbuild.ports`, and the part it belongs to; see also `gateways`."""
FIRST = "3"
SECOND = "4"
"""Descriptors of inherited sockets (sd_listen_fds(3))."""


def outer_parts(
    testbuild: Testbuild,
    layout: Layout,
    secrets: Mapping[str, str],
    inner_spec: Path,
    workers: int,
    servers: Servers = EMBEDDED,
    gateways: int = 1,
) -> Iterator[Part]:
    """All parts; they hold secrets in their environments."""
    yield _redis(testbuild, layout)
    if servers.keycloak is None:
        yield _identity(testbuild, secrets)
    else:
        yield keycloak_part(testbuild, secrets, servers.keycloak)
    if servers.minio is None:
        yield _staging(testbuild, layout, secrets)
    else:
        yield minio_part(testbuild, secrets, servers.minio)
        if layout.way is not WayName.NSS_WRAPPER:
            yield relay_part(testbuild)
    yield _cluster(testbuild, layout, inner_spec)
    yield from gateway_parts(testbuild, layout, workers, gateways)


def _redis(testbuild: Testbuild, layout: Layout) -> Part:
    directory = testbuild.directory / "redis"
    directory.mkdir(exist_ok=True, mode=0o700)
    path = str(layout.redis_socket)
    # A task whose id was announced is a promise: Redis has written it to the file before it
    # answers, and a crash of Redis loses nothing. With `everysec` it may answer first, while a sync
    # is under way. `always` would outlive the machine as well, which the scheduler's word does not:
    # slurmctld saves its state every few seconds.
    return Part(
        name="redis",
        what="Redis task store with append-only file (real)",
        version=package_version("redis", SYSTEM_PATH),
        address=f"unix:{path}",
        argv=(
            *("redis-server", "--port", "0", "--unixsocket", path, "--unixsocketperm", "600"),
            *("--dir", str(directory), "--appendonly", "yes", "--appendfsync", "no"),
            *("--save", "", "--daemonize", "no", "--loglevel", "notice"),
        ),
        clear=(path,),
        ready=Check(CheckKind.COMMAND, argv=("redis-cli", "-s", path, "ping"), expect=r"^PONG$"),
    )


def _identity(testbuild: Testbuild, secrets: Mapping[str, str]) -> Part:
    state = testbuild.directory / "identity"
    port = testbuild.identity_port
    return Part(
        name="identity",
        what="OpenID Connect issuer (embedded, reads the Keycloak realm)",
        version=own_version(),
        address=f"127.0.0.1:{port}",
        argv=(
            *python_module("f7t_identity"),
            *("--realm", str(data_path("keycloak/realm.json")), "--state", str(state)),
            *("--public-url", testbuild.identity_public_url, "--fd", FIRST),
        ),
        environment={
            "F7T_CLIENT_SECRET": secrets["client_secret"],
            "F7T_ROBOT_SECRET": secrets["robot_secret"],
        },
        listeners=("identity",),
        ready=Check(CheckKind.HTTP, f"http://127.0.0.1:{port}/health/ready"),
    )


def _staging(testbuild: Testbuild, layout: Layout, secrets: Mapping[str, str]) -> Part:
    """In a network of its own the cluster reaches the store through a second socket, made inside.

    So the same URL holds on both sides and no proxy copies the bytes.
    """
    inside = layout.way is not WayName.NSS_WRAPPER
    sockets = ("staging", "staging-inside") if inside else ("staging",)
    descriptors = ("--fd", FIRST, "--fd", SECOND) if inside else ("--fd", FIRST)
    return Part(
        name="staging",
        what="S3 object store of the staging area (embedded)",
        version=own_version(),
        address=f"127.0.0.1:{testbuild.staging_port}",
        argv=(
            *python_module("f7t_staging"),
            *("--data", str(testbuild.directory / "staging"), "--region", REGION, *descriptors),
        ),
        environment={
            "F7T_STAGING_ACCESS_KEY": ACCESS_KEY,
            "F7T_STAGING_SECRET_KEY": secrets["staging_secret_key"],
        },
        listeners=sockets,
        ready=Check(CheckKind.HTTP, f"{testbuild.staging_url}/minio/health/ready"),
    )


def _cluster(testbuild: Testbuild, layout: Layout, inner_spec: Path) -> Part:
    """The process 1 of the cluster.

    In namespaces its end takes everything with it, so it may be killed outright; as a plain process
    it is asked to stop when its supervisor dies, to kill its jobs and sessions first.
    """
    private = layout.way is not WayName.NSS_WRAPPER
    return Part(
        name="cluster",
        what=f"Simulated cluster ({layout.way})",
        version=own_version(),
        address=f"127.0.0.1:{testbuild.ssh_port}",
        argv=(
            *unshare_command(layout.way),
            *python_module("f7t_testbuild.native.inner"),
            str(inner_spec),
        ),
        listeners=("ssh",),
        ready=Check(CheckKind.NOTIFY),
        ready_timeout=60,
        start_attempts=1,
        stop_grace=30,
        death_signal="KILL" if private else "TERM",
    )
