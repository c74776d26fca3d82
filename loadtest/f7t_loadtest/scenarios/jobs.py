"""Job listings while jobs wait: run it with `--queued 0`, `100` and `1000`."""

from __future__ import annotations

import gevent
from gevent.pool import Pool
from locust import task

from f7t_loadtest import deeds
from f7t_loadtest.calls import Unserved
from f7t_loadtest.following import quiet_follow, submit
from f7t_loadtest.visitor import Visitor
from f7t_loadtest.work import OutOfBudget, Place, Work

_SUBMITTERS = 8


class Scenario(Visitor):
    """The jobs are held ones of each caller's own."""

    @classmethod
    def check(cls, work: Work) -> None:
        """As many callers as the jobs suffice for."""
        queued = work.plan.queued
        fitting = work.plan.max_jobs // queued if queued else len(work.places)
        if fitting < len(work.places):
            kept = max(fitting, 1)
            work.recorder.warn(
                f"{kept} of {len(work.places)} identities took part: --max-jobs "
                f"{work.plan.max_jobs} allows no more with --queued {queued}"
            )
            del work.places[kept:]

    @classmethod
    def prepare(cls, work: Work, place: Place) -> None:
        """The waiting jobs."""

        def one() -> None:
            try:
                place.jobs.append(submit(work, place, quiet_follow(work, work.quiet(place))))
            except (Unserved, OutOfBudget) as error:
                work.recorder.warn(f"a job to be listed was not submitted: {error}")

        pool = Pool(_SUBMITTERS)
        for _ in range(work.plan.queued):
            if work.stop.is_set():
                break
            pool.spawn(one)
            gevent.sleep(0)
        pool.join()

    @task(8)
    def active(self) -> None:
        """All active jobs."""
        deeds.list_jobs(self)

    @task(2)
    def one_active(self) -> None:
        """One of the waiting jobs, or all if none waits."""
        if self.place.jobs:
            deeds.list_jobs(self, jobs=self.draw.choice(self.place.jobs))
        else:
            deeds.list_jobs(self)

    @task(1)
    def accounted(self) -> None:
        """Today's jobs."""
        deeds.accounts(self)
