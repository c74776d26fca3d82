"""One run of the suite: pytest underneath, `Results` out of it."""

from __future__ import annotations

import os
import secrets
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Literal

import pytest

from f7t_conformance import __version__, plugin
from f7t_conformance.api import Api
from f7t_conformance.capabilities import Detected, NotAFirecrest
from f7t_conformance.catalogue import catalogue
from f7t_conformance.collector import Collector, Progress
from f7t_conformance.configuration import Settings
from f7t_conformance.contract import document
from f7t_conformance.identity import NoToken
from f7t_conformance.ledger import FOLDER_VARIABLE, Ledger
from f7t_conformance.model import Profile, Requirement, Results
from f7t_conformance.redaction import redacted, without_secrets
from f7t_conformance.sweeping import sweep

_FOREIGN = (
    *("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"),
    *("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID"),
)
"""What another pytest around this one, or its caller, may have set."""


class Broken(Exception):
    """The run did not come about; the message says why."""


@dataclass(frozen=True)
class Plan:
    """What a run is to do.

    Attributes:
        settings: read already, so that mistakes are told before anything starts.
        variables: environment for this process's workers, which read the settings themselves.
        workers: processes; 0 is this one.
        only: requirement ids or beginnings of them; empty is the whole profile.
        extra: further arguments of pytest; with any its own output is shown.
    """

    settings: Settings
    profile: Profile
    variables: Mapping[str, str] = field(default_factory=dict)
    waivers: Sequence[str] = ()
    workers: int = 4
    only: Sequence[str] = ()
    extra: Sequence[str] = ()

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """All of the profile."""
        return tuple(one for one in catalogue().values() if one.belongs_to(self.profile))

    @property
    def selected(self) -> tuple[Requirement, ...]:
        """Those of the profile that are asked for."""
        only = tuple(self.only)
        return tuple(one for one in self.requirements if not only or one.id.startswith(only))

    @cached_property
    def run(self) -> plugin.Run:
        """What this process needs to call the server by itself."""
        return plugin.Run(self.settings, self.profile, {})

    @cached_property
    def detected(self) -> Detected:
        """What the server can do; asked when it is first needed, by reads only.

        Raises:
            Broken: it is no FirecREST, or the identity does not work.
        """
        try:
            return self.run.detected
        except (NotAFirecrest, NoToken) as error:
            raise Broken(redacted(str(error))) from error


def perform(plan: Plan, progress: Progress) -> Results:
    """Run it, and remove everything that it made, whatever happens.

    Raises:
        Broken: nothing could be asked, or pytest could not collect or begin.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    prefix = f"{plan.settings.run or 'f7t-conformance'}-{secrets.token_hex(4)}"
    collector = Collector(progress)
    with tempfile.TemporaryDirectory(prefix="f7t-conformance-") as folder, _terminable():
        ledger = Ledger(Path(folder), "controller")
        detected = plan.detected
        ledger.share(detected, plan.settings.budget.seconds)
        os.environ.update(
            {**plan.variables, "F7T_CONFORMANCE_RUN": prefix, FOLDER_VARIABLE: folder}
        )
        try:
            code = _tested(plan, collector)
        finally:
            os.environ.pop(FOLDER_VARIABLE)
        interrupted = code is pytest.ExitCode.INTERRUPTED
        if not interrupted:
            collector.abandoned(plan.selected, narrowed=bool(plan.extra))
        if interrupted or any(ledger.unsettled()):
            collector.leftovers += _swept(plan, detected, prefix, ledger)
    begun = code not in {pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR}
    if not begun or (collector.broken and not interrupted):
        raise Broken(redacted("\n".join(collector.broken) or "pytest could not begin; see above"))
    stopped: Literal["", "interrupted", "budget"] = "budget" if collector.out_of_budget else ""
    return without_secrets(
        Results(
            suite=__version__,
            contract=str(document()["info"]["version"]),
            target=plan.settings.target,
            profile=plan.profile,
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 1),
            capabilities=detected.capabilities,
            requirements=plan.requirements,
            findings=collector.in_order(),
            leftovers=tuple(collector.leftovers),
            complete=not interrupted and not stopped,
            stopped="interrupted" if interrupted else stopped,
        )
    )


def _tested(plan: Plan, collector: Collector) -> pytest.ExitCode:
    with own_pytest():
        try:
            return pytest.ExitCode(pytest.main(pytest_arguments(plan), plugins=[collector]))
        except KeyboardInterrupt:
            return pytest.ExitCode.INTERRUPTED


@contextmanager
def own_pytest() -> Iterator[None]:
    """Neither plug-ins nor options of whoever calls have a say in a judgement, nor in workers."""
    before = {name: os.environ.pop(name, None) for name in _FOREIGN}
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _swept(plan: Plan, detected: Detected, prefix: str, ledger: Ledger) -> list[str]:
    run = plugin.Run(plan.settings, plan.profile, {})
    api = Api(plan.settings.target.rstrip("/"), run.first, detected.system, run.pace)
    try:
        return sweep(api, prefix, detected.base, ledger)
    except KeyboardInterrupt:
        return [f"interrupted again: look for jobs and directories called {prefix}…"]


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run as Ctrl-C does, so that it cleans up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(one, interrupt) for one in signals]
    try:
        yield
    finally:
        for one, handler in zip(signals, before, strict=True):
            signal.signal(one, handler)


def pytest_arguments(plan: Plan) -> list[str]:
    """How pytest is called for it."""
    checks = str(files("f7t_conformance").joinpath("checks"))
    ini = str(files("f7t_conformance").joinpath("checks", "pytest.ini"))
    arguments = [checks, "-c", ini, "-p", "xdist.plugin", "-p", "f7t_conformance.plugin"]
    arguments += ["--f7t-profile", plan.profile.value]
    for name in plan.waivers:
        arguments += ["--f7t-waivers", str(Path(name).resolve()) if Path(name).exists() else name]
    for one in plan.only:
        arguments += ["--f7t-only", one]
    if plan.workers > 1 and "--pdb" not in plan.extra:
        arguments += ["-n", str(plan.workers), "--dist", "worksteal"]
    return [*arguments, *(plan.extra or ("-p", "no:terminal"))]
