"""External transfers of `--size` bytes, in both directions."""

from __future__ import annotations

from locust import task

from f7t_loadtest import deeds
from f7t_loadtest.visitor import Visitor
from f7t_loadtest.work import Place, Work


class Scenario(Visitor):
    """The bytes go between client, staging area and system; the gateway only arranges it."""

    needs_directory = True

    @classmethod
    def prepare(cls, work: Work, place: Place) -> None:
        """The file that is downloaded."""
        deeds.place_big_file(work, place)

    @task
    def upload(self) -> None:
        """Until the file lies on the system."""
        deeds.upload_big(self)

    @task
    def download(self) -> None:
        """Until the file has come, and its link is invalid."""
        deeds.download_big(self)
