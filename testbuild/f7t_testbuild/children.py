"""Commands of ours run as children that may undo what they began when they are interrupted."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a child ended; `stdout` and `stderr` are empty unless they were captured."""

    status: int
    stdout: str = ""
    stderr: str = ""


def run_to_end(
    argv: Sequence[str], *, environment: Mapping[str, str], capture: bool = False
) -> Ended:
    """Run a command and wait for it.

    It is in a session of its own: a Ctrl-C reaches it once, from here, and is waited for however
    often it is pressed.
    """
    pipe = subprocess.PIPE if capture else None
    child = subprocess.Popen(
        list(argv),
        env=dict(environment),
        stdin=subprocess.DEVNULL if capture else None,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = child.communicate()
    except BaseException:
        child.send_signal(signal.SIGINT)
        _awaited(child)
        raise
    return Ended(child.returncode, out or "", err or "")


def _awaited(child: subprocess.Popen[str]) -> None:
    while child.returncode is None:
        try:
            child.communicate()
        except KeyboardInterrupt:
            continue
