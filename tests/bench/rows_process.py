"""Rows of the gateway as a process: its start, its memory, many users at once on one worker."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.bench.clients import Bench, created, settled
from tests.bench.figures import Figure, at_most
from tests.bench.loops import asking, closed_loop
from tests.bench.processes import (
    another_gateway,
    children,
    connections_to,
    memory,
    watched,
)
from tests.bench.rows_calls import CONCURRENCY
from tests.bench.surroundings import ROOT
from tests.bench.wire import BenchFailure, Wire, request

_IMPORTS = (
    "import asyncssh, fastapi, redis.asyncio, uvicorn\n"
    "print(open('/proc/self/smaps_rollup').read().split('Rss:')[1].split()[0], flush=True)\n"
)
_WORKERS = 2
_BUSY_SECONDS = 1.0


async def start_and_memory(bench: Bench) -> list[Figure]:
    """From the start to the first answer, and what a worker that has worked takes.

    The floor is an interpreter that imports the libraries the gateway stands on.
    """
    seconds, resident, proportional = [], [], []
    floor_seconds, floor_resident = [], []
    path = f"/utilities/ls?targetPath={bench.remote}"
    for _ in range(bench.plan.rounds):
        began = time.perf_counter()
        floor_resident.append(await _libraries() * 1024 / 1e6)
        floor_seconds.append(time.perf_counter() - began)
        async with another_gateway(bench, _WORKERS) as gateway:
            seconds.append(gateway.seconds)
            sent = request("GET", path, bench.token())
            await closed_loop(asking(gateway.port, sent), CONCURRENCY, _BUSY_SECONDS)
            for pid in children(gateway.parent):
                took = memory([pid])
                resident.append(took.resident / 1e6)
                proportional.append(took.proportional / 1e6)
    floor = "interpreter + libraries"
    return [
        Figure(
            "start",
            f"gateway start ({_WORKERS} workers) to first answer",
            "s",
            tuple(seconds),
            f"{floor}, imported",
            tuple(floor_seconds),
            at_most(1.5),
        ),
        Figure(
            "start",
            "resident memory per worker",
            "MB",
            tuple(resident),
            floor,
            tuple(floor_resident),
            at_most(90),
            "RSS, after a second of ls, c=32",
        ),
        Figure(
            "start",
            "… with shared pages divided",
            "MB",
            tuple(proportional),
            note="PSS",
        ),
    ]


async def _libraries() -> float:
    """KiB resident of an interpreter with the libraries."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", _IMPORTS, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise BenchFailure("the libraries cannot be imported")
    return float(said)


@dataclass
class Crowd:
    """What became of the requests of many users."""

    seconds: float = 0.0
    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    async def visit(self, bench: Bench, port: int, user: str) -> None:
        """A user's calls, one after the other: two of files, a listing of jobs and its task."""
        token = bench.token(user)
        wire = await Wire.open(port)
        try:
            for path in (f"/utilities/ls?targetPath=/home/{user}", "/utilities/whoami"):
                self.requests += 1
                await wire.want(request("GET", path, token))
            self.requests += 2
            answer = await wire.want(request("GET", "/compute/jobs", token))
            await settled(wire, token, created(answer.body), "200")
        except (BenchFailure, OSError) as error:
            self.failures[str(error)[:120]] += 1
        finally:
            await wire.close()


async def crowd(bench: Bench) -> list[Figure]:
    """Many users at once on one worker that knows none of them; floor: their logins by hand."""
    users = bench.users(bench.plan.users)
    for user in users:
        bench.token(user)
    async with another_gateway(bench, 1) as gateway:
        (worker,) = children(gateway.parent)
        await Crowd().visit(bench, gateway.port, users[0])
        before = memory([worker]).proportional
        known = connections_to(bench.testbuild.ssh_port, worker)
        result = Crowd()
        async with watched([worker]) as peak:
            most = asyncio.create_task(_most_connections(bench, worker))
            began = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for user in users:
                    group.create_task(result.visit(bench, gateway.port, user))
            result.seconds = time.perf_counter() - began
            most.cancel()
            connections = await most
        idle = connections_to(bench.testbuild.ssh_port, worker) - known
        grown = memory([worker]).proportional - before
    by_hand, floor_grown = await _logins(bench, users)
    return _crowd_figures(
        bench, result, connections, grown / max(1, idle), (by_hand, floor_grown), peak.most
    )


async def _most_connections(bench: Bench, worker: int) -> int:
    """The most SSH connections of a worker that were seen until this is cancelled."""
    most = 0
    try:
        while True:
            most = max(most, connections_to(bench.testbuild.ssh_port, worker))
            await asyncio.sleep(0.2)
    except asyncio.CancelledError:
        return max(most, connections_to(bench.testbuild.ssh_port, worker))


async def _logins(bench: Bench, users: tuple[str, ...]) -> tuple[float, float]:
    """Seconds of all users' logins with SFTP and a listing, and bytes each of them takes."""
    ssh = bench.settings["ssh"]
    wanted = {
        "port": bench.testbuild.ssh_port,
        "ca_key": ssh["ca_key"],
        "known_hosts": ssh["known_hosts"],
        "users": users,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.logins"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(json.dumps(wanted).encode())
    if process.returncode:
        raise BenchFailure("the logins by hand failed")
    answer = json.loads(said)
    return float(answer["seconds"]), float(answer["bytes"]) / len(users)


def _crowd_figures(
    bench: Bench,
    result: Crowd,
    connections: int,
    per_user: float,
    floor: tuple[float, float],
    peak: int,
) -> list[Figure]:
    users = bench.plan.users
    bound = int(bench.settings["ssh"].get("connections_per_user", 2)) * users
    failed = sum(result.failures.values())
    worst = "; ".join(f"{count}× {text}" for text, count in result.failures.most_common(2))
    return [
        Figure(
            "users",
            f"{users} users at once on one worker: failed requests",
            "",
            (float(failed),),
            target=at_most(0),
            note=worst or f"of {result.requests}",
        ),
        Figure(
            "users",
            "… time until all are served",
            "s",
            (result.seconds,),
            "their logins and listings by hand",
            (floor[0],),
            note="4 requests per user, every user's first",
        ),
        Figure(
            "users",
            "… most SSH connections",
            "",
            (float(connections),),
            target=at_most(bound),
            note="bound: users × ssh.connections_per_user",
        ),
        Figure(
            "users",
            "… memory per idle connected user",
            "kB",
            (per_user / 1e3,),
            "an asyncssh connection with SFTP",
            (floor[1] / 1e3,),
            at_most(300),
            f"worker at most {peak / 1e6:.0f} MB (PSS)",
        ),
    ]
