"""Rows of single calls, many at once: `ls`, `stat`, reading a task."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from functools import partial

from tests.bench.clients import Bench, created, settled
from tests.bench.figures import Figure, Target, at_least, ratio_at_least
from tests.bench.loops import Loop, Visit, asking, closed_loop, doing, turns
from tests.bench.wire import BenchFailure, Wire, request

CONCURRENCY = 32
ENTRIES = 10


async def rates(
    bench: Bench, figure: tuple[str, str, str], sent: bytes, floor: Visit, target: Target
) -> Figure:
    """A figure of requests per second; `figure` are its row, what it is and what its floor is."""
    row, what, below = figure

    def loop(of_floor: bool, seconds: float) -> Awaitable[Loop]:
        client = doing(floor) if of_floor else asking(bench.port, sent)
        return closed_loop(client, CONCURRENCY, seconds)

    for of_floor in (False, True):
        await loop(of_floor, bench.plan.warm_up)
    measured: list[Callable[[], Awaitable[Loop]]] = [
        partial(loop, of_floor, bench.plan.seconds) for of_floor in (False, True)
    ]
    through, direct = await turns(bench.plan.rounds, *measured)
    return Figure(
        row,
        what,
        "1/s",
        tuple(one.rate for one in through),
        below,
        tuple(one.rate for one in direct),
        target,
        latency(through),
    )


def latency(loops: list[Loop]) -> str:
    """Median and 95th percentile of the middle loop, and the load generator's part in it."""
    middle = sorted(loops, key=lambda one: one.rate)[len(loops) // 2]
    times = f"p50 {middle.quantile(0.5) * 1e3:.1f} ms, p95 {middle.quantile(0.95) * 1e3:.1f} ms"
    return f"{times}; generator {middle.generator / middle.seconds:.0%} of a core"


async def make_entries(bench: Bench, count: int) -> str:
    """A directory with so many empty files; its path."""
    path = f"{bench.remote}/entries{count}"
    await bench.direct.run(
        f"mkdir -p {path} && cd {path} && seq -f file%g {count} | xargs -r touch"
    )
    return path


async def listing(bench: Bench) -> list[Figure]:
    """`GET /utilities/ls`; floor: the same directory over one SFTP channel."""
    path = await make_entries(bench, ENTRIES)
    sent = request("GET", f"/utilities/ls?targetPath={path}", bench.token())
    wire = await Wire.open(bench.port)
    names = (await wire.want(sent)).json()["output"]
    await wire.close()
    if len(names) != ENTRIES:
        raise BenchFailure(f"ls showed {len(names)} entries instead of {ENTRIES}")
    return [
        await rates(
            bench,
            ("ls", f"ls of {ENTRIES} entries, c={CONCURRENCY}", "SFTP listdir, one connection"),
            sent,
            partial(bench.direct.sftp.listdir, path),
            ratio_at_least(0.5),
        )
    ]


async def stat(bench: Bench) -> list[Figure]:
    """`GET /utilities/stat`; floor: SFTP's stat."""
    path = await make_entries(bench, ENTRIES)
    sent = request("GET", f"/utilities/stat?targetPath={path}", bench.token())
    figure = ("stat", f"stat, c={CONCURRENCY}", "SFTP stat, one connection")
    floor = partial(bench.direct.sftp.lstat, path)
    return [await rates(bench, figure, sent, floor, at_least(800))]


async def task(bench: Bench) -> list[Figure]:
    """`GET /tasks/{id}` of a settled task; floor: a Redis value of that size."""
    wire = await Wire.open(bench.port)
    token = bench.token()
    answer = await wire.want(request("GET", "/compute/jobs", token))
    task_id = created(answer.body)
    await settled(wire, token, task_id, "200")
    sent = request("GET", f"/tasks/{task_id}", token)
    text = (await wire.want(sent)).body
    await wire.close()
    key = f"f7t-bench-{secrets.token_hex(4)}"
    await bench.direct.redis.set(key, text, ex=600)
    figure = ("task", f"read a settled task, c={CONCURRENCY}", "Redis GET, unix socket")
    floor = partial(bench.direct.redis.get, key)
    try:
        return [await rates(bench, figure, sent, floor, at_least(2000))]
    finally:
        await bench.direct.redis.delete(key)
