"""The cluster's own root file system and network, made inside fresh namespaces.

The programs of the host appear read-only, everything else is private: /etc is assembled from a
fixed list, /home, /scratch, /srv, /tmp and /var lie in the state directory or in memory, and the
host's other trees do not exist. So nothing of the host can be changed even by the cluster's root.
Standard library only, and no import after `enter`: the interpreter's own files may be out of sight.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC = 4096, 16384
MNT_DETACH = 2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY = 1
SYS_MOUNT_SETATTR = 442
SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

HOST_TREES = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "opt", "nix", "sys")
HOST_ETC = (
    *("alternatives", "bash.bashrc", "ca-certificates", "ca-certificates.conf", "debian_version"),
    *("environment", "gai.conf", "host.conf", "inputrc", "issue", "ld.so.cache", "ld.so.conf"),
    *("ld.so.conf.d", "locale.alias", "login.defs", "lsb-release", "magic", "magic.mime"),
    *("mime.types", "netconfig", "nix", "os-release", "pki", "profile", "profile.d", "protocols"),
    *("rpc", "security", "services", "shells", "skel", "ssl", "static", "terminfo"),
)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1"}
NETWORK = """\
link set lo up
addr add 127.0.0.2/8 dev lo
route replace local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1 quickack 1
route replace local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1 quickack 1
"""

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class NewRoot:
    """What the new root holds; travels as JSON."""

    mount_point: str
    hostname: str
    binds: Sequence[tuple[str, str]]
    """(directory of the host, place inside), writable."""
    etc: Mapping[str, str]
    """Text of files in /etc by name."""


class MountFailure(OSError):
    """The kernel refused a mount; the text names it."""


def enter(root: NewRoot) -> None:
    """Build the root, make it `/`, drop the host's, set the host name and bring up the loopback.

    Raises `MountFailure`, or `OSError` from the network set-up.
    """
    base = Path(root.mount_point)
    base.mkdir(parents=True, exist_ok=True)
    _mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for name in HOST_TREES:
        _show_host_tree(Path("/") / name, base / name)
    _make_etc(base / "etc", root.etc)
    _make_dev(base / "dev")
    _directories(base)
    _mount("proc", _made(base / "proc"), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for outside, inside in root.binds:
        _mount(outside, _made(base / inside.lstrip("/")), None, MS_BIND)
    _pivot(base)
    socket.sethostname(root.hostname)
    _bring_up_network()


def _show_host_tree(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        _mount(str(source), _made(target), None, MS_BIND | MS_REC)
        _make_read_only(target)


def _make_etc(etc: Path, texts: Mapping[str, str]) -> None:
    etc.mkdir()
    for name in HOST_ETC:
        source = Path("/etc") / name
        if source.is_symlink() and str(source.readlink()).startswith(("/usr/", "../usr/")):
            (etc / name).symlink_to(source.readlink())
        elif source.is_dir():
            _mount(str(source), _made(etc / name), None, MS_BIND | MS_REC)
            _make_read_only(etc / name)
        elif source.is_file():
            (etc / name).write_bytes(source.read_bytes())
    for name, text in texts.items():
        (etc / name).write_text(text)
        (etc / name).chmod(0o600 if name == "shadow" else 0o644)


def _make_dev(dev: Path) -> None:
    _mount("tmpfs", _made(dev), "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755")
    for name in DEVICES:
        (dev / name).touch()
        _mount(f"/dev/{name}", dev / name, None, MS_BIND)
    for name, target in LINKS.items():
        (dev / name).symlink_to(target)
    (dev / "stderr").symlink_to("/proc/self/fd/2")
    (dev / "shm").mkdir()
    (dev / "shm").chmod(0o1777)


def _directories(base: Path) -> None:
    """The rest of a Linux tree, in memory; also what sshd and the users expect to exist."""
    for name in ("run", "run/sshd", "var", "var/lib", "var/log", "var/spool", "mnt", "media"):
        (base / name).mkdir(mode=0o755)
    (base / "root").mkdir(mode=0o700)
    (base / "var" / "tmp").mkdir()
    (base / "var" / "tmp").chmod(0o1777)
    (base / "var" / "run").symlink_to("/run")


def _pivot(base: Path) -> None:
    old = _made(base / ".host")
    number = SYS_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise MountFailure(f"pivot_root(2) is not known for {os.uname().machine}")
    _check(_libc.syscall(number, os.fsencode(base), os.fsencode(old)), f"pivot_root {base}")
    os.chdir("/")
    _check(_libc.umount2(b"/.host", MNT_DETACH), "umount of the host's root")
    Path("/.host").rmdir()


def _bring_up_network() -> None:
    """Loopback with a second address and quick acknowledgements.

    Slurm's resolver needs an address besides 127.0.0.1; without quickack every message to
    slurmdbd waits 40 ms for a delayed acknowledgement.
    """
    done = subprocess.run(
        ["ip", "-batch", "-"], input=NETWORK, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise OSError(f"cannot bring up the cluster's network: {done.stderr.strip()}")


def _made(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _mount(source: str, target: Path, kind: str | None, flags: int, options: str = "") -> None:
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(result, f"mount of {source} on {target}")


def _make_read_only(target: Path) -> None:
    """mount_setattr(2), recursive: adds the flag without losing locked ones as a remount would."""
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _libc.syscall(
        SYS_MOUNT_SETATTR,
        AT_FDCWD,
        os.fsencode(target),
        AT_RECURSIVE,
        ctypes.byref(attributes),
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(result, f"making {target} read-only")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise MountFailure(number, f"{what}: {os.strerror(number)}")
