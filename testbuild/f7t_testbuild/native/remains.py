"""What a testbuild leaves when its supervisor was killed, and how to remove it."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.native import wrapper
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.ways import MAPPING, WayName
from f7t_testbuild.supervise.process import start_time

MARK = "TESTBUILD_DIRECTORY"
STEP = 0.02


@dataclass(frozen=True)
class Recorded:
    """The supervisor that wrote the supervisor file."""

    pid: int
    start_time: str
    way: WayName

    @property
    def alive(self) -> bool:
        """Whether that very process still runs (a pid alone may have been given anew)."""
        return start_time(self.pid) == self.start_time


def recorded(supervisor_file: Path) -> Recorded | None:
    """The last supervisor that did not end in order; None after a clean `down`."""
    try:
        values = json.loads(supervisor_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return Recorded(values["pid"], values["start_time"], WayName(values["way"]))


def wait_for_end(pid: int, timeout: float) -> bool:
    """Wait until a process that is no child of ours is gone; False after `timeout` seconds."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout)[0])
    finally:
        os.close(descriptor)


def marked_processes(directory: Path) -> list[int]:
    """Processes that carry the mark of this testbuild in their environment."""
    wanted = f"{MARK}={directory}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def kill_marked(directory: Path, timeout: float = 10.0) -> bool:
    """SIGKILL to all marked processes until none is left; tells whether there was one.

    Raises `TimeoutError` if one survives.
    """
    deadline = time.monotonic() + timeout
    any_found = False
    while pids := marked_processes(directory):
        any_found = True
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes survive SIGKILL: {pids}")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(STEP)
    return any_found


def clear_remains(layout: Layout) -> None:
    """Remove sockets, claimed directories and run-time files; no process may run any more."""
    wrapper.release(layout)
    sockets = (layout.control, layout.redis_socket, layout.balancer_control)
    for file in (*sockets, layout.supervisor_file):
        file.unlink(missing_ok=True)
    for name in ("outer.json", "inner.json"):
        (layout.run / name).unlink(missing_ok=True)
    for directory in (layout.cluster / "run", layout.directory / "tmp"):
        shutil.rmtree(directory, ignore_errors=True)


def purge(layout: Layout) -> None:
    """Delete the testbuild's directory.

    Without root the files of the cluster's users belong to subordinate ids, so they are removed
    from inside a user namespace.
    """
    if not layout.directory.exists():
        return
    if os.geteuid() != 0 and layout.cluster.exists():
        subprocess.run(["unshare", *MAPPING, "rm", "-rf", "--", str(layout.cluster)], check=True)
    shutil.rmtree(layout.directory)
