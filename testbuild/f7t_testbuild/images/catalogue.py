"""Which images there are: names, Dockerfiles, arguments; for `f7t images` and the Docker runtime.

Official images are named by tag, for their digests cannot be looked up on every machine that works
on this project. `KEYCLOAK_IMAGE` and `MINIO_IMAGE` in the environment name others, for example
`name:tag@sha256:…`; and the digest of whatever is pulled is kept (see `record`), so that another
image under the same tag does not pass unnoticed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from f7t_testbuild.model import Identity, Store

BOOKWORM = "debian:bookworm-slim"
TRIXIE = "debian:trixie-slim"

SLURM_BASES = {
    "19.05": "ubuntu:20.04",
    "20.11": "debian:bullseye-slim",
    "22.05": BOOKWORM,
    "24.11": TRIXIE,
}
"""Release of Slurm to the base image whose distribution packages it."""

SOURCES_LABEL = "firecrest-testbuild.sources"
"""Label of an image with the digest of what it was made of."""

_KEYCLOAK_SOURCES = ("keycloak/realm.json", "keycloak/entrypoint.sh", "keycloak/health.sh")
_PACKAGE = "testbuild/f7t_testbuild"
_CLUSTER_SOURCES = (
    *("cluster", f"{_PACKAGE}/cluster", f"{_PACKAGE}/supervise", f"{_PACKAGE}/__init__.py"),
    *(f"{_PACKAGE}/distribution.py", f"{_PACKAGE}/model.py", f"{_PACKAGE}/relay.py"),
)

PREFERRED_RELEASE = "19.05"
"""What the tutorial shows."""
FALLBACK_RELEASE = "22.05"
"""What is built where Ubuntu's packages are not to be had."""


@dataclass(frozen=True)
class Image:
    """An image that is built from a Dockerfile of the checkout.

    Attributes:
        tag: its name in the engine.
        dockerfile: path below the checkout; the checkout is the build's context.
        arguments: build arguments by name.
        bases: the images it stands on.
        sources: files and directories below the checkout that it is made of, with the Dockerfile.
        passed_on: build arguments taken from the caller's environment where they are set there.
    """

    tag: str
    dockerfile: str
    arguments: Mapping[str, str]
    bases: tuple[str, ...]
    sources: tuple[str, ...]
    passed_on: tuple[str, ...] = field(default=())

    def build_command(
        self, checkout: Path, environment: Mapping[str, str] = os.environ
    ) -> list[str]:
        """The docker command that builds it and pulls nothing that is there."""
        arguments = [f"{name}={value}" for name, value in self.arguments.items()]
        arguments += [name for name in self.passed_on if environment.get(name)]
        options = [word for argument in arguments for word in ("--build-arg", argument)]
        options += ["--label", f"{SOURCES_LABEL}={self.sources_digest(checkout)}"]
        file = str(checkout / self.dockerfile)
        return ["docker", "build", "-f", file, "-t", self.tag, *options, str(checkout)]

    def sources_digest(self, checkout: Path) -> str:
        """What it is made of, as a hash: names, contents and arguments."""
        digest = hashlib.sha256(repr(sorted(self.arguments.items())).encode())
        for source in (self.dockerfile, *self.sources):
            for path in _files(checkout / source):
                digest.update(str(path.relative_to(checkout)).encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    """Every file that reaches the engine, in order; caches of Python do not (`.dockerignore`)."""
    if path.is_file():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc"
    )


FIRECREST = Image(
    "firecrest-testbuild/firecrest:latest",
    "firecrest/Dockerfile",
    {"BASE": BOOKWORM},
    (BOOKWORM,),
    (
        *("cluster", "conformance/contract", "firecrest", "loadtest/thresholds.yaml"),
        *("keycloak/f7t_identity", "keycloak/realm.json"),
        *("minio/f7t_staging", "testbuild", "pyproject.toml", "uv.lock", "README.md"),
    ),
)
"""The gateway; the embedded issuer and store run from it as well."""

CONFORMANCE = Image(
    "firecrest-testbuild/conformance:latest",
    "conformance/Dockerfile",
    {"BASE": BOOKWORM},
    (BOOKWORM,),
    (
        *("cluster", "conformance", "firecrest", "keycloak", "minio", "testbuild"),
        "loadtest/thresholds.yaml",
        *("pyproject.toml", "uv.lock", "README.md"),
    ),
)
"""The conformance suite; no part of a testbuild."""

TASKPERSISTENCE = Image(
    "firecrest-testbuild/taskpersistence:latest",
    "firecrest/taskpersistence.Dockerfile",
    {"BASE": BOOKWORM},
    (BOOKWORM,),
    ("firecrest/taskpersistence",),
)

BALANCER = Image(
    "firecrest-testbuild/balancer:latest",
    "firecrest/balancer.Dockerfile",
    {"BASE": BOOKWORM},
    (BOOKWORM,),
    ("firecrest/balancer", "firecrest/image"),
)
"""HAProxy; only where several gateways are asked for."""

KEYCLOAK_FROM_MAVEN = Image(
    "firecrest-testbuild/keycloak-from-maven:26.7.3",
    "keycloak/from-maven.Dockerfile",
    {"BASE": BOOKWORM},
    (BOOKWORM,),
    _KEYCLOAK_SOURCES,
)

MINIO_FROM_SOURCE = Image(
    "firecrest-testbuild/minio-from-source:20260212",
    "minio/from-source.Dockerfile",
    {"BASE": BOOKWORM, "GO_BASE": TRIXIE},
    (BOOKWORM, TRIXIE),
    (),
    passed_on=("GOPROXY", "GOSUMDB"),
)


def cluster(release: str) -> Image:
    """The cluster's image with this release of Slurm; raises `KeyError` for an unknown one."""
    base = SLURM_BASES[release]
    arguments = {"BASE": base, "PYTHON_BASE": BOOKWORM}
    bases = (base,) if base == BOOKWORM else (base, BOOKWORM)
    tag = f"firecrest-testbuild/cluster:{release}"
    return Image(tag, "cluster/Dockerfile", arguments, bases, _CLUSTER_SOURCES)


def official_keycloak(environment: Mapping[str, str] = os.environ) -> str:
    """Name of Keycloak's official image."""
    return environment.get("KEYCLOAK_IMAGE") or "keycloak/keycloak:26.7.3"


def official_minio(environment: Mapping[str, str] = os.environ) -> str:
    """Name of MinIO's official image: the last one that was published."""
    return environment.get("MINIO_IMAGE") or "minio/minio:RELEASE.2025-09-07T16-13-09Z"


def keycloak(environment: Mapping[str, str] = os.environ) -> Image:
    """Keycloak with the testbuild's realm, on the official image."""
    base = official_keycloak(environment)
    tag = "firecrest-testbuild/keycloak:26.7.3"
    arguments = {"KEYCLOAK_IMAGE": base}
    return Image(tag, "keycloak/Dockerfile", arguments, (base,), _KEYCLOAK_SOURCES)


def identity(kind: Identity, environment: Mapping[str, str] = os.environ) -> Image:
    """The image that runs this kind of identity provider."""
    return {
        Identity.KEYCLOAK: keycloak(environment),
        Identity.KEYCLOAK_FROM_MAVEN: KEYCLOAK_FROM_MAVEN,
        Identity.EMBEDDED: FIRECREST,
    }[kind]


def store(kind: Store, environment: Mapping[str, str] = os.environ) -> Image | str:
    """The image that runs this kind of staging area; of one that is pulled, its name."""
    made: Mapping[Store, Image | str] = {
        Store.MINIO: official_minio(environment),
        Store.MINIO_FROM_SOURCE: MINIO_FROM_SOURCE,
        Store.EMBEDDED: FIRECREST,
    }
    return made[kind]


def identity_image(kind: Identity, environment: Mapping[str, str] = os.environ) -> str:
    """Name of the image that runs this kind of identity provider."""
    return identity(kind, environment).tag


def store_image(kind: Store, environment: Mapping[str, str] = os.environ) -> str:
    """Name of the image that runs this kind of staging area."""
    image = store(kind, environment)
    return image.tag if isinstance(image, Image) else image
