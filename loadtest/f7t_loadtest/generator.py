"""The process that makes the load: `python -m f7t_loadtest.generator`, started by `running`.

Locust replaces Python's blocking calls by gevent's, which must not happen in the process that
starts it. The plan comes as one line of standard input; when that input ends, so does the run.
Standard output is one JSON document a line, see `Said`.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import gevent
from gevent.pool import Pool
from gevent.socket import wait_read
from locust.env import Environment
from locust.event import EventHook
from pydantic import ValidationError

from f7t_conformance.identity import NoToken
from f7t_conformance.redaction import redacted
from f7t_loadtest.callers import Tokens, keep_renewed
from f7t_loadtest.calls import Calls, Unserved
from f7t_loadtest.catalogue import SCENARIOS
from f7t_loadtest.driving import Drive
from f7t_loadtest.homes import give_directory
from f7t_loadtest.knee import found, missed
from f7t_loadtest.model import Run, Stage
from f7t_loadtest.plan import Plan
from f7t_loadtest.recorder import Recorder, stage_of
from f7t_loadtest.said import Said, Snapshot
from f7t_loadtest.settings import BadSettings, read_settings
from f7t_loadtest.tidying import tidy
from f7t_loadtest.turns import Turns
from f7t_loadtest.visitor import Visitor
from f7t_loadtest.work import Broken, OutOfBudget, Place, Work

_PREPARING = 8


class Voice:
    """Standard output, kept for the other process: what libraries print goes to standard error."""

    def __init__(self) -> None:
        self._pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def say(self, said: Said) -> None:
        """One line; whoever has gone away is not told."""
        try:
            self._pipe.write(said.model_dump_json() + "\n")
            self._pipe.flush()
        except BrokenPipeError:
            return


def main() -> None:
    """Read the plan, make the load, tell the result."""
    voice = Voice()
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    logging.getLogger("locust").setLevel(logging.ERROR)
    try:
        plan = Plan.model_validate_json(_line())
        run = _perform(plan, voice)
    except (Broken, BadSettings, NoToken) as error:
        voice.say(Said(broken=redacted(str(error))))
        return
    except ValidationError as error:
        voice.say(Said(broken=f"the plan cannot be read: {error.error_count()} mistakes"))
        return
    voice.say(Said(result=run))


def _line() -> bytes:
    """The first line of standard input, and nothing of what follows."""
    read = b""
    while not read.endswith(b"\n"):
        one = os.read(0, 1)
        if not one:
            break
        read += one
    return read


def _perform(plan: Plan, voice: Voice) -> Run:
    scenario = _scenario(plan.scenario)
    begun = datetime.now(UTC)
    work = _work(plan, scenario)
    voice.say(
        Said(begun=work.name, note=f"preparing {plan.scenario} for {len(work.places)} callers")
    )
    _end_with_input(work)
    renewing = keep_renewed([one.tokens for one in work.places])
    runner = work.environment.create_local_runner()
    # Locust's own statistics are not used, and cost as much as ours.
    work.environment.events.request = EventHook()  # type: ignore[no-untyped-call]
    drive = Drive(work, runner, warms_up=scenario.warms_up)
    telling = gevent.spawn(_tell, work, drive, voice)
    seconds = 0.0
    try:
        _prepare(work, scenario)
        work.recorder.restart()
        if not work.stop.is_set():
            drive.run()
        seconds = work.recorder.now()
    finally:
        if any(one.owned or one.submits for one in work.places):
            voice.say(Said(note="removing what was made"))
        drive.phase, drive.load = "removing", ""
        leftovers = tidy(work)
        gevent.killall([renewing, telling])
        if leftovers:
            voice.say(Said(leftovers=leftovers))
    return _document(work, begun, seconds, leftovers)


def _scenario(name: str) -> type[Visitor]:
    if name not in SCENARIOS:
        raise Broken(f"there is no scenario {name!r}")
    module = importlib.import_module(f"f7t_loadtest.scenarios.{SCENARIOS[name].module}")
    scenario: type[Visitor] = module.Scenario
    return scenario


def _work(plan: Plan, scenario: type[Visitor]) -> Work:
    settings = read_settings()
    target = settings.target.rstrip("/")
    identities = settings.callers()
    places = [Place(Tokens(one)) for one in identities[: plan.callers or None]]
    for _ in Pool(_PREPARING).imap_unordered(lambda one: one.tokens.renew(), places):
        pass
    scenario.host = target
    scenario.network_timeout = scenario.connection_timeout = plan.timeout
    recorder = Recorder()
    environment = Environment(user_classes=[scenario], host=target, catch_exceptions=True)
    work = Work(
        plan=plan,
        settings=settings,
        target=target,
        system=settings.system,
        places=places,
        environment=environment,
        recorder=recorder,
        turns=Turns(recorder.now),
    )
    scenario.work = work
    environment.events.user_error.add_listener(  # type: ignore[no-untyped-call]
        partial(_note_error, recorder)
    )
    work.system = _system(work)
    return work


def _note_error(recorder: Recorder, exception: BaseException, **_: object) -> None:
    """A visit that ended otherwise than by a failed call: the server said what nobody foresaw."""
    told = redacted(f"{type(exception).__name__}: {exception}")
    recorder.warn(f"visits ended unexpectedly, uncounted: {told[:200]}")


def _system(work: Work) -> str:
    """The machine to use; the first question also shows whether there is a FirecREST at all."""
    calls = Calls(work.session(), work.places[0].tokens, work.settings.system, None)
    try:
        systems = calls.call("GET", "/status/systems", wants="out").json["out"]
        names = [str(one["system"]) for one in systems]
    except Unserved as error:
        raise Broken(f"{work.target} does not answer as a FirecREST: {error}") from error
    except (KeyError, TypeError) as error:
        raise Broken(f"{work.target} does not answer as a FirecREST: no list of systems") from error
    wanted = work.settings.system or (names[0] if names else "")
    if wanted not in names:
        raise Broken(f"{work.target} has no system {wanted!r}; it has {', '.join(names)}")
    return wanted


def _prepare(work: Work, scenario: type[Visitor]) -> None:
    """Everything that visits need, for all callers at once.

    Raises:
        Broken: it cannot be made for a caller.
    """
    scenario.check(work)

    def one(place: Place) -> str:
        try:
            if scenario.needs_directory:
                give_directory(work, place)
            scenario.prepare(work, place)
        except OutOfBudget as error:
            return f"the budget does not suffice to prepare it: {error}"
        except (Unserved, Broken) as error:
            return str(error)
        return ""

    for trouble in Pool(_PREPARING).imap_unordered(one, list(work.places)):
        if trouble:
            raise Broken(f"{work.plan.scenario} could not be prepared: {trouble}")


def _end_with_input(work: Work) -> None:
    """Whoever started this process ends the run by closing its input, or by ending itself."""

    def listen() -> None:
        while True:
            wait_read(0)
            if not os.read(0, 4096):
                break
        work.end("interrupted")

    gevent.spawn(listen)
    gevent.signal_handler(signal.SIGTERM, lambda: work.end("interrupted"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _tell(work: Work, drive: Drive, voice: Voice) -> None:
    """Once a second, how it goes."""
    while True:
        gevent.sleep(1.0)
        second = work.recorder.recent()
        p95 = second.latencies.quantile(0.95)
        voice.say(
            Said(
                second=Snapshot(
                    at=work.recorder.now(),
                    phase=drive.phase,
                    load=drive.load,
                    made=sum(len(one.owned) for one in work.places),
                    users=work.turns.busy,
                    rate=second.requests,
                    p95=p95,
                    failures=second.failures,
                    tasks=second.tasks,
                )
            )
        )


def _document(work: Work, begun: datetime, seconds: float, leftovers: list[str]) -> Run:
    plan, recorder = work.plan, work.recorder

    def judge(stage: Stage) -> bool:
        return not missed(stage, plan.objective)

    measured = [one for one in recorder.stages if one.requests]
    stages = [stage_of(one, judge) for one in measured]
    if not stages and work.stopped is None:
        raise Broken("nothing was measured: no request was due within the run's time")
    unjudged = plan.mode != "steps" or not stages or work.stopped == "interrupted"
    return Run(
        tool_version=_version(),
        target=work.target,
        system=work.system,
        scenario=plan.scenario,
        mode=plan.mode,
        begun=begun,
        seconds=round(seconds, 3),
        settings=plan.shown,
        objective=plan.objective,
        identities=len(work.places),
        stages=stages,
        timeline=recorder.timeline(),
        failures=recorder.failures(),
        knee=None if unjudged else found(stages, plan.objective),
        floors=[],
        warnings=recorder.warnings,
        stopped=work.stopped,
        leftovers=leftovers,
    )


def _version() -> str:
    try:
        return version("firecrest-testbuild")
    except PackageNotFoundError:
        return "unknown"


if __name__ == "__main__":
    main()
