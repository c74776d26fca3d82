"""The benchmark works and says what it measured; how fast things are is no matter of tests."""

from __future__ import annotations

import asyncio
import json

from tests.bench.benchmark import Plan, document, host_facts, measure, table
from tests.firecrest.services.places import names
from tests.support.live import Live


def _belongings(live: Live) -> tuple[list[str], list[str]]:
    """The user's files, and the job directories below `~/firecrest`, which the first job makes."""
    home = names(live, "/home/test1")
    jobs = names(live, "/home/test1/firecrest") if "firecrest" in home else []
    return [name for name in home if name != "firecrest"], jobs


def test_everything_is_measured_and_tidied_up(live: Live) -> None:
    before = _belongings(live)
    queued = live.settled(live.get("/compute/jobs"))["data"]
    done = asyncio.run(measure(live.testbuild, Plan(2, 1, 1, transfer_bytes=1_000_000)))
    assert [len(one.gateway_seconds) for one in done] == [2, 2, 1, 1, 1]
    assert [len(one.floor_seconds) for one in done] == [2, 2, 1, 1, 1]
    assert all(one.ratio > 0 for one in done)
    host = host_facts(live.testbuild)
    text = table(host, None, done)
    assert f"Slurm {host['slurm']}" in text
    assert all(one.name in text and one.floor in text for one in done)
    assert len(json.loads(json.dumps(document(host, None, done)))["measurements"]) == 5
    assert _belongings(live) == before
    assert live.settled(live.get("/compute/jobs"))["data"] == queued
