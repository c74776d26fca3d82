"""Many clients that look at tasks: as one user (`--callers 1`) or as many."""

from __future__ import annotations

from locust import task

from f7t_loadtest import deeds
from f7t_loadtest.visitor import Visitor
from f7t_loadtest.work import Place, Work

_TASKS = 5


class Scenario(Visitor):
    """Both ways to ask: one by one, and several in one call."""

    @classmethod
    def prepare(cls, work: Work, place: Place) -> None:
        """Some settled tasks."""
        deeds.settle_tasks(work, place, _TASKS)

    @task(8)
    def one(self) -> None:
        """As curl users and scripts do."""
        deeds.look_at_task(self)

    @task(2)
    def several(self) -> None:
        """As pyfirecrest does."""
        deeds.look_at_tasks(self)
