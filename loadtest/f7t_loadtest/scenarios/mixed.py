"""A working day: people look around, some submit, few transfer; they think between two calls."""

from __future__ import annotations

from locust import task

from f7t_loadtest import deeds
from f7t_loadtest.visitor import Visitor
from f7t_loadtest.work import Place, Work

_TASKS = 3


class Scenario(Visitor):
    """The weights are of a hundred visits."""

    needs_directory = True
    thinks = (0.5, 1.5)

    @classmethod
    def prepare(cls, work: Work, place: Place) -> None:
        """Files to look at, tasks to look at, a file to download."""
        deeds.fill_directory(work, place, work.plan.entries)
        deeds.settle_tasks(work, place, _TASKS)
        deeds.place_big_file(work, place)

    @task(25)
    def list_directory(self) -> None:
        """Where am I."""
        deeds.list_directory(self)

    @task(20)
    def stat(self) -> None:
        """Is it there."""
        deeds.stat(self)

    @task(15)
    def list_jobs(self) -> None:
        """How far is it."""
        deeds.list_jobs(self)

    @task(12)
    def look_at_task(self) -> None:
        """A script that waits."""
        deeds.look_at_task(self)

    @task(8)
    def systems(self) -> None:
        """Is the machine up."""
        self.get("/status/systems", "out")

    @task(6)
    def download(self) -> None:
        """A small result."""
        deeds.download_small(self)

    @task(5)
    def upload(self) -> None:
        """A small input."""
        deeds.upload_small(self)

    @task(4)
    def submit(self) -> None:
        """A job."""
        deeds.submit_job(self)

    @task(3)
    def accounts(self) -> None:
        """What it cost."""
        deeds.accounts(self)

    @task(1)
    def upload_big(self) -> None:
        """A bigger input."""
        deeds.upload_big(self)

    @task(1)
    def download_big(self) -> None:
        """A bigger result."""
        deeds.download_big(self)
