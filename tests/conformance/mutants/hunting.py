"""Runs the suite against one mutant, and says what it found."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import requests
import yaml

from f7t_conformance.model import Results, Status
from tests.conformance.mutants import processes
from tests.conformance.mutants.model import Mutant

ROOT = Path(__file__).resolve().parents[3]
_START_LIMIT = 90.0
_RUN_LIMIT = 900.0


class NotRun(Exception):
    """A server did not start, or the suite could not judge it; the message says why."""


@dataclass(frozen=True)
class Centre:
    """The running testbuild behind all mutants.

    Attributes:
        settings: of its gateway, as they stand in gateway.yaml.
        environment: what the suite needs of identities; target and folder come with each run.
    """

    settings: Mapping[str, object]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """What came of one mutant.

    Attributes:
        killed_by: the requirement that it breaks; `detection` if the suite did not take it for a
            FirecREST at all; empty if it survived.
        whole: whether the whole profile was run, as what was expected to find it did not.
        seconds: of all runs together.
    """

    mutant: Mutant
    killed_by: str
    whole: bool
    seconds: float
    reason: str = ""


@contextmanager
def serving(mutant: Mutant, centre: Centre, folder: Path, database: int) -> Iterator[str]:
    """The mutant's base URL while it serves, with a task store of its own.

    Raises:
        NotRun: it does not start.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = folder / "gateway.yaml"
        config.write_text(yaml.safe_dump(_settings(centre.settings, url, database)), "utf-8")
        log = folder / "server.log"
        process = processes.server(mutant.name, listener, config, log)
        try:
            _await(process, url, log)
            yield url
        finally:
            _end(process)


def hunted(mutant: Mutant, centre: Centre, database: int) -> Verdict:
    """Look for the fault: first where it is expected, then everywhere.

    Raises:
        NotRun: the server or the suite did not come about.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="f7t-mutant-") as name:
        folder = Path(name)
        with serving(mutant, centre, folder, database) as url:
            found = judged(centre, url, folder, only=mutant.expected)
            killer = first_failure(found)
            whole = not killer
            if whole:
                killer = first_failure(judged(centre, url, folder))
        return Verdict(mutant, killer, whole, time.monotonic() - began)


def judged(
    centre: Centre,
    url: str,
    folder: Path,
    *,
    profile: str = "strict",
    only: Sequence[str] = (),
    stop: bool = True,
) -> Results | None:
    """Results of a run, to its first failure if `stop`; None if the suite refused the server.

    Raises:
        NotRun: there are no results, and it was not the server's fault.
    """
    report = folder / "report"
    arguments = ["run", "--target", url, "--profile", profile, "--workers", "1"]
    arguments += ["--report", str(report)]
    arguments += [word for one in only for word in ("--only", one)]
    if stop:
        arguments += ["--", "-x", "-p", "no:terminal"]
    results, log = report / "results.json", folder / "suite.log"
    results.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    process = processes.suite(arguments, centre.environment, log)
    process.join(_RUN_LIMIT)
    if process.is_alive():
        _end(process)
        raise NotRun(f"the suite took more than {_RUN_LIMIT:g} s")
    if results.is_file():
        return Results.model_validate(json.loads(results.read_text("utf-8")))
    said = log.read_text("utf-8", "replace") if log.is_file() else ""
    if "does not answer as a FirecREST" in " ".join(said.split()):
        return None
    raise NotRun(f"the suite ended with {process.exitcode}: {said.strip()[-600:]}")


def first_failure(results: Results | None) -> str:
    """The requirement that failed; empty if none did.

    An error of the suite does not count: it says nothing of the server.
    """
    if results is None:
        return "detection"
    failed = (one.id for one in results.findings if one.status is Status.FAIL)
    return next(failed, "")


def _settings(given: Mapping[str, object], url: str, database: int) -> dict[str, object]:
    tasks = dict(given["tasks"])  # type: ignore[call-overload]
    tasks["redis_url"] = f"{tasks['redis_url']}?db={database}"
    kept = {key: given[key] for key in given if key not in {"internal_port", "metrics_directory"}}
    return {**kept, "public_url": url, "tasks": tasks}


def _await(process: BaseProcess, url: str, log: Path) -> None:
    """Return when the server answers anything; its socket was open before."""
    try:
        requests.get(url, timeout=_START_LIMIT)
    except requests.RequestException as error:
        said = log.read_text("utf-8", "replace") if log.is_file() else ""
        raise NotRun(f"{type(error).__name__} ({process.exitcode}): {said[-600:]}") from error


def _end(process: BaseProcess) -> None:
    process.terminate()
    process.join(10)
    if process.is_alive():
        process.kill()
        process.join()
