"""Blocking calls on files: mostly listings and stat, some small uploads and downloads."""

from __future__ import annotations

from locust import task

from f7t_loadtest import deeds
from f7t_loadtest.visitor import Visitor
from f7t_loadtest.work import Place, Work


class Scenario(Visitor):
    """In a directory of `--entries` small files."""

    needs_directory = True

    @classmethod
    def prepare(cls, work: Work, place: Place) -> None:
        """The entries."""
        deeds.fill_directory(work, place, work.plan.entries)

    @task(4)
    def list_directory(self) -> None:
        """Of the whole directory."""
        deeds.list_directory(self)

    @task(4)
    def stat(self) -> None:
        """Of one entry."""
        deeds.stat(self)

    @task(1)
    def download(self) -> None:
        """Of one entry."""
        deeds.download_small(self)

    @task(1)
    def upload(self) -> None:
        """A file of the visitor's own."""
        deeds.upload_small(self)
