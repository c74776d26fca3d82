"""The three ways to keep the cluster private, and which of them this machine allows."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child")
MAPPING = ("--map-root-user", "--map-auto")
LARGEST_ID = 65535
"""`nobody`; smaller subordinate ranges cannot hold the users of the cluster."""
FIRST_SUBORDINATE = 100_000
NEEDED_CAPABILITIES = {"CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7}
CAP_SYS_CHROOT = 18
_TRIAL_TIMEOUT = 20.0


class WayName(StrEnum):
    """How the cluster is kept apart from the host."""

    NAMESPACES = "namespaces"
    ROOTLESS = "rootless"
    NSS_WRAPPER = "nss-wrapper"


@dataclass(frozen=True)
class Way:
    """The chosen way; `reasons` tells for each way why it is possible or why not."""

    name: WayName
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """Whether one way works here, and the sentence that says why."""

    possible: bool
    reason: str


class NoWay(Exception):
    """No way, or not the requested one, works on this machine; `reasons` as in `Way`."""

    def __init__(self, message: str, reasons: Mapping[str, str]) -> None:
        super().__init__(message)
        self.reasons = reasons


def choose_way(requested: str | None = None) -> Way:
    """The first possible way, or the requested one. Raises `NoWay`.

    Every way is tried for real (a throw-away process in new namespaces, some milliseconds).
    """
    if requested is not None and requested not in list(WayName):
        raise NoWay(f"there is no way {requested!r}; choose one of {', '.join(WayName)}", {})
    verdicts = {name: probe() for name, probe in _PROBES.items()}
    reasons = {name.value: verdict.reason for name, verdict in verdicts.items()}
    if requested is not None:
        if not verdicts[WayName(requested)].possible:
            raise NoWay(f"the way {requested} is not possible: {reasons[requested]}", reasons)
        return Way(WayName(requested), reasons)
    for name, verdict in verdicts.items():
        if verdict.possible:
            return Way(name, reasons)
    told = "".join(f"\n  {name}: {reason}" for name, reason in reasons.items())
    raise NoWay(f"the cluster cannot be kept apart from this machine:{told}", reasons)


def unshare_command(way: WayName) -> tuple[str, ...]:
    """The command that puts its arguments into the cluster's namespaces; empty for nss-wrapper."""
    match way:
        case WayName.NAMESPACES:
            return ("unshare", *NAMESPACES)
        case WayName.ROOTLESS:
            return ("unshare", *MAPPING, *NAMESPACES)
        case WayName.NSS_WRAPPER:
            return ()


def _namespaces() -> Verdict:
    if os.geteuid() != 0:
        return Verdict(False, "needs root")
    return _try(WayName.NAMESPACES, "new namespaces can be made")


def _rootless() -> Verdict:
    if not shutil.which("newuidmap", path=SYSTEM_PATH):
        return Verdict(False, "newuidmap is missing (Debian package uidmap)")
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return Verdict(False, f"user id {os.geteuid()} has no name in /etc/passwd")
    for file in ("/etc/subuid", "/etc/subgid"):
        if _largest_range(Path(file), user) < LARGEST_ID:
            free = unused_range((Path("/etc/subuid"), Path("/etc/subgid")))
            return Verdict(
                False,
                f"{file} grants {user} no range of {LARGEST_ID} ids (as root: usermod "
                f"--add-subuids {free} --add-subgids {free} {user})",
            )
    return _try(WayName.ROOTLESS, "user namespaces with a subordinate id range can be made")


def unused_range(files: Sequence[Path]) -> str:
    """A range of 65536 ids that none of these files grants to anybody: `first-last`.

    It begins where the first range of a fresh Debian does (login.defs(5), SUB_UID_MIN), or behind
    all that are granted: users must not own each other's files.
    """
    first = FIRST_SUBORDINATE
    for file in files:
        with suppress(OSError):
            for _, start, count in _grants(file):
                first = max(first, start + count)
    return f"{first}-{first + LARGEST_ID}"


def _grants(file: Path) -> Iterator[tuple[str, int, int]]:
    """Owner, first id and number of ids of each line of subuid(5)."""
    for line in file.read_text().splitlines():
        owner, _, numbers = line.partition(":")
        first, _, count = numbers.partition(":")
        if first.isdigit() and count.isdigit():
            yield owner, int(first), int(count)


def _largest_range(file: Path, user: str) -> int:
    """Number of ids in the largest range granted to a user."""
    owners = {user, str(os.geteuid())}
    try:
        return max((count for owner, _, count in _grants(file) if owner in owners), default=0)
    except OSError:
        return 0


def _try(way: WayName, success: str) -> Verdict:
    """Make the namespaces, a proc mount and the loopback in them, as the real start will do."""
    for tool in ("unshare", "ip"):
        if not shutil.which(tool, path=SYSTEM_PATH):
            return Verdict(False, f"the program {tool} is missing")
    command = [*unshare_command(way), "--mount-proc", "ip", "link", "set", "lo", "up"]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            env={"PATH": SYSTEM_PATH},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            status = process.wait(_TRIAL_TIMEOUT)
        except subprocess.TimeoutExpired:
            return Verdict(False, f"a trial did not end within {_TRIAL_TIMEOUT:g} s")
        finally:
            # A refused `unshare --map-auto` leaves its helper behind, waiting for ever.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        said = " ".join(output.read().decode(errors="replace").split())
    if status == 0:
        return Verdict(True, success)
    return Verdict(False, f"refused by the kernel or the container ({said})")


def nss_wrapper_library() -> Path | None:
    """The preload library of Debian's libnss-wrapper."""
    for directory in (*Path("/usr/lib").glob("*-linux-gnu*"), Path("/usr/lib64"), Path("/usr/lib")):
        library = directory / "libnss_wrapper.so"
        if library.exists():
            return library
    return None


def _nss_wrapper() -> Verdict:
    if os.geteuid() != 0:
        return Verdict(False, "needs root")
    if nss_wrapper_library() is None:
        return Verdict(False, "libnss_wrapper.so is missing (Debian package libnss-wrapper)")
    held = _effective_capabilities()
    needed = {**NEEDED_CAPABILITIES, "SYS_CHROOT": CAP_SYS_CHROOT}
    if missing := [name for name, bit in needed.items() if not held >> bit & 1]:
        return Verdict(False, f"root lacks the capabilities {', '.join(missing)}")
    return Verdict(True, "root may change users; only one such testbuild at a time (fixed /home)")


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


_PROBES: Mapping[WayName, Callable[[], Verdict]] = {
    WayName.NAMESPACES: _namespaces,
    WayName.ROOTLESS: _rootless,
    WayName.NSS_WRAPPER: _nss_wrapper,
}
