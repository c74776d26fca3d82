"""Keycloak from Maven: the distribution's archive, unpacked and built for a quick start."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from f7t_testbuild.progress import Progress
from f7t_testbuild.real import cache, tools
from f7t_testbuild.real.cache import Unobtainable
from f7t_testbuild.real.tools import Complaint

PINNED = "26.7.3"
PINNED_SHA256 = "77657f30b7e90d70f727712ce1c967f430fd6a5e9f458d32d8c6df0635345f47"
"""Of its `tar.gz`."""
VERSION_VARIABLE = "F7T_KEYCLOAK_VERSION"
OLDEST_JAVA = 17
BUILD_OPTIONS = (
    "--db=dev-file",
    "--health-enabled=true",
    # Without this, health would take a second port (9000 by default, which is MinIO's).
    "--http-management-health-enabled=false",
    "--http-relative-path=/auth",
)
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
HELP_PLUGIN = "org.apache.maven.plugins:maven-help-plugin:3.5.1"
DOWNLOAD_TIMEOUT = 1800.0
BUILD_TIMEOUT = 900.0
SHORT_TIMEOUT = 120.0
INSTEAD = "or stay with the embedded issuer (--identity embedded)"


@dataclass(frozen=True)
class Keycloak:
    """A built distribution, to be started with `start --optimized` and this Java."""

    directory: Path
    version: str
    java: Path


def obtain(progress: Progress) -> Keycloak:
    """Keycloak in the version of `F7T_KEYCLOAK_VERSION`, else the pinned one.

    The first time it takes 176 MB and a minute; later nothing is fetched. Raises `Unobtainable`.
    """
    version = chosen_version()
    java = find_java()
    options = hashlib.sha256(" ".join(BUILD_OPTIONS).encode()).hexdigest()[:8]
    make = partial(_make, version=version, java=java, progress=progress)
    directory = cache.obtain("keycloak", f"{version}-{options}", make, progress)
    return Keycloak(directory, version, java)


def chosen_version() -> str:
    """The version to run; raises `Unobtainable` for something that is none."""
    version = os.environ.get(VERSION_VARIABLE) or PINNED
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise Unobtainable(
            f"{VERSION_VARIABLE} is {version!r}, not a version like {PINNED}",
            hint=f"unset it to get {PINNED}",
        )
    return version


def find_java() -> Path:
    """The Java of JAVA_HOME, else of PATH; raises `Unobtainable` if there is none or it is old."""
    advice = f"install Java {OLDEST_JAVA} or newer (Debian: openjdk-17-jre-headless), {INSTEAD}"
    home = os.environ.get("JAVA_HOME")
    program = str(Path(home) / "bin" / "java") if home else "java"
    where = f"JAVA_HOME ({home})" if home else "PATH"
    java = tools.find(program, Complaint(f"Keycloak needs Java: no java in {where}", advice))
    said = tools.run(
        [java, "-version"], Complaint(f"{java} does not work", advice), timeout=SHORT_TIMEOUT
    )
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if not found or int(found[1]) < OLDEST_JAVA:
        told = said.splitlines()[0] if said else "nothing"
        raise Unobtainable(
            f"Keycloak needs Java {OLDEST_JAVA} or newer: {java} says {told}", hint=advice
        )
    return java


def _make(directory: Path, *, version: str, java: Path, progress: Progress) -> None:
    """Fill an empty directory with a built distribution."""
    progress(f"fetching Keycloak {version} with Maven (176 MB, once)")
    archive = fetch(version)
    verify(archive, version)
    progress(f"unpacking and building Keycloak {version} (once)")
    tools.run(
        ["tar", "-xzf", archive, "-C", directory, "--strip-components=1", "--no-same-owner"],
        Complaint(f"{archive} cannot be unpacked", "make room, or remove it to get it anew"),
        timeout=BUILD_TIMEOUT,
    )
    scratch = directory / "tmp"
    scratch.mkdir()
    tools.run(
        [directory / "bin" / "kc.sh", "build", *BUILD_OPTIONS],
        Complaint(f"Keycloak {version} cannot be built", f"choose another version, {INSTEAD}"),
        timeout=BUILD_TIMEOUT,
        environment={
            # Nothing of the caller's: a KC_ variable would become part of the build.
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),
            "JAVA": str(java),
            "JAVA_OPTS_APPEND": f"-Djava.io.tmpdir={scratch} -XX:-UsePerfData",
        },
    )
    shutil.rmtree(scratch)


def fetch(version: str) -> Path:
    """Have the archive in Maven's local repository; raises `Unobtainable`."""
    mvn = tools.find(
        "mvn",
        Complaint(
            "Keycloak is fetched with Maven: no mvn in PATH",
            f"install Maven (Debian: maven), {INSTEAD}",
        ),
    )
    quiet = (mvn, "--batch-mode", "--quiet", "-Dstyle.color=never")
    coordinates = f"org.keycloak:keycloak-quarkus-dist:{version}"
    refused = Complaint(
        f"Maven cannot get {coordinates}",
        f"see that Maven reaches a repository which has it (its settings.xml), name a version that "
        f"is there with {VERSION_VARIABLE}, {INSTEAD}",
    )
    tools.run(
        [
            *(*quiet, f"{DEPENDENCY_PLUGIN}:get"),
            *(f"-Dartifact={coordinates}:tar.gz", "-Dtransitive=false"),
        ],
        refused,
        timeout=DOWNLOAD_TIMEOUT,
    )
    said = tools.run(
        [
            *(*quiet, f"{HELP_PLUGIN}:evaluate"),
            *("-Dexpression=settings.localRepository", "-DforceStdout"),
        ],
        Complaint("Maven does not tell where its local repository is", refused.hint),
        timeout=DOWNLOAD_TIMEOUT,
    )
    repository = Path(said.split("\n")[-1].strip())
    name = "keycloak-quarkus-dist"
    archive = repository / "org/keycloak" / name / version / f"{name}-{version}.tar.gz"
    if not archive.is_file():
        raise Unobtainable(f"Maven left no {archive}", hint=refused.hint)
    return archive


def verify(archive: Path, version: str) -> None:
    """Compare with the digest pinned here, else with the one Maven keeps beside the archive.

    Raises `Unobtainable` when it differs or there is none.
    """
    beside = archive.with_name(archive.name + ".sha1")
    if version == PINNED:
        method, expected = "sha256", PINNED_SHA256
    elif beside.is_file():
        method, expected = "sha1", beside.read_text().split()[0]
    else:
        raise Unobtainable(
            f"there is no checksum beside {archive}",
            hint=f"remove the directory {archive.parent} and try again",
        )
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, method).hexdigest()
    if found != expected:
        raise Unobtainable(
            f"{archive} is not what was published: its {method} is {found}, not {expected}",
            hint=f"remove the directory {archive.parent} and try again",
        )
