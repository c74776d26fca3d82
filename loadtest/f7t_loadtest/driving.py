"""Warm-up, stages and steps of one run: when how much load is made."""

from __future__ import annotations

import logging
import random
import time

import gevent
from locust.runners import LocalRunner

from f7t_loadtest.counters import NoCounters, read
from f7t_loadtest.knee import Ladder, Tried, missed
from f7t_loadtest.model import Stage
from f7t_loadtest.recorder import Counts, stage_of
from f7t_loadtest.turns import arrivals
from f7t_loadtest.work import Work

_SETTLING = 1.0
_INTERRUPTED_GRACE = 3.0
_LOOK = 0.02
_BUSY = 0.8
_FEW = 100
_LATE = 0.05

_log = logging.getLogger(__name__)


class Drive:
    """Makes the load of one run with Locust's users."""

    def __init__(self, work: Work, runner: LocalRunner, *, warms_up: bool) -> None:
        """`runner` has no users yet; whether the scenario may be warmed up."""
        self._work = work
        self._runner = runner
        self._warms_up = warms_up
        self._visitors = 0
        self.phase = "preparing"
        self.load = ""

    def run(self) -> None:
        """Everything from warm-up to the last answer; ends early when the run is stopped."""
        work, plan = self._work, self._work.plan
        random.seed(plan.seed)
        beating = gevent.spawn(self._beat)
        try:
            match plan.mode:
                case "closed":
                    self._warm(float(plan.users), by_users=True)
                    self._stage("closed", float(plan.users), by_users=True)
                case "open":
                    self._warm(plan.rate, by_users=False)
                    self._stage("open", plan.rate, by_users=False)
                case "steps":
                    self._steps(by_users=plan.step_by == "users")
        finally:
            work.turns.close()
            work.recorder.end()
            beating.kill()
            self._runner.quit()

    def _steps(self, *, by_users: bool) -> None:
        plan = self._work.plan
        ladder = Ladder(
            start=float(plan.users) if by_users else plan.rate,
            growth=plan.growth,
            limit=plan.limit,
            steps=plan.steps,
            whole=by_users,
        )
        tried: list[Tried] = []
        load = ladder.next(tried)
        if load is not None:
            self._warm(load, by_users=by_users)
        while load is not None and not self._work.stop.is_set():
            if tried:
                self._unmeasured(load, by_users, _SETTLING)
            stage = self._stage(f"step {len(tried) + 1}", load, by_users=by_users)
            tried.append(Tried(load, stage.within_objective))
            load = ladder.next(tried)

    def _warm(self, load: float, *, by_users: bool) -> None:
        self.phase = "warming up"
        if self._warms_up:
            self._unmeasured(load, by_users, self._work.plan.warm_up)

    def _unmeasured(self, load: float, by_users: bool, seconds: float) -> None:
        """Load that counts for no stage."""
        if seconds and not self._work.stop.is_set():
            self._let(load, by_users, "unmeasured")
            self._work.stop.wait(seconds)
            self._work.turns.close()
            self._drain()

    def _stage(self, name: str, load: float, *, by_users: bool) -> Stage:
        work = self._work
        before = self._ssh()
        self.phase = name
        counts = (
            work.recorder.begin(name, users=int(load))
            if by_users
            else work.recorder.begin(name, offered=load)
        )
        used = time.process_time()
        self._let(load, by_users, name)
        work.stop.wait(work.plan.duration)
        work.recorder.end()
        counts.cpu_mean = (time.process_time() - used) / counts.seconds
        counts.overdue = work.turns.close(work.plan.objective.p95)
        if counts.overdue:
            counts.fail("arrival", "not begun in time", "every worker was busy", counts.overdue)
        self._drain()
        after = self._ssh()
        if before is not None and after is not None:
            counts.ssh = after[0] - before[0], after[1] - before[1]
        self._doubt(counts)
        return stage_of(counts, lambda stage: not missed(stage, work.plan.objective))

    def _let(self, load: float, by_users: bool, name: str) -> None:
        plan, turns = self._work.plan, self._work.turns
        self.load = f"{load:g} users" if by_users else f"{load:g}/s offered"
        self._spawn(int(load) if by_users else plan.users)
        if by_users:
            turns.let_users(int(load))
        else:
            turns.let_arrive(arrivals(load, f"{plan.seed}:{name}", paced=plan.paced))

    def _spawn(self, visitors: int) -> None:
        """Visitors are never taken away: those that are too many wait for a turn."""
        if visitors > self._visitors:
            self._visitors = visitors
            self._runner.start(visitors, spawn_rate=visitors)
            spawning = self._runner.spawning_greenlet
            if spawning is not None:
                spawning.join()

    def _drain(self) -> None:
        """Wait for the answers that are due; whoever is stopped waits for less."""
        work = self._work
        deadline = time.monotonic() + work.plan.timeout
        while work.turns.busy and time.monotonic() < deadline:
            if work.stopped == "interrupted":
                deadline = min(deadline, time.monotonic() + _INTERRUPTED_GRACE)
            gevent.sleep(_LOOK)
        if work.turns.busy and work.stopped != "interrupted":
            work.recorder.warn(f"{work.turns.busy} visits were not over when the run went on")

    def _ssh(self) -> tuple[int, int] | None:
        urls = self._work.settings.metrics
        if not urls:
            return None
        try:
            return read(urls)
        except NoCounters as error:
            self._work.recorder.warn(f"SSH is not counted: {error}")
            return None

    def _doubt(self, counts: Counts) -> None:
        """Warn where the generator itself may have been the limit."""
        recorder = self._work.recorder
        busiest = max(counts.cpu, default=counts.cpu_mean)
        if busiest > _BUSY:
            recorder.warn(
                f"{counts.name}: the generator used {busiest:.2f} cores in its busiest second; "
                "above 0.8 its own limits are measured too"
            )
        if counts.requests < _FEW:
            recorder.warn(
                f"{counts.name}: {counts.requests} requests are few: p99 is a guess below {_FEW}"
            )
        if any(kind == "HTTP 429" for _, kind in counts.kinds):
            recorder.warn("the server limits how often one user may call: give more identities")
        late = counts.late.quantile(0.99) or 0.0
        if late > _LATE:
            recorder.warn(
                f"{counts.name}: 1 % of the requests were sent {late:.3g} s late or later; "
                "latencies count from when they were due"
            )

    def _beat(self) -> None:
        """Once a second: the generator's own CPU, over all of its threads."""
        used, at = time.process_time(), time.monotonic()
        while True:
            gevent.sleep(1.0)
            now_used, now = time.process_time(), time.monotonic()
            cpu = (now_used - used) / max(now - at, 1e-6)
            self._work.recorder.beat(self._work.turns.busy, cpu)
            used, at = now_used, now
