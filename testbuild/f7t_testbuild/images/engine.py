"""What is asked of the Docker engine, through its own command line program."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from f7t_testbuild.supervise.logs import tail

_ANSWER_SECONDS = 20.0


class EngineAbsent(Exception):
    """No engine answers; the message says why in the engine's own words."""


class StepFailed(Exception):
    """A program that builds something ended with an error.

    Attributes:
        message: what was tried.
        log_tail: its last lines.
    """

    def __init__(self, message: str, log_tail: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.log_tail = log_tail


@dataclass(frozen=True)
class Found:
    """An image that the engine has.

    Attributes:
        id: `sha256:…`, of its configuration.
        size: bytes of all its layers.
        digests: `name@sha256:…` under which registries know it; empty if it was made here.
        labels: its labels.
    """

    id: str
    size: int
    digests: tuple[str, ...]
    labels: Mapping[str, str]


def require_engine() -> str:
    """The engine's version.

    Raises:
        EngineAbsent: there is no docker command, or no engine answers it.
    """
    if shutil.which("docker") is None:
        raise EngineAbsent("there is no command docker")
    try:
        asked = _docker(["version", "--format", "{{.Server.Version}}"], seconds=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        raise EngineAbsent(f"the engine does not answer for {_ANSWER_SECONDS:.0f} s") from None
    if asked.returncode != 0:
        lines = asked.stderr.strip().splitlines()
        raise EngineAbsent(lines[-1] if lines else f"docker version ended with {asked.returncode}")
    return asked.stdout.strip()


def find(tag: str) -> Found | None:
    """The image of that name, None if the engine has none; nothing is pulled."""
    asked = _docker(["image", "inspect", tag])
    if asked.returncode != 0:
        return None
    (told,) = json.loads(asked.stdout)
    return Found(
        id=told["Id"],
        size=int(told["Size"]),
        digests=tuple(told.get("RepoDigests") or ()),
        labels=(told.get("Config") or {}).get("Labels") or {},
    )


def run_logged(command: Sequence[str], log: Path, what: str) -> None:
    """Run a command with all its output in `log`, which begins anew.

    Raises:
        StepFailed: it ended with an error, or could not be run at all.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise StepFailed(f"{what}: {error}") from error
        try:
            status = process.wait()
        except BaseException:
            # Not killed: it has mounts and files of its own to clear away.
            process.terminate()
            process.wait()
            raise
    if status != 0:
        raise StepFailed(f"{what} failed ({status}), see {log}", tail(log))


def _docker(
    arguments: Sequence[str], seconds: float | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
