"""The benchmark works and says what it measured; how fast things are is no matter of tests."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.bench.benchmark import main, measure
from tests.bench.figures import Figure, document, facts_line, plain_table
from tests.bench.loops import Plan
from tests.bench.rows import ROWS
from tests.bench.surroundings import machine_facts, prepared
from tests.firecrest.services.places import names
from tests.support.live import Live

PLAN = Plan(seconds=0.2, warm_up=0.05, rounds=1, calls=2, large=1_000_000, tasks=50, users=3)


def _belongings(live: Live) -> tuple[list[str], list[str]]:
    """The user's files, and the job directories below `~/firecrest`, which the first job makes."""
    home = names(live, "/home/test1")
    jobs = names(live, "/home/test1/firecrest") if "firecrest" in home else []
    return [name for name in home if name != "firecrest"], jobs


async def _measured(live: Live, rows: list[str]) -> tuple[list[Figure], list[str]]:
    async with prepared(live.testbuild, PLAN) as bench:
        return await measure(bench, {name: ROWS[name] for name in rows})


def test_rows_are_measured_beside_their_floors_and_tidied_up(live: Live) -> None:
    before = _belongings(live)
    queued = live.settled(live.get("/compute/jobs"))["data"]
    figures, failures = asyncio.run(_measured(live, ["ls", "task", "submissions"]))
    assert not failures
    assert [figure.row for figure in figures] == ["ls", "task", "submissions"]
    assert all(figure.value > 0 and figure.ratio and figure.ratio > 0 for figure in figures)
    facts = machine_facts(live.testbuild)
    assert f"Slurm {facts['slurm']}" in facts_line(facts)
    assert all(figure.what in plain_table(figures) for figure in figures)
    assert len(json.loads(json.dumps(document(facts, figures)))["figures"]) == len(figures)
    assert _belongings(live) == before
    assert live.settled(live.get("/compute/jobs"))["data"] == queued


def test_a_row_that_does_not_work_is_named_and_stops_no_other(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken() -> tuple[list[Figure], list[str]]:
        async with prepared(live.testbuild, PLAN) as bench:
            await bench.direct.sftp.rmtree(bench.remote)
            await bench.direct.sftp.symlink("/nowhere/at/all", bench.remote)
            return await measure(bench, {name: ROWS[name] for name in ("stat", "task")})

    figures, failures = asyncio.run(broken())
    assert [figure.row for figure in figures] == ["task"]
    assert [failure.partition(":")[0] for failure in failures] == ["stat"]
    assert "did not work" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nothing"], "choose from ls, stat"),
        (["--growth", "--only", "ls"], "choose from users, jobs"),
        (["--write", "--quick"], "without --only and --quick"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_starts(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_an_unknown_testbuild_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("F7T_STATE_ROOT", str(tmp_path))
    assert main(["--name", "nobody"]) == 1
    assert "there is no testbuild 'nobody'" in capsys.readouterr().err
