"""Base images made of a distribution's packages, for machines that can pull none.

mmdebstrap unpacks a minimal system into an archive, the engine imports it under the official
image's name: `FROM debian:bookworm-slim` then builds without asking any registry.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.images.engine import run_logged
from f7t_testbuild.images.sources import Mirror
from f7t_testbuild.packages import Package

MADE_HERE = "f7t.base"
"""Label of a base that was made here, with the name of the tool."""

MACHINE_CERTIFICATES = Path("/usr/local/share/ca-certificates")
"""Where an administrator puts further certificate authorities, in Debian and in its images."""

_HOOKS = "/usr/share/mmdebstrap/hooks/merged-usr"
_UBUNTU_KEYRING = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"
_DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

_MMDEBSTRAP = Package("mmdebstrap", ("mmdebstrap",))
_DEBIAN_KEYS = Package("debian-archive-keyring", (_DEBIAN_KEYRING,))
_UBUNTU_KEYS = Package("ubuntu-keyring", (_UBUNTU_KEYRING,))


@dataclass(frozen=True)
class BaseSystem:
    """A base that can be made here.

    Attributes:
        tag: name of the official image.
        suite: the distribution's name of the release.
        ubuntu: whether it is made of Ubuntu's packages instead of Debian's.
    """

    tag: str
    suite: str
    ubuntu: bool = False

    @property
    def packages(self) -> tuple[Package, ...]:
        """What has to be installed on this machine to make it."""
        return (_MMDEBSTRAP, _UBUNTU_KEYS if self.ubuntu else _DEBIAN_KEYS)


BASES = {
    base.tag: base
    for base in (
        BaseSystem("ubuntu:20.04", "focal", ubuntu=True),
        BaseSystem("debian:bullseye-slim", "bullseye"),
        BaseSystem("debian:bookworm-slim", "bookworm"),
        BaseSystem("debian:trixie-slim", "trixie"),
    )
}
"""By the name of the official image."""


def certificates(directories: Sequence[Path]) -> tuple[Path, ...]:
    """The certificates in these directories: `*.crt`, as update-ca-certificates(8) has it."""
    return tuple(
        path.absolute() for directory in directories for path in sorted(directory.glob("*.crt"))
    )


def source_lines(base: BaseSystem, mirror: Mirror) -> tuple[str, ...]:
    """The lines of the base's sources.list."""
    if base.ubuntu:
        options, components = f"[signed-by={_UBUNTU_KEYRING}] ", "main universe"
    else:
        options, components = "", "main"
    archive = f"deb {options}{mirror.archive}"
    lines = [f"{archive} {base.suite} {components}"]
    # Bullseye left regular support: its security index names packages that mirrors no longer have.
    if base.suite != "bullseye":
        lines.append(f"{archive} {base.suite}-updates {components}")
        if mirror.security is not None:
            lines.append(
                f"deb {options}{mirror.security} {base.suite}-security {components}",
            )
    return tuple(lines)


def bootstrap_command(
    base: BaseSystem, mirror: Mirror, archive: Path, extra: Sequence[Path]
) -> list[str]:
    """The command that makes `archive`, with `extra` certificates inside.

    They are trusted as soon as an image installs ca-certificates, so that no Dockerfile and no
    build argument needs to know of them.
    """
    command = ["mmdebstrap", "--variant=minbase", "--format=tar", *_merged_usr(base)]
    for pattern in ("doc", "man", "info", "locale"):
        command.append(f"--dpkgopt=path-exclude=/usr/share/{pattern}/*")
    command += [
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        "--dpkgopt=force-unsafe-io",
        '--aptopt=Acquire::Languages "none"',
        # As the official images have it: images do not keep what apt can fetch or compute again.
        '--aptopt=DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; }',
        '--aptopt=Dir::Cache::pkgcache ""',
        '--aptopt=Dir::Cache::srcpkgcache ""',
    ]
    if extra:
        inside = f'"$1{MACHINE_CERTIFICATES}"'
        files = shlex.join(str(path) for path in extra)
        command.append(f"--customize-hook=mkdir -p {inside} && cp {files} {inside}")
    return [*command, base.suite, str(archive), *source_lines(base, mirror)]


def _merged_usr(base: BaseSystem) -> tuple[str, ...]:
    if base.suite in ("focal", "bullseye"):
        # The other hooks want a package that came later.
        return (f"--setup-hook={_HOOKS}/setup00.sh",)
    return (f"--hook-dir={_HOOKS}", "--include=usr-is-merged")


def make(base: BaseSystem, mirror: Mirror, extra: Sequence[Path], log: Path) -> None:
    """Make the base and give it its official name in the engine.

    Raises:
        StepFailed: the bootstrap or the import failed; the engine's images are as before.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    # A file and no pipe: a bootstrap that breaks off must not become a broken image.
    with tempfile.TemporaryDirectory(prefix="base-", dir=log.parent) as scratch:
        archive = Path(scratch) / "base.tar"
        run_logged(bootstrap_command(base, mirror, archive, extra), log, f"mmdebstrap {base.suite}")
        changes = ['CMD ["bash"]', f"LABEL {MADE_HERE}=mmdebstrap"]
        run_logged(
            ["docker", "import", *(f"--change={it}" for it in changes), str(archive), base.tag],
            log.with_suffix(".import.log"),
            f"docker import {base.tag}",
        )
