"""The floors of a real testbuild, and `f7t loadtest` with all but the runner real."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from f7t_loadtest.figures import BOUNDED, SBATCH_ONCE
from f7t_loadtest.model import Floor
from f7t_loadtest.reports import read
from f7t_testbuild.commands import loadtest
from f7t_testbuild.commands.common import open_runtime, select
from f7t_testbuild.commands.state import down
from f7t_testbuild.direct import Direct, DirectFailure, direct_access
from f7t_testbuild.floors import measure
from f7t_testbuild.remembered import Choices, remember
from f7t_testbuild.runtime import RuntimeName
from tests.loadtest import made_up
from tests.support.live import Live, free_port_base

ROOT = Path(__file__).parents[2]


async def test_every_floor_is_measured_and_nothing_stays(live: Live) -> None:
    said: list[str] = []
    floors = await measure(live.testbuild, 0.2, said.append)
    assert {one.name for one in floors} == {*BOUNDED, SBATCH_ONCE}
    assert all(one.value > 0 for one in floors)
    assert said == ["floors: sbatch", "floors: squeue", "floors: SFTP", "floors: Redis"]
    async with direct_access(live.testbuild) as direct:
        assert "f7t-floor" not in await direct.run("squeue --noheader --format=%j; ls -a ~")
        assert [key async for key in direct.redis.scan_iter("f7t-floor*")] == []


async def test_who_interrupts_leaves_no_job_behind(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    ended: list[str] = []
    at_scancel: list[int] = []
    run = Direct.run

    async def watched(direct: Direct, command: str, stdin: str = "") -> str:
        if command.startswith("scancel"):
            at_scancel.append(len(begun) - len(ended))
        if not command.startswith("sbatch"):
            return await run(direct, command, stdin)
        begun.append(command)
        said = await run(direct, command, stdin)
        ended.append(command)
        return said

    monkeypatch.setattr(Direct, "run", watched)
    async with direct_access(live.testbuild) as direct:
        measuring = asyncio.create_task(measure(live.testbuild, 20, print))
        while "f7t-floor" not in await direct.run("squeue --noheader --format=%j"):
            assert not measuring.done()
        measuring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await measuring
        assert at_scancel == [0], "a submission was on its way and its job would stay"
        assert "f7t-floor" not in await direct.run("squeue --noheader --format=%j")


async def test_a_testbuild_that_never_ran_has_no_floors(live: Live, tmp_path: Path) -> None:
    never = replace(live.testbuild, name="never", state_root=tmp_path)
    with pytest.raises(DirectFailure, match=r"gateway\.yaml"):
        await measure(never, 0.1, print)


async def test_a_refused_command_is_told(live: Live) -> None:
    async with direct_access(live.testbuild) as direct:
        with pytest.raises(DirectFailure, match="no such thing"):
            await direct.run("echo no such thing >&2; exit 3")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stands in for `f7t load run`: takes its arguments and credentials, makes results up."""
    file = tmp_path / "runner.py"
    file.write_text(
        "import os, sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from f7t_loadtest.reports import write\nfrom tests.loadtest import made_up\n"
        "given = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "assert 'client_secret' in os.environ['F7T_LOAD_IDENTITIES']\n"
        "assert os.environ['F7T_LOAD_TARGET'] and os.environ['F7T_LOAD_METRICS']\n"
        "if given['--duration'] == '3':\n    sys.exit('out of luck')\n"
        "if given['--duration'] == '4':\n    sys.exit(130)\n"
        "run = made_up.run(scenario=given['--scenario'], floors=[])\n"
        "write(run, Path(given['--report']))\n"
    )
    monkeypatch.setattr(loadtest, "RUNNER", (sys.executable, str(file)))
    return file


@pytest.fixture
def floors(monkeypatch: pytest.MonkeyPatch) -> list[Floor]:
    """Those of a quick machine that is always the same."""
    made = made_up.floors()

    async def measured(*_ignored: object) -> list[Floor]:
        return made

    monkeypatch.setattr("f7t_testbuild.floors.measure", measured)
    return made


def test_containers_are_refused_before_anything_is_started(live: Live, tmp_path: Path) -> None:
    docker = Choices(port_base=live.testbuild.port_base, runtime=RuntimeName.DOCKER.value)
    remember(replace(live.testbuild, state_root=tmp_path), docker)
    where = ["--name", live.testbuild.name, "--state-root", str(tmp_path)]
    done = CliRunner().invoke(loadtest.loadtest, where)
    assert done.exit_code == 1
    assert "use another, native testbuild" in done.output


def _call(live: Live, directory: Path, *options: str) -> tuple[int, str]:
    where = ["--name", live.testbuild.name, "--state-root", str(live.testbuild.state_root)]
    file = directory.parent / "thresholds.yaml"
    file.write_text(made_up.DEMANDED)
    arguments = [*where, "--report", str(directory), "--thresholds", str(file), *options]
    done = CliRunner().invoke(loadtest.loadtest, arguments)
    return done.exit_code, done.output


@pytest.mark.usefixtures("runner")
def test_floors_stand_in_the_reports_and_thresholds_gate(
    live: Live, tmp_path: Path, floors: list[Floor]
) -> None:
    status, said = _call(live, tmp_path / "out")
    assert (status, said.count("MISSED")) == (1, 1), said
    assert "stat: GET /utilities/stat* (rate) by floor 'sftp stat' is 0.0146" in said
    for scenario in ("tasks", "files", "poll-storm"):
        assert read(tmp_path / "out" / scenario).floors == floors
        assert "Beside the floors" in (tmp_path / "out" / scenario / "report.html").read_text()
    status, said = _call(live, tmp_path / "out", "--scenario", "tasks")
    assert (status, said.count("kept  "), said.count("MISSED")) == (0, 2, 0), said


@pytest.mark.usefixtures("runner", "floors")
@pytest.mark.parametrize(
    ("seconds", "told"), [("3", "left no results (exit status 1)"), ("4", "interrupted")]
)
def test_a_runner_that_fails_is_told(live: Live, tmp_path: Path, seconds: str, told: str) -> None:
    status, said = _call(live, tmp_path / "out", "--seconds", seconds)
    assert status == (130 if told == "interrupted" else 1)
    assert told in said


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("runner")
def test_without_a_testbuild_one_is_started_and_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    monkeypatch.setenv("F7T_PORT_BASE", str(free_port_base()))
    where = ["--name", "load", "--state-root", str(root)]
    try:
        options = ["--scenario", "tasks", "--report", str(tmp_path)]
        done = CliRunner().invoke(loadtest.loadtest, [*where, *options])
        assert "error rate is 0" in done.output
        assert {one.name for one in read(tmp_path / "tasks").floors} == {*BOUNDED, SBATCH_ONCE}
        assert not open_runtime(select("load", root)).status().running
    finally:
        CliRunner().invoke(down, [*where, "--purge"])
        shutil.rmtree(root, ignore_errors=True)
