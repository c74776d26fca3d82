"""Programs that fetch and build: found on the caller's PATH, run with a time limit."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.real.cache import Unobtainable

_TAIL_LINES = 20
_INTERRUPTS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Complaint:
    """What to say when a program fails."""

    message: str
    hint: str


def find(program: str, missing: Complaint) -> Path:
    """A program on PATH; raises `Unobtainable`."""
    found = shutil.which(program)
    if found is None:
        raise Unobtainable(missing.message, hint=missing.hint)
    return Path(found).absolute()


def run(
    argv: Sequence[str | Path],
    complaint: Complaint,
    *,
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> str:
    """What a program printed (stdout and stderr, without colours).

    It ends with us: an interrupt of ours kills it and its children. Raises `Unobtainable` with the
    last lines if it fails or takes more than `timeout` seconds.
    """
    with tempfile.TemporaryFile() as output:
        # An interrupt between the start and the `try` would leave the program behind.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        process = None
        ending = ""
        try:
            process = subprocess.Popen(
                argv,
                env={**(os.environ if environment is None else environment), "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            if status := process.wait(timeout):
                ending = f"exit status {status}"
        except subprocess.TimeoutExpired:
            ending = f"not finished after {timeout:.0f} s"
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        said = _COLOURS.sub("", output.read().decode(errors="replace"))
    if ending:
        lines = [line.rstrip() for line in said.splitlines() if line.strip()]
        raise Unobtainable(
            f"{complaint.message} ({Path(argv[0]).name}: {ending})",
            hint=complaint.hint,
            log_tail=tuple(lines[-_TAIL_LINES:]),
        )
    return said
