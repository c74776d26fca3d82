"""What `f7t doctor` looks at: each check says what it found and, if needed, the mend."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from f7t_testbuild import packages, ports
from f7t_testbuild.invocation import command_line
from f7t_testbuild.model import Testbuild
from f7t_testbuild.remembered import HIGHEST_BASE

MIB = 1024 * 1024
DISK_NEEDED = 512 * MIB
"""State of a fresh testbuild: 100 MB (database, logs); the rest is room to work."""
DISK_COMFORTABLE = 4096 * MIB
MEMORY_NEEDED = 512 * MIB


class Verdict(StrEnum):
    """What a finding means for `f7t up`."""

    OK = "ok"
    NOTE = "note"
    BLOCKS = "blocks"


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report."""

    name: str
    verdict: Verdict
    finding: str
    mend: str = ""


@dataclass(frozen=True)
class Ways:
    """Which way of isolating the cluster would be taken here, and what was found of each."""

    chosen: str | None
    reasons: Mapping[str, str]


def examine(
    testbuild: Testbuild,
    *,
    running: bool,
    look_for_ways: Callable[[], Ways],
    gateways: int = 1,
) -> list[Check]:
    """All checks, in the order in which `f7t up` meets them."""
    wanted = packages.packages_for(gateways)
    found = packages.missing(wanted)
    checks = [python_check(), packages_check(found, len(wanted)), slurm_check()]
    # What a way needs is among the packages: without them the answer would mislead.
    checks += [] if found else [ways_check(look_for_ways())]
    checks += [
        ports_check(testbuild, running=running, gateways=gateways),
        disk_check(testbuild),
        memory_check(),
    ]
    return checks


def python_check() -> Check:
    """Python runs this, so it is new enough; said for bug reports."""
    return Check(
        "python",
        Verdict.OK,
        f"{platform.python_version()} at {sys.executable} on {platform.platform(terse=True)}",
    )


def packages_check(found: dict[packages.Package, tuple[str, ...]], wanted: int) -> Check:
    """System packages: missing ones only block where `f7t up` could not install them itself."""
    if not found:
        return Check("packages", Verdict.OK, f"all {wanted} system packages present")
    root = os.geteuid() == 0
    try:
        packages.refuse_unless_installable(
            found, allowed=True, debian=packages.is_debian(), root=root
        )
    except packages.PackagesMissing as refusal:
        return Check("packages", Verdict.BLOCKS, refusal.message, refusal.hint)
    names = " ".join(package.name for package in found)
    return Check(
        "packages", Verdict.NOTE, f"missing: {names}", f"{command_line('up')} installs them"
    )


def slurm_check() -> Check:
    """Which Slurm the cluster will run."""
    program = packages.find_program("slurmctld")
    if program is None:
        return Check("slurm", Verdict.NOTE, "not installed", f"{command_line('up')} installs it")
    result = subprocess.run(
        [str(program), "-V"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        return Check(
            "slurm",
            Verdict.BLOCKS,
            f"{program} -V fails: {result.stderr.strip()}",
            "reinstall it: apt-get install --reinstall slurmctld",
        )
    return Check("slurm", Verdict.OK, f"{result.stdout.strip()} at {program}")


def ways_check(ways: Ways) -> Check:
    """Which way of isolating the cluster is taken, and why the others could be or not."""
    finding = "\n".join(
        f"{way}{' (taken)' if way == ways.chosen else ''}: {reason}"
        for way, reason in ways.reasons.items()
    )
    if ways.chosen is not None:
        return Check("isolation", Verdict.OK, finding)
    return Check(
        "isolation",
        Verdict.BLOCKS,
        finding,
        "run as root, or allow user namespaces and give this user a range in /etc/subuid",
    )


def ports_check(testbuild: Testbuild, *, running: bool, gateways: int = 1) -> Check:
    """The ports on loopback, and who holds those that are taken."""
    wanted = testbuild.ports_with(gateways)
    described = ", ".join(f"{part} {port}" for part, port in wanted.items())
    if running:
        return Check("ports", Verdict.OK, f"held by this testbuild itself: {described}")
    holders = ports.taken(wanted)
    if not holders:
        return Check("ports", Verdict.OK, f"free: {described}")
    return Check("ports", Verdict.BLOCKS, describe_taken(holders), port_advice(testbuild, wanted))


def describe_taken(holders: dict[str, ports.Holder]) -> str:
    """One clause per taken port: number, the part that wants it, who holds it."""
    return "; ".join(
        f"port {holder.port} ({part}) is taken by {holder}" for part, holder in holders.items()
    )


def port_advice(testbuild: Testbuild, wanted: Mapping[str, int]) -> str:
    """How to get out of a port conflict, with a port base that is free now."""
    offsets = [port - testbuild.port_base for port in wanted.values()]
    base = ports.free_base(testbuild.port_base, offsets, HIGHEST_BASE)
    verb = f"up --port-base {base}" if base else "up --port-base N"
    other = command_line(verb, testbuild)
    return f"stop what holds it, or use other ports: {other}"


def disk_check(testbuild: Testbuild) -> Check:
    """Room for the state directory, and whether it can be written at all."""
    place = _nearest_existing(testbuild.directory)
    if not os.access(place, os.W_OK | os.X_OK):
        return Check(
            "disk",
            Verdict.BLOCKS,
            f"{place} cannot be written",
            "choose another place with --state-root or F7T_STATE_ROOT",
        )
    free = shutil.disk_usage(place).free
    finding = f"{free // MIB} MiB free for {testbuild.directory}"
    if free < DISK_NEEDED:
        return Check(
            "disk",
            Verdict.BLOCKS,
            f"{finding}, {DISK_NEEDED // MIB} MiB needed",
            "make room, or choose another place with --state-root or F7T_STATE_ROOT",
        )
    if free < DISK_COMFORTABLE:
        return Check("disk", Verdict.NOTE, f"{finding}: little for large transfers", "make room")
    return Check("disk", Verdict.OK, finding)


def memory_check(meminfo: Path = Path("/proc/meminfo")) -> Check:
    """Memory the kernel could give out (proc(5): MemAvailable)."""
    values = {
        name: int(rest.split()[0]) * 1024
        for name, _, rest in (
            line.partition(":") for line in meminfo.read_text(encoding="ascii").splitlines()
        )
        if rest.split()
    }
    available = values.get("MemAvailable", 0)
    finding = f"{available // MIB} MiB available, {os.cpu_count()} processors"
    if available < MEMORY_NEEDED:
        return Check(
            "memory",
            Verdict.NOTE,
            f"{finding}, {MEMORY_NEEDED // MIB} MiB advised",
            f"fewer workers: {command_line('up --workers 1')}",
        )
    return Check("memory", Verdict.OK, finding)


def _nearest_existing(path: Path) -> Path:
    for candidate in (path, *path.parents):
        if candidate.exists():
            return candidate
    return Path("/")
