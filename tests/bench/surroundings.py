"""The testbuild that is measured: one of the benchmark's own with many users, or a running one."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from f7t_testbuild.model import Testbuild, default_state_root
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.remembered import recall
from tests.bench.clients import USER, Bench, Tokens, direct_access
from tests.bench.loops import Plan
from tests.bench.population import write_data
from tests.bench.wire import BenchFailure
from tests.support.live import free_port_base

ROOT = Path(__file__).resolve().parents[2]
_F7T = Path(sys.executable).with_name("f7t")


def note(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def own_testbuild() -> Iterator[Testbuild]:
    """A testbuild on free ports with many users, in a directory that is gone afterwards.

    Raises:
        BenchFailure: it does not start.
    """
    root = Path(tempfile.mkdtemp(prefix="f7t-bench-"))
    data = root / "data"
    write_data(data)
    testbuild = Testbuild("bench", free_port_base(), root / "state")
    before = os.environ.get("F7T_DATA")
    os.environ["F7T_DATA"] = str(data)
    try:
        note("starting a testbuild with many users")
        _f7t(testbuild, "up", "--runtime", "native", "--port-base", str(testbuild.port_base))
        yield testbuild
    finally:
        _f7t(testbuild, "down", "--purge")
        if before is None:
            del os.environ["F7T_DATA"]
        else:
            os.environ["F7T_DATA"] = before
        shutil.rmtree(root, ignore_errors=True)


def _f7t(testbuild: Testbuild, command: str, *options: str) -> None:
    environment = {**os.environ, "F7T_STATE_ROOT": str(testbuild.state_root)}
    argv = [str(_F7T), command, "--name", testbuild.name, *options]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 and command == "up":
        raise BenchFailure(f"the testbuild did not start: {done.stderr.strip()[-2000:]}")


def running_testbuild(name: str) -> Testbuild:
    """The testbuild of this name; raises `BenchFailure` if there is none."""
    root = default_state_root()
    choices = recall(root, name)
    if choices is None:
        raise BenchFailure(f"there is no testbuild {name!r} in {root}: f7t up --name {name}")
    return Testbuild(name, choices.port_base, root)


@asynccontextmanager
async def prepared(testbuild: Testbuild, plan: Plan) -> AsyncIterator[Bench]:
    """A bench with a directory of the user on the cluster and one here; both are removed."""
    remote = f"/home/{USER}/f7t-bench-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="f7t-bench-") as local:
        async with direct_access(testbuild) as direct:
            await direct.sftp.mkdir(remote)
            try:
                yield Bench(testbuild, plan, Tokens(testbuild), direct, remote, Path(local))
            finally:
                await direct.remove([remote])


def machine_facts(testbuild: Testbuild) -> dict[str, Any]:
    """What the figures depend on: the machine, the versions, the commit."""
    parts = {part.name: part for part in NativeRuntime(testbuild).status().parts}
    versions = {name: part.version for name, part in parts.items()}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "slurm": versions.get("slurmctld"),
        "openssh": versions.get("sshd"),
        "redis": versions.get("redis"),
        "workers": parts["gateway"].what if "gateway" in parts else "several gateways",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _commit() -> str:
    argv = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
