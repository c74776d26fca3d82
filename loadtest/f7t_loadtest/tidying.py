"""Removes everything that a run made, and tells what could not be removed."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from gevent.pool import Pool

from f7t_loadtest.calls import Calls, Unserved
from f7t_loadtest.following import own_job, quiet_follow
from f7t_loadtest.work import Kind, Place, Work

_TOGETHER = 50
_GREENLETS = 8
_LIMIT = 120.0
_REMAINS = ("PENDING", "RUNNING", "SUSPENDED", "CONFIGURING")


def tidy(work: Work) -> list[str]:
    """Cancel jobs, remove directories, invalidate links; what is left, in words.

    It takes two minutes at most; what was not reached then is told like what could not be removed.
    """
    places = [one for one in work.places if one.owned or one.submits]
    greenlets = [gevent.spawn(_tidy_place, work, place) for place in places]
    gevent.joinall(greenlets, timeout=_LIMIT)
    gevent.killall(greenlets)
    return [
        f"{work.system}:{name}" if kind == "directory" else f"{kind} {name} on {work.system}"
        for place in work.places
        for kind, name in sorted(place.owned)
    ]


def _tidy_place(work: Work, place: Place) -> None:
    calls = work.quiet(place)
    _each(_owned(place, "submission"), lambda task_id: _resolve(work, place, task_id))
    jobs = _owned(place, "job")
    for start in range(0, len(jobs), _TOGETHER):
        _cancel(work, calls, ",".join(jobs[start : start + _TOGETHER]))
    if place.submits:
        _sweep_jobs(work, place, calls)
    _each(_owned(place, "transfer"), lambda task_id: _invalidate(work, place, task_id))
    directories = [one for one in _owned(place, "directory") if one != place.root]
    within = [one for one in directories if place.root and one.startswith(f"{place.root}/")]
    _each([one for one in directories if one not in within], lambda one: _remove(work, place, one))
    if place.root and _remove(work, place, place.root):
        place.owned -= {("directory", one) for one in within}


def _owned(place: Place, kind: Kind) -> list[str]:
    return sorted(name for its_kind, name in place.owned if its_kind == kind)


def _each(names: Iterable[str], remove: Callable[[str], object]) -> None:
    pool = Pool(_GREENLETS)
    for name in names:
        pool.spawn(remove, name)
    pool.join()


def _resolve(work: Work, place: Place, task_id: str) -> None:
    """Find out which job a submission made whose end nobody has seen."""
    calls = work.quiet(place)
    try:
        answer = calls.call("GET", f"/tasks/{task_id}", wants="task")
        task = answer.json["task"]
        if str(task["status"]) not in {"200", "400"}:
            gevent.sleep(1.0)
            task = calls.call("GET", f"/tasks/{task_id}", wants="task").json["task"]
        if str(task["status"]) == "200":
            own_job(place, task_id, task)
        elif str(task["status"]) == "400":
            place.owned.discard(("submission", task_id))
    except (Unserved, KeyError, TypeError):
        return


def _cancel(work: Work, calls: Calls, jobs: str) -> None:
    """Whether it did anything is found out by listing."""
    try:
        answer = calls.call("DELETE", f"/compute/jobs/{jobs}", wants="task_id")
        quiet_follow(work, calls).settled(answer, 0.0)
    except Unserved:
        return


def _sweep_jobs(work: Work, place: Place, calls: Calls) -> None:
    """Cancel one by one what still waits under the run's name, and forget what is gone."""
    left = _listed(work, calls)
    if left is None:
        return
    for job in left:
        place.owned.add(("job", str(job["jobid"])))
        _own_directory(place, str(job.get("job_file", "")))
        _cancel(work, calls, str(job["jobid"]))
    if left:
        left = _listed(work, calls)
    if left is not None:
        still = {str(job["jobid"]) for job in left}
        gone = [one for one in _owned(place, "job") if one not in still]
        place.owned -= {("job", one) for one in gone}


def _own_directory(place: Place, script: str) -> None:
    directory = posixpath.dirname(script)
    if posixpath.basename(posixpath.dirname(directory)) == "firecrest":
        place.owned.add(("directory", directory))


def _listed(work: Work, calls: Calls) -> list[dict[str, Any]] | None:
    """Jobs of this run that wait or run; None if that cannot be found out."""
    try:
        answer = calls.call("GET", "/compute/jobs", wants="task_id")
        data = quiet_follow(work, calls).settled(answer, 0.0)["data"]
        rows = data.values() if isinstance(data, dict) else data
        return [
            one
            for one in rows
            if one["name"].startswith(work.name) and str(one["state"]).startswith(_REMAINS)
        ]
    except (Unserved, KeyError, TypeError, AttributeError):
        return None


def _invalidate(work: Work, place: Place, task_id: str) -> None:
    try:
        work.quiet(place).call(
            "POST", "/storage/xfer-external/invalidate", headers={"X-Task-Id": task_id}
        )
    except Unserved:
        return
    place.owned.discard(("transfer", task_id))


def _remove(work: Work, place: Place, path: str) -> bool:
    calls = work.quiet(place)
    try:
        calls.call("DELETE", "/utilities/rm", form={"targetPath": path})
    except Unserved:
        try:
            calls.call("GET", "/utilities/stat", query={"targetPath": path})
        except Unserved as error:
            if "HTTP 400" not in str(error):
                return False
        else:
            return False
    place.owned.discard(("directory", path))
    return True
