"""A simulated user: takes turns, calls as one of the identities, follows tasks."""

from __future__ import annotations

import random
from typing import ClassVar

from locust import FastHttpUser

from f7t_loadtest.calls import Answer, Calls
from f7t_loadtest.following import Follow
from f7t_loadtest.work import Place, Work, tls


class Visitor(FastHttpUser):
    """What all scenarios share. A scenario adds Locust tasks; each is one visit.

    Attributes:
        work: the run; set by the generator before any visitor is made.
        thinks: least and greatest think time of the closed loop, seconds.
        needs_directory: every caller gets a directory of its own first.
        due: when the present visit was due, seconds since the run's start.
    """

    abstract = True
    work: ClassVar[Work]
    thinks: ClassVar[tuple[float, float]] = (0.0, 0.0)
    needs_directory: ClassVar[bool] = False
    warms_up: ClassVar[bool] = True
    insecure = False
    ssl_context_factory = staticmethod(tls)

    def __init__(self, environment: object) -> None:
        """Locust makes them; the number decides the identity."""
        super().__init__(environment)
        # The API knows no cookies; looking for them costs a tenth of a request.
        self.client.client.cookiejar = None
        work = self.work
        self.number = work.number()
        self.place = work.places[self.number % len(work.places)]
        self.calls = Calls(self.client, self.place.tokens, work.system, work.recorder)
        self.follow = Follow(self.calls, work.recorder, work.plan.poll, work.plan.patience)
        self.draw = random.Random(f"{work.plan.seed}:{self.number}")
        self.due = 0.0
        self._begins = True

    @classmethod
    def prepare(cls, work: Work, place: Place) -> None:
        """Make what the visits of one caller need; not measured."""

    @classmethod
    def check(cls, work: Work) -> None:
        """Warn of what makes this run's figures doubtful."""

    def on_start(self) -> None:
        """The first visit waits for its turn as all others do."""
        self._take()

    def wait_time(self) -> float:
        """Between two visits; the wait is for the turn."""
        self._take()
        return 0.0

    def _take(self) -> None:
        self.due = self.work.turns.take(self.number, self._think)
        self._begins = True

    def _think(self) -> float:
        plan = self.work.plan
        return self.draw.uniform(*self.thinks) if plan.pause is None else plan.pause

    def moment(self) -> float:
        """When the next request is due: the visit's first one when the visit was, others now."""
        begins, self._begins = self._begins, False
        return self.due if begins else self.work.recorder.now()

    def get(self, path: str, wants: str, **query: str) -> Answer:
        """One measured GET whose answer must have the key `wants`."""
        return self.calls.call("GET", path, due=self.moment(), query=query, wants=wants)
