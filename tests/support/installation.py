"""Keys of a testbuild that no client ever sees, for tests that look behind the gateway."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import docker

from f7t_testbuild.docker import parts
from f7t_testbuild.docker.project import project_name
from f7t_testbuild.docker.setup import ROOT
from f7t_testbuild.keys import known_host, write_private
from f7t_testbuild.model import Identity, RuntimeStatus, Testbuild
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.ways import WayName
from f7t_testbuild.runtime import RuntimeName


@dataclass(frozen=True)
class Authority:
    """Files of the user certificate authority and of the pinned host key."""

    ca_key: Path
    known_hosts: Path


def authority_of(testbuild: Testbuild, status: RuntimeStatus, directory: Path) -> Authority:
    """The authority's files; those of containers are copied into `directory`."""
    if status.runtime == RuntimeName.NATIVE:
        layout = Layout(testbuild.directory, WayName(status.way))
        return Authority(layout.ca_key, layout.known_hosts)
    ca_key, known_hosts = directory / "user_ca", directory / "known_hosts"
    write_private(ca_key, file_of(testbuild, parts.ONE_SHOT, f"{ROOT}/ca/user_ca"))
    host_key = directory / "ssh_host_ed25519_key"
    public = file_of(testbuild, parts.ONE_SHOT, f"{ROOT}/ssh/{host_key.name}.pub")
    write_private(host_key.with_name(f"{host_key.name}.pub"), public)
    known_hosts.write_text(known_host("127.0.0.1", testbuild.ssh_port, host_key))
    return Authority(ca_key, known_hosts)


def realm_key_of(testbuild: Testbuild, runtime: str, identity: str) -> bytes | None:
    """The realm's present signing key (PEM); None for Keycloak, which gives it to nobody."""
    if identity != Identity.EMBEDDED:
        return None
    if runtime == RuntimeName.NATIVE:
        return max(Path(testbuild.directory, "identity").glob("rs256-*.pem")).read_bytes()
    files = archive_of(testbuild, "keycloak", "/state")
    newest = max(name for name in files if Path(name).name.startswith("rs256-"))
    return files[newest]


def file_of(testbuild: Testbuild, service: str, path: str) -> bytes:
    """One file of a service's container, running or not."""
    (content,) = archive_of(testbuild, service, path).values()
    return content


def archive_of(testbuild: Testbuild, service: str, path: str) -> dict[str, bytes]:
    """All files below a path of a service's container, by name."""
    labels = [
        f"{parts.PROJECT_LABEL}={project_name(testbuild)}",
        f"{parts.SERVICE_LABEL}={service}",
    ]
    (container,) = docker.from_env().containers.list(all=True, filters={"label": labels})
    stream, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read() for name, file in members.items() if file is not None}
