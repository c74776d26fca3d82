"""One run of the suite: pytest underneath, `Results` out of it."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import pytest

from f7t_conformance import __version__
from f7t_conformance.collector import Collector, Progress
from f7t_conformance.configuration import Settings
from f7t_conformance.contract import document
from f7t_conformance.model import Profile, Results


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


def perform(plan: Plan, progress: Progress) -> Results:
    """Run it.

    Raises:
        Broken: pytest could not collect or begin; nothing was found.
    """
    collector = Collector(progress)
    run = plan.settings.run or f"f7t-conformance-{secrets.token_hex(4)}"
    os.environ.update({**plan.variables, "F7T_CONFORMANCE_RUN": run})
    started, clock = datetime.now(UTC), time.monotonic()
    code = pytest.main(_arguments(plan), plugins=[collector])
    if code in {pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR} or collector.broken:
        raise Broken("\n".join(collector.broken) or "pytest could not begin; see above")
    return Results(
        suite=__version__,
        contract=str(document()["info"]["version"]),
        target=plan.settings.target,
        profile=plan.profile,
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 1),
        capabilities=collector.capabilities,
        findings=collector.in_order(),
        leftovers=tuple(collector.leftovers),
        complete=code is not pytest.ExitCode.INTERRUPTED,
    )


def _arguments(plan: Plan) -> list[str]:
    checks = str(files("f7t_conformance").joinpath("checks"))
    ini = str(files("f7t_conformance").joinpath("checks", "pytest.ini"))
    arguments = [checks, "-c", ini, "-p", "f7t_conformance.plugin"]
    arguments += ["--f7t-profile", plan.profile.value]
    for name in plan.waivers:
        arguments += ["--f7t-waivers", str(Path(name).resolve()) if Path(name).exists() else name]
    for one in plan.only:
        arguments += ["--f7t-only", one]
    if plan.workers > 1 and "--pdb" not in plan.extra:
        arguments += ["-n", str(plan.workers), "--dist", "worksteal"]
    return [*arguments, *(plan.extra or ("-p", "no:terminal"))]
