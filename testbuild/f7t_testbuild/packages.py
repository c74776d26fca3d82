"""The system packages of the native runtime: which are missing, and how they get there.

Debian and Ubuntu are served: packages come from the machine's own configured sources, through
apt-get. Installing must leave no trace beyond files: no service is started (policy-rc.d, Debian
Policy §9.3.3) and none is left enabled.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.invocation import command_line
from f7t_testbuild.progress import Progress

POLICY_FILE = Path("/usr/sbin/policy-rc.d")
_POLICY = "#!/bin/sh\n# Made by f7t while it installs packages: no service is started.\nexit 101\n"
_SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin")
"""Searched beyond PATH: an ordinary user's PATH has no sbin."""

_UNIT = re.compile(r".*/systemd/system/([^/@]+\.(?:service|socket|timer|path))")


@dataclass(frozen=True)
class Package:
    """A Debian package, and the programs (or file patterns, beginning with `/`) we need of it."""

    name: str
    provides: tuple[str, ...]


PACKAGES = (
    Package("slurmctld", ("slurmctld",)),
    Package("slurmd", ("slurmd", "slurmstepd")),
    Package("slurmdbd", ("slurmdbd",)),
    Package(
        "slurm-client", ("sbatch", "squeue", "sacct", "scancel", "scontrol", "sacctmgr", "sinfo")
    ),
    Package("munge", ("munged",)),
    Package("mariadb-server-core", ("mariadbd",)),
    Package("openssh-server", ("sshd",)),
    Package("openssh-client", ("ssh-keygen",)),
    Package("redis-server", ("redis-server",)),
    Package("iproute2", ("ip",)),
    Package("curl", ("curl",)),
    Package("libnss-wrapper", ("/usr/lib/*/libnss_wrapper.so*",)),
    Package("uidmap", ("newuidmap", "newgidmap")),
    Package("util-linux", ("unshare", "nsenter")),
    Package("mount", ("mount", "umount")),
    Package("procps", ("ps",)),
    Package("file", ("file",)),
    Package("rsync", ("rsync",)),
    Package("bzip2", ("bzip2",)),
    Package("unzip", ("unzip",)),
    Package("zip", ("zip",)),
)

HAPROXY = Package("haproxy", ("haproxy",))
"""Only for several gateways: it balances between them."""


def packages_for(gateways: int) -> tuple[Package, ...]:
    """What a native testbuild with so many gateways needs."""
    return (*PACKAGES, HAPROXY) if gateways > 1 else PACKAGES


class PackagesMissing(Exception):
    """Something is missing and was not installed: not allowed, not root, or not Debian.

    Attributes:
        message: what is missing.
        hint: the exact command, or what to do instead.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InstallationFailed(Exception):
    """apt-get could not install the packages.

    Attributes:
        message: the command that failed.
        log_tail: its last lines.
    """

    def __init__(self, message: str, log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.log_tail = log_tail


def find_program(name: str) -> Path | None:
    """Where a program or file pattern is, looking through PATH and the system's own directories."""
    if name.startswith("/"):
        return next(iter(sorted(Path("/").glob(name.lstrip("/")))), None)
    for directory in [*os.environ.get("PATH", "").split(os.pathsep), *_SYSTEM_DIRECTORIES]:
        candidate = Path(directory or ".") / name
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    return None


def missing(
    packages: Sequence[Package] = PACKAGES, find: Callable[[str], Path | None] = find_program
) -> dict[Package, tuple[str, ...]]:
    """The packages of which something is absent, each with the absent programs or files."""
    lacking = {
        package: tuple(name for name in package.provides if find(name) is None)
        for package in packages
    }
    return {package: names for package, names in lacking.items() if names}


def is_debian(os_release: Path = Path("/etc/os-release")) -> bool:
    """Whether packages are named and installed here as in Debian (os-release(5): ID, ID_LIKE)."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    words = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".replace('"', "").split()
    return bool({"debian", "ubuntu"} & set(words)) and find_program("apt-get") is not None


def install_command(names: Sequence[str]) -> str:
    """The command line a person would type."""
    return f"sudo apt-get install --no-install-recommends {' '.join(names)}"


def ensure(
    progress: Progress, *, allowed: bool = True, packages: Sequence[Package] = PACKAGES
) -> tuple[str, ...]:
    """Install what is missing; the names of the packages asked for, empty if all were there.

    Raises:
        PackagesMissing: something is missing and installing is forbidden or impossible.
        InstallationFailed: apt-get failed twice.
    """
    lacking = missing(packages)
    if not lacking:
        return ()
    names = tuple(package.name for package in lacking)
    refuse_unless_installable(lacking, allowed=allowed, debian=is_debian(), root=os.geteuid() == 0)
    progress(f"system packages missing, installing them now: {' '.join(names)}")
    before = installed()
    with services_kept_off():
        _install(names, progress)
    disable_services(installed() - before)
    still = missing(packages)
    if still:
        raise InstallationFailed(f"installed, and yet absent: {_absent(still)}")
    return names


def refuse_unless_installable(
    lacking: dict[Package, tuple[str, ...]], *, allowed: bool, debian: bool, root: bool
) -> None:
    """Raise PackagesMissing with the right advice unless apt-get may and can be run here."""
    if not debian:
        raise PackagesMissing(
            f"these programs are missing: {_absent(lacking)}",
            "this is neither Debian nor Ubuntu: install them with the system's own package manager",
        )
    names = [package.name for package in lacking]
    if not root or not allowed:
        hint = f"run this, then the same command again:\n  {install_command(names)}"
        if set(lacking) <= {*PACKAGES, HAPROXY}:
            verb = "packages --gateways 2" if HAPROXY in lacking else "packages"
            hint += (
                "\nDebian then starts the services among them; "
                "this installs the same and starts none:\n"
                f"  sudo {command_line(verb)}"
            )
        raise PackagesMissing(f"these Debian packages are missing: {' '.join(names)}", hint)


def _absent(lacking: dict[Package, tuple[str, ...]]) -> str:
    return ", ".join(name for names in lacking.values() for name in names)


def installed() -> frozenset[str]:
    """Names of all packages that dpkg counts as installed."""
    listing = subprocess.run(
        ["dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return frozenset(
        line.removeprefix("installed ")
        for line in listing.splitlines()
        if line.startswith("installed ")
    )


@contextmanager
def services_kept_off(path: Path = POLICY_FILE) -> Iterator[None]:
    """While open, maintainer scripts start no service; an existing policy is respected."""
    try:
        with path.open("x", encoding="ascii") as policy:
            policy.write(_POLICY)
    except FileExistsError:
        yield
        return
    try:
        path.chmod(0o755)
        yield
    finally:
        path.unlink(missing_ok=True)


def units_of(paths: Sequence[str]) -> tuple[str, ...]:
    """systemd units (no templates) among the files of a package."""
    found = (_UNIT.fullmatch(path) for path in paths)
    return tuple(sorted({match[1] for match in found if match}))


def init_scripts_of(paths: Sequence[str]) -> tuple[str, ...]:
    """Names of the System V init scripts among the files of a package."""
    return tuple(
        sorted(path.rpartition("/")[2] for path in paths if path.startswith("/etc/init.d/"))
    )


def disable_services(packages: frozenset[str]) -> None:
    """Leave no service of these packages enabled: none of them was there before us."""
    if not packages:
        return
    listing = subprocess.run(
        ["dpkg-query", "--listfiles", *sorted(packages)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    systemctl = find_program("systemctl")
    if systemctl is not None:
        running = ["--now"] if Path("/run/systemd/system").is_dir() else []
        for unit in units_of(listing):
            _quietly([str(systemctl), "disable", "--quiet", *running, unit])
        return
    update_rc = find_program("update-rc.d")
    if update_rc is not None:
        for script in init_scripts_of(listing):
            _quietly([str(update_rc), script, "disable"])


def _quietly(command: list[str]) -> None:
    # A unit that cannot be enabled (a static one) answers with an error; it is as we want it.
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _install(names: Sequence[str], progress: Progress) -> None:
    install = ["install", "--no-install-recommends", *names]
    if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
        progress("apt-get update (this machine has no package lists yet)")
        _apt(["update"])
    progress("apt-get install")
    try:
        _apt(install)
    except InstallationFailed:
        progress("apt-get update, then apt-get install once more (the package lists may be old)")
        _apt(["update"])
        _apt(install)


def _apt(arguments: Sequence[str]) -> None:
    command = ["apt-get", "--quiet", "--yes", "-o", "DPkg::Lock::Timeout=120", *arguments]
    result = subprocess.run(
        command,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode != 0:
        tail = tuple(result.stdout.splitlines()[-20:])
        raise InstallationFailed(f"{' '.join(command)} failed ({result.returncode})", tail)
