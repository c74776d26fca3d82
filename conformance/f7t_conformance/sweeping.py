"""Removes what killed processes of a run left on the system: by their journals and by its name."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from typing import Any

from f7t_conformance.api import Api, Unexpected
from f7t_conformance.belongings import Belongings, settled, task_of
from f7t_conformance.ledger import Ledger


def sweep(api: Api, prefix: str, base: str, ledger: Ledger) -> list[str]:
    """Cancel and remove everything of the run.

    Args:
        api: of the first identity.
        prefix: begins the name of every job and directory of the run, and of nothing else.
        base: the directory that the run's own directories are in; empty if there is none.
        ledger: with the journals of processes that could not remove their own.

    Returns:
        What could not be found out or removed, in words.
    """
    api = api.unhurried()
    noted = list(dict.fromkeys(ledger.unsettled()))
    found = Belongings(api, prefix, base, 0, Ledger(ledger.folder, "sweep"))
    left: list[str] = []

    def tried(what: str, look: Callable[[], None]) -> None:
        try:
            look()
        except Exception as error:
            left.append(f"{what}: {error}")

    for kind, what in noted:
        if kind != "task":
            found.own(kind, what)
    submissions = [what for kind, what in noted if kind == "task"]
    tried("submissions", lambda: _own_submissions(found, submissions))
    tried(f"jobs called {prefix}…", lambda: _own_jobs_by_name(found))
    if base:
        tried(f"directories {prefix}… in {base}", lambda: _own_directories_by_name(found))
    left += found.remove()
    for journal in ledger.folder.glob("*.journal"):
        journal.unlink()
    return left


def _own_submissions(found: Belongings, task_ids: list[str]) -> None:
    for task_id in task_ids:
        task = task_of(found.api, task_id)
        if isinstance(task["data"], dict) and "jobid" in task["data"]:
            found.own_job(task)


def _own_jobs_by_name(found: Belongings) -> None:
    """Also those that ended: their submission may have made a directory that stays."""
    jobs = {
        str(job["jobid"])
        for path in ("/compute/jobs", "/compute/acct")
        for job in _listed(found.api, path)
        if str(job.get("name", "")).startswith(found.prefix)
    }
    for job in sorted(jobs):
        found.own("job", job)
    tasks = found.api.call("GET", "/tasks", contract=False).expect(200).json["tasks"]
    for task in tasks.values():
        data = task.get("data")
        if isinstance(data, dict) and str(data.get("jobid")) in jobs:
            found.own_job(task)


def _listed(api: Api, path: str) -> Iterator[dict[str, Any]]:
    task = settled(api, api.call("GET", path, contract=False))
    if task["status"] != "200":
        raise Unexpected(f"the jobs of GET {path}", str(task["data"]))
    data = task["data"]
    yield from data.values() if isinstance(data, dict) else data


def _own_directories_by_name(found: Belongings) -> None:
    query = {"targetPath": found.base, "showhidden": "true"}
    answer = found.api.call("GET", "/utilities/ls", query=query, contract=False).expect(200)
    for entry in answer.json["output"]:
        if str(entry["name"]).startswith(found.prefix):
            found.own("directory", posixpath.join(found.base, str(entry["name"])))
