"""The proof that a testbuild works: a token, a job in accounting, a file through the staging area.

Everything goes through the public API, as any client would (contract T08, T21, T29, T33-T47). The
job waits for the file to have come round, then removes the directory both lived in, so nothing is
left behind and the job's own wait for the scheduler runs beside the transfer.
"""

from __future__ import annotations

import asyncio
import posixpath
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from f7t_testbuild.model import SYSTEM, Testbuild

DEADLINE_SECONDS = 60.0
_FILE_BYTES = 4096
_FILE_NAME = "f7t-proof.bin"
_SIGNAL_NAME = "f7t-proof.done"

JOB_SCRIPT = f"""#!/bin/sh
#SBATCH --job-name=f7t-proof
#SBATCH --output=/dev/null
#SBATCH --time=2
# Waits (at most a minute) for the file to have come round, then removes its own directory.
here=$SLURM_SUBMIT_DIR
tries=0
while [ ! -e "$here/{_SIGNAL_NAME}" ] && [ "$tries" -lt 1200 ]; do
    sleep 0.05
    tries=$((tries + 1))
done
cd / && rm -rf -- "$here"
rmdir -- "$(dirname -- "$here")" 2>/dev/null
exit 0
"""

_JOB_ALIVE = {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED"}
_FAILED_TASK = {"115", "118", "302", "400"}


class ProofFailure(Exception):
    """The testbuild started but does not work.

    Attributes:
        step: what was being proved.
        part: the part whose log tells more.
        message: what went wrong.
    """

    def __init__(self, step: str, part: str, message: str) -> None:
        super().__init__(f"{step}: {message}")
        self.step = step
        self.part = part
        self.message = message


@dataclass(frozen=True)
class Step:
    """One thing proved; `seconds` from asking to having it."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Proof:
    """All that was proved; `seconds` is the whole, in which steps overlap."""

    seconds: float
    job_id: int
    file_bytes: int
    steps: tuple[Step, ...]


def prove(testbuild: Testbuild, issue_token: Callable[[], str]) -> Proof:
    """Prove that the testbuild works, within a minute.

    Raises:
        ProofFailure: something was refused, came out wrong, or did not come in time.
    """
    began = time.monotonic()
    stopwatch = Stopwatch()
    with stopwatch.step("token"):
        token = issue_token()
    job_id = asyncio.run(_prove(testbuild.gateway_url, token, stopwatch))
    return Proof(time.monotonic() - began, job_id, _FILE_BYTES, tuple(stopwatch.steps))


@dataclass
class Stopwatch:
    """Takes the time of each step, and remembers which one is running for the error message."""

    steps: list[Step] = field(default_factory=list)
    running: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        self.running.append(name)
        yield
        # Not in a finally: on failure the name stays, it says where things stopped.
        self.running.remove(name)
        self.steps.append(Step(name, time.monotonic() - began))


async def _prove(url: str, token: str, stopwatch: Stopwatch) -> int:
    headers = {"Authorization": f"Bearer {token}", "X-Machine-Name": SYSTEM}
    # Loopback only: no proxy from the environment, and no certificates to load for plain HTTP.
    options: dict[str, Any] = {"trust_env": False, "verify": False, "timeout": 30.0}
    try:
        async with (
            asyncio.timeout(DEADLINE_SECONDS),
            httpx.AsyncClient(base_url=url, headers=headers, **options) as gateway,
            httpx.AsyncClient(**options) as staging,
        ):
            # First, for it opens the gateway's connection to the cluster that the rest will use.
            await _system_available(gateway, stopwatch)
            return await _job_with_file(gateway, staging, stopwatch)
    except (httpx.HTTPError, TimeoutError, KeyError, ValueError) as error:
        step = stopwatch.running[-1]
        raise ProofFailure(step, _part_of(step), _explained(error)) from error


def _explained(error: Exception) -> str:
    match error:
        case httpx.HTTPError():
            return f"no answer: {type(error).__name__} {error}"
        case TimeoutError():
            return f"not done within {DEADLINE_SECONDS:.0f} s"
        case _:
            return f"an answer is not as the contract has it: {type(error).__name__} {error}"


def _part_of(step: str) -> str:
    return "slurmctld" if step == "job" else "gateway"


async def _system_available(gateway: httpx.AsyncClient, stopwatch: Stopwatch) -> None:
    with stopwatch.step("system available"):
        answer = await gateway.get("/status/systems")
        systems = _json(answer, 200, "system available")["out"]
        states = {entry["system"]: entry["status"] for entry in systems}
        if states.get(SYSTEM) != "available":
            raise ProofFailure("system available", "gateway", f"/status/systems says {systems}")


async def _job_with_file(
    gateway: httpx.AsyncClient, staging: httpx.AsyncClient, stopwatch: Stopwatch
) -> int:
    with stopwatch.step("job"):
        with stopwatch.step("submit"):
            answer = await gateway.post(
                "/compute/jobs", files={"file": ("f7t-proof.sh", JOB_SCRIPT.encode())}
            )
            task = await _settled(gateway, _json(answer, 201, "submit")["task_id"], "200", "submit")
        job_id = int(task["data"]["jobid"])
        directory = posixpath.dirname(task["data"]["job_file"])
        await _round_trip(gateway, staging, directory, stopwatch)
        signal = await gateway.post(
            "/utilities/upload",
            data={"targetPath": directory},
            files={"file": (_SIGNAL_NAME, b"done\n")},
        )
        _json(signal, 201, "job")
        await _completed_in_accounting(gateway, job_id)
    return job_id


async def _round_trip(
    gateway: httpx.AsyncClient, staging: httpx.AsyncClient, directory: str, stopwatch: Stopwatch
) -> None:
    """A file to `directory` and back through the staging area; then its object is removed."""
    content = secrets.token_bytes(_FILE_BYTES)
    with stopwatch.step("upload"):
        form = {"targetPath": directory, "sourcePath": _FILE_NAME}
        answer = await gateway.post("/storage/xfer-external/upload", data=form)
        task_id = _json(answer, 201, "upload")["task_id"]
        task = await _settled(gateway, task_id, "111", "upload")
        post = task["data"]["msg"]["parameters"]
        posted = await staging.post(
            post["url"], data=post["data"], files={"file": (_FILE_NAME, content)}
        )
        if posted.status_code != 204:
            raise ProofFailure("upload", "staging", _refusal(posted, 204))
        await _settled(gateway, task_id, "114", "upload")
    with stopwatch.step("download"):
        form = {"sourcePath": f"{directory}/{_FILE_NAME}"}
        answer = await gateway.post("/storage/xfer-external/download", data=form)
        task_id = _json(answer, 201, "download")["task_id"]
        data = (await _settled(gateway, task_id, "117", "download"))["data"]
        # D14: a string or an object, as the gateway is configured.
        fetched = await staging.get(data if isinstance(data, str) else data["url"])
        if fetched.content != content:
            raise ProofFailure(
                "download", "staging", f"the file came back different: {_refusal(fetched, 200)}"
            )
    invalidated = await gateway.post(
        "/storage/xfer-external/invalidate", headers={"X-Task-Id": task_id}
    )
    _json(invalidated, 201, "download")


async def _completed_in_accounting(gateway: httpx.AsyncClient, job_id: int) -> None:
    while True:
        answer = await gateway.get("/compute/acct", params={"jobs": str(job_id)})
        task = await _settled(gateway, _json(answer, 200, "job")["task_id"], "200", "job")
        # D29: no rows yet is an empty object, rows are an array.
        rows = [row for row in task["data"] or [] if row["jobid"] == str(job_id)]
        state = rows[0]["state"].split()[0] if rows else "PENDING"
        if state == "COMPLETED":
            return
        if state not in _JOB_ALIVE:
            raise ProofFailure("job", "slurmctld", f"job {job_id} ended as {rows[0]['state']}")
        # Accounting has no event to wait for; each look costs a command on the cluster.
        await asyncio.sleep(0.1)


async def _settled(
    gateway: httpx.AsyncClient, task_id: str, wanted: str, step: str
) -> dict[str, Any]:
    """The task once its status is `wanted` or beyond on the way to success (tasks.md §4)."""
    while True:
        asked = time.monotonic()
        answer = await gateway.get(f"/tasks/{task_id}")
        task: dict[str, Any] = _json(answer, 200, step)["task"]
        status = task["status"]
        if status in _FAILED_TASK:
            raise ProofFailure(
                step, "gateway", f"task {task_id}: {task['description']}: {task['data']}"
            )
        if status >= wanted:
            return task
        # The server holds the answer of an unfinished task; where it does not, do not spin.
        if time.monotonic() - asked < 0.05:
            await asyncio.sleep(0.05)


def _json(answer: httpx.Response, expected: int, step: str) -> dict[str, Any]:
    if answer.status_code != expected:
        raise ProofFailure(step, "gateway", _refusal(answer, expected))
    document: dict[str, Any] = answer.json()
    return document


def _refusal(answer: httpx.Response, expected: int) -> str:
    request = f"{answer.request.method} {answer.request.url.path}"
    reasons = [f"{name}: {value}" for name, value in answer.headers.items() if name[:2] == "x-"]
    said = "; ".join([answer.text[:300], *reasons])
    return f"{request} answered {answer.status_code} instead of {expected}: {said}"
