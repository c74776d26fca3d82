"""Many calls of one user at once: all of them succeed, over few connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.firecrest.services.places import names
from tests.support.live import Live, until

CALLS = 30
SUBMISSIONS = 20
USER = "test2"
SCRIPT = "#!/bin/sh\n#SBATCH --output=/dev/null\ntrue\n"


def _connections(live: Live) -> float:
    """Open SSH connections of all workers, from the gateway's metrics."""
    url = f"http://127.0.0.1:{live.testbuild.internal_port}/metrics"
    lines = requests.get(url, timeout=10).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("f7t_ssh_connections"))


def test_listings(live: Live) -> None:
    live.token(USER)
    with ThreadPoolExecutor(CALLS) as pool:
        calls = [pool.submit(names, live, f"/home/{USER}", user=USER) for _ in range(CALLS)]
        answers = [call.result() for call in calls]
    assert all("test_file.txt" in answer for answer in answers)


def test_submissions(live: Live) -> None:
    """More than one connection may carry (MaxSessions 10): they wait for each other."""

    def submitted(_: int) -> int:
        task = live.submit(SCRIPT, user=USER)
        assert task["status"] == "200", task
        job_id: int = task["data"]["jobid"]
        return job_id

    live.token(USER)
    with ThreadPoolExecutor(SUBMISSIONS) as pool:
        job_ids = list(pool.map(submitted, range(SUBMISSIONS)))
    assert len(set(job_ids)) == SUBMISSIONS
    # Two workers with at most two connections a user; other users may have theirs open.
    assert _connections(live) <= 2 * 2 * 5
    wanted = ",".join(map(str, job_ids))

    def gone() -> bool | None:
        task = live.settled(
            live.get("/compute/jobs", user=USER, params={"jobs": wanted}), user=USER
        )
        return True if task["data"] == {} else None

    until(gone, what=f"jobs {wanted} through")


def test_users_do_not_wait_for_each_other(live: Live) -> None:
    users = ["test1", "test2", "test4"] * 5
    for user in set(users):
        live.token(user)
    with ThreadPoolExecutor(len(users)) as pool:
        calls = [
            (user, pool.submit(live.get, "/utilities/ls", user=user, params={"targetPath": "."}))
            for user in users
        ]
        owners = [
            (user, {entry["user"] for entry in call.result().json()["output"]})
            for user, call in calls
        ]
    assert owners == [(user, {user}) for user in users]
