"""Measures the gateway beside its floors, in one run on one machine, and prints ratios.

Brings up a testbuild of its own and takes it down again; `--name` measures a running one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from f7t_testbuild.model import Testbuild, default_state_root
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.remembered import recall
from tests.bench import measurements
from tests.bench.clients import BenchFailure, Gateway, direct_access
from tests.bench.measurements import Measurement
from tests.support.live import free_port_base

_F7T = Path(sys.executable).with_name("f7t")


@dataclass(frozen=True)
class Plan:
    """How often each thing is measured, and how many bytes are moved each time."""

    quick_calls: int
    submissions: int
    transfers: int
    transfer_bytes: int = 100_000_000


QUICK = Plan(30, 5, 2)
FULL = Plan(300, 40, 7)


@dataclass(frozen=True)
class Start:
    """Seconds from `f7t up` to the finished proof."""

    first: float
    """Into an empty directory."""
    again: float
    """After `f7t down`, with the state kept."""


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--name", help="measure this running testbuild")
    parser.add_argument("--quick", action="store_true", help="few repetitions")
    parser.add_argument("--json", action="store_true", help="one JSON document, all samples")
    return parser.parse_args(arguments)


def _f7t(root: Path, *arguments: str) -> dict[str, Any]:
    """What an `f7t` command answered with `--json`; raises `BenchFailure`."""
    environment = {**os.environ, "F7T_STATE_ROOT": str(root)}
    command = [str(_F7T), *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchFailure(f"{' '.join(command)}: {done.stderr.strip()}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _own_testbuild() -> Iterator[tuple[Testbuild, Start]]:
    """A testbuild on free ports, started twice to time both starts; gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="f7t-bench-"))
    testbuild = Testbuild("bench", free_port_base(), root)
    try:
        seconds: list[float] = []
        for attempt in ("for the first time", "again"):
            if seconds:
                _down(root)
            _note(f"starting a testbuild {attempt}")
            began = time.perf_counter()
            _f7t(root, "up", "--name", testbuild.name, "--port-base", str(testbuild.port_base))
            seconds.append(time.perf_counter() - began)
        yield testbuild, Start(*seconds)
    finally:
        _down(root, "--purge")
        shutil.rmtree(root, ignore_errors=True)


def _down(root: Path, *options: str) -> None:
    environment = {**os.environ, "F7T_STATE_ROOT": str(root)}
    command = [str(_F7T), "down", "--name", "bench", *options]
    subprocess.run(command, env=environment, capture_output=True, check=False)


def _running(name: str) -> Testbuild:
    root = default_state_root()
    choices = recall(root, name)
    if choices is None:
        raise BenchFailure(f"there is no testbuild {name!r} in {root}")
    return Testbuild(name, choices.port_base, root)


async def measure(testbuild: Testbuild, plan: Plan) -> list[Measurement]:
    """Everything, one after the other; raises `BenchFailure` when something does not work."""
    gateway = Gateway(testbuild)
    try:
        with tempfile.TemporaryDirectory(prefix="f7t-bench-") as local:
            async with (
                direct_access(testbuild) as direct,
                measurements.prepared(gateway, direct, Path(local)) as bench,
            ):
                _note("measuring ls")
                done = [await measurements.listing(bench, plan.quick_calls)]
                _note("measuring the reading of a task")
                done.append(await measurements.task_read(bench, plan.quick_calls))
                _note("measuring submissions")
                done.append(await measurements.submission(bench, plan.submissions))
                _note("measuring transfers")
                done.extend(
                    await measurements.transfers(bench, plan.transfers, plan.transfer_bytes)
                )
                return done
    finally:
        gateway.close()


def host_facts(testbuild: Testbuild) -> dict[str, Any]:
    """What the figures depend on."""
    versions = {part.name: part.version for part in NativeRuntime(testbuild).status().parts}
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "slurm": versions.get("slurmctld"),
        "openssh": versions.get("sshd"),
        "redis": versions.get("redis"),
        "load": os.getloadavg()[0],
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _rate(measurement: Measurement, seconds: float) -> str:
    return (
        f" ({measurement.transferred / seconds / 1e6:.0f} MB/s)" if measurement.transferred else ""
    )


def table(host: dict[str, Any], start: Start | None, done: Sequence[Measurement]) -> str:
    """The result for people."""
    lines = [
        f"{host['cores']} cores ({host['processor']}), Linux {host['kernel']}, "
        f"Python {host['python']}, Slurm {host['slurm']}, OpenSSH {host['openssh']}, "
        f"Redis {host['redis']}, load {host['load']:.1f}",
        "",
    ]
    rows = [("measured (medians)", "n", "gateway", "floor", "", "ratio")]
    for one in done:
        rows.append(
            (
                one.name,
                str(len(one.gateway_seconds)),
                _duration(one.median) + _rate(one, one.median),
                _duration(one.floor_median) + _rate(one, one.floor_median),
                one.floor,
                f"{one.ratio:.1f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        lines.append("  ".join(cells).rstrip())
    if start:
        lines += [
            "",
            f"f7t up until proved: {start.first:.2f} s into an empty directory, "
            f"{start.again:.2f} s with its state kept (n = 1 each)",
        ]
    return "\n".join(lines)


def document(
    host: dict[str, Any], start: Start | None, done: Sequence[Measurement]
) -> dict[str, Any]:
    """The result for machines, with every sample; seconds and bytes."""
    return {
        "host": host,
        "start_seconds": vars(start) if start else None,
        "measurements": [
            {
                **vars(one),
                "median_seconds": one.median,
                "floor_median_seconds": one.floor_median,
                "ratio": one.ratio,
            }
            for one in done
        ],
    }


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the exit code is 1 when something did not work."""
    chosen = _arguments(arguments)
    plan = QUICK if chosen.quick else FULL
    try:
        if chosen.name:
            _report(_running(chosen.name), None, plan, as_json=chosen.json)
        else:
            with _own_testbuild() as (testbuild, start):
                _report(testbuild, start, plan, as_json=chosen.json)
    except BenchFailure as failure:
        _note(f"error: {failure}")
        return 1
    return 0


def _report(testbuild: Testbuild, start: Start | None, plan: Plan, *, as_json: bool) -> None:
    host = host_facts(testbuild)
    done = asyncio.run(measure(testbuild, plan))
    if as_json:
        print(json.dumps(document(host, start, done), indent=2))
    else:
        print(table(host, start, done))
