"""Task throughput: submit a job, poll its task until it is settled."""

from __future__ import annotations

from locust import task

from f7t_loadtest import deeds
from f7t_loadtest.visitor import Visitor


class Scenario(Visitor):
    """Jobs are held, so that what runs on the nodes takes nothing from what is measured."""

    @task
    def submit(self) -> None:
        """One submission."""
        deeds.submit_job(self)
