"""`f7t load` and `f7t-loadtest` as people call them: exit codes, Ctrl-C, reports, help."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from f7t_loadtest.catalogue import SCENARIOS
from f7t_loadtest.cli import load
from f7t_loadtest.model import Run
from f7t_testbuild.loaded import load_environment
from tests.loadtest.conftest import at_stub
from tests.loadtest.stub import GOOD, serving
from tests.loadtest.test_scenarios import remains
from tests.support.live import PASSWORDS, Live, until


@contextmanager
def running(
    *arguments: str, environment: Mapping[str, str], module: str = "f7t_loadtest"
) -> Iterator[subprocess.Popen[str]]:
    """`f7t-loadtest run` in the background; ended with the block at the latest."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(environment),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Follow its standard error until `text` comes."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"it never said {text!r}")


def test_ctrl_c_ends_it_and_removes_everything(
    live: Live, at_testbuild: dict[str, str], tmp_path: Path
) -> None:
    arguments = ("run", "--scenario", "tasks", "--duration", "60", "--report", str(tmp_path))
    with running(*arguments, "--warm-up", "0", environment=at_testbuild) as process:
        read_until(process, "closed, 8 users")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "stopping; what was made is removed" in err
    assert "it was interrupted" in out
    run = Run.model_validate_json((tmp_path / "results.json").read_text())
    assert run.stopped == "interrupted"
    assert run.leftovers == []
    assert run.stages[0].tasks is not None
    assert run.stages[0].tasks.begun > 0
    assert remains(live) == []


def test_what_a_killed_run_has_made_is_removed_too(
    live: Live, at_testbuild: dict[str, str]
) -> None:
    arguments = ("run", "--scenario", "files", "--duration", "60", "--warm-up", "0")
    with running(*arguments, environment=at_testbuild) as process:
        read_until(process, "closed, 8 users")
        assert remains(live) != []
        process.kill()
    until(lambda: None if remains(live) else True, what="everything removed")


def test_ctrl_c_twice_leaves_at_once_and_says_what_to_look_for() -> None:
    def hanging(path: str) -> tuple[int, object]:
        if path.startswith("/utilities/rm"):
            time.sleep(20)
        return 200, {**GOOD, "output": "someone"}

    with serving(hanging) as url:
        arguments = ("run", "--scenario", "files", "--duration", "60", "--warm-up", "0")
        with running(*arguments, environment=at_stub(url)) as process:
            read_until(process, "closed, 8 users")
            process.send_signal(signal.SIGINT)
            read_until(process, "removing what was made")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "interrupted again: look for jobs and directories called f7t-load-" in err


def test_an_unreachable_target_is_3() -> None:
    arguments = ["run", "--target", "http://127.0.0.1:1", "--scenario", "cold"]
    done = subprocess.run(
        [sys.executable, "-m", "f7t_loadtest", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "F7T_LOAD_IDENTITY__TOKEN": "t"},
        check=False,
    )
    assert done.returncode == 3
    assert "http://127.0.0.1:1 does not answer as a FirecREST" in done.stderr
    assert "Traceback" not in done.stderr


def test_f7t_load_takes_the_testbuild_that_runs(live: Live, tmp_path: Path) -> None:
    testbuild = live.testbuild
    where = ("--name", testbuild.name, "--state-root", str(testbuild.directory.parent))
    arguments = ("load", "run", *where, "--scenario", "cold", "--duration", "0.3", "--quiet")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("F7T_LOAD_", "FIRECREST_"))
    }
    done = subprocess.run(
        [sys.executable, "-m", "f7t_testbuild", *arguments, "--report", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"cold at {live.url} (cluster), 4 identities")
    text = (tmp_path / "results.json").read_text()
    assert Run.model_validate_json(text).target == live.url
    for secret in ("eyJ", live.secrets["client_secret"], *PASSWORDS.values()):
        assert secret not in text + done.stdout + done.stderr


def test_who_is_denied_makes_no_load(live: Live) -> None:
    told = load_environment(live.testbuild, replace(live.choices, deny=("test2",)))
    callers = json.loads(told["F7T_LOAD_IDENTITIES"])
    assert [one.get("username") for one in callers] == [None, "test1", "test4"]
    assert told["F7T_LOAD_TARGET"] == live.url


def test_every_gateway_behind_a_balancer_is_counted(live: Live) -> None:
    """At its own port: at the balancer's there are none of SSH."""
    told = load_environment(live.testbuild, replace(live.choices, gateways=2))
    ports = [live.testbuild.gateway_ports(number)[1] for number in (1, 2)]
    assert told["F7T_LOAD_METRICS"].split() == [f"http://127.0.0.1:{one}/metrics" for one in ports]


def test_f7t_load_without_a_testbuild_says_how_to_start_one(tmp_path: Path) -> None:
    arguments = ("load", "run", "--state-root", str(tmp_path), "--scenario", "cold")
    done = subprocess.run(
        [sys.executable, "-m", "f7t_testbuild", *arguments],
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith(("F7T_", "FIRECREST_"))},
        check=False,
    )
    assert done.returncode == 3
    assert "is not running" in done.stderr
    assert "up" in done.stderr


def test_the_list_names_every_scenario() -> None:
    done = CliRunner().invoke(load, ["list"])
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines()] == list(SCENARIOS)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--scenario", "nothing"], "nothing"),
        (["--scenario", "cold", "--duration", "0"], "duration"),
        (["--scenario", "cold", "--size", "many"], "no size"),
        (["--scenario", "cold", "--objective-errors", "2"], "error_rate"),
        (["--scenario", "cold"], "no identity"),
    ],
)
def test_mistakes_in_the_call(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith(("F7T_LOAD_", "FIRECREST_")):
            monkeypatch.delenv(name)
    if said != "no identity":
        monkeypatch.setenv("F7T_LOAD_IDENTITY__TOKEN", "t")
    monkeypatch.setenv("F7T_LOAD_TARGET", "http://127.0.0.1:1")
    done = CliRunner().invoke(load, ["run", *arguments])
    assert done.exit_code == 2
    assert said in done.output


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = CliRunner().invoke(load, ["run", "--scenario", "cold"])
    assert done.exit_code == 1
    assert "there is no package 'locust'" in done.output
    assert "pip install 'firecrest-testbuild[loadtest]'" in done.output


def test_the_command_itself_loads_neither_locust_nor_gevent() -> None:
    code = "import sys, f7t_testbuild.commands.load; print({'locust', 'gevent'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
