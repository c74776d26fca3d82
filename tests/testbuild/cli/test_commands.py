"""The command as a whole: help texts, exit codes, JSON, doctor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from f7t_testbuild import model
from f7t_testbuild.cli import main
from f7t_testbuild.doctor import MIB, Verdict, Ways, disk_check, memory_check, ways_check
from tests.support.live import free_port_base

F7t = Callable[..., Result]
Listener = Callable[[str], tuple[int, int]]

COMMANDS = [
    "up",
    "status",
    "token",
    "env",
    "logs",
    "reset",
    "down",
    "list",
    "doctor",
    "packages",
    "images",
    "conformance",
    "certify",
    "load",
    "loadtest",
]


def test_help_lists_every_command(f7t: F7t) -> None:
    result = f7t("--help")

    assert result.exit_code == 0
    listed = result.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "packages"])
def test_every_help_text_has_examples_of_its_own_command(f7t: F7t, command: str) -> None:
    result = f7t(command, "--help")

    assert result.exit_code == 0
    examples = result.stdout.partition("Examples:\n")[2].partition("\n\n")[0]
    assert f"f7t {command}" in examples


def test_the_version_is_the_distributions(f7t: F7t) -> None:
    assert f7t("--version").stdout.startswith("f7t, version 0.")


def test_an_unknown_command_is_a_usage_error(f7t: F7t) -> None:
    assert f7t("sideways").exit_code == 2


def test_nothing_runs_before_the_first_up(f7t: F7t, state_root: Path) -> None:
    status = f7t("status", "--json")

    assert status.exit_code == 3
    assert json.loads(status.stdout)["running"] is False
    assert json.loads(status.stdout)["parts"] == []
    assert f7t("logs").exit_code == 3
    assert f7t("reset").exit_code == 3
    assert json.loads(f7t("list", "--json").stdout) == {"testbuilds": []}
    assert not state_root.exists()


def test_doctor_names_the_process_on_a_port_and_the_mend(f7t: F7t, listener: Listener) -> None:
    pid, port = listener("127.0.0.1")

    result = f7t("doctor", "--port-base", str(port), "--json")

    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["ready"] is False
    (check,) = [check for check in report["checks"] if check["name"] == "ports"]
    assert check["verdict"] == "blocks"
    assert f"port {port} (gateway) is taken by pid {pid}" in check["finding"]
    assert "--port-base" in check["mend"]


def test_up_on_a_taken_port_names_the_process_and_starts_nothing(
    f7t: F7t, listener: Listener, state_root: Path
) -> None:
    pid, port = listener("127.0.0.1")

    result = f7t("up", "--port-base", str(port), "--json")

    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert f"taken by pid {pid}" in error["message"]
    assert "--port-base" in error["hint"]
    assert not state_root.exists()


def test_a_failure_of_the_runtime_is_one_json_document(f7t: F7t, tmp_path: Path) -> None:
    """Unix sockets allow 108 bytes of path, which this state root alone exceeds."""
    deep = tmp_path / ("x" * 100)
    base = str(free_port_base())

    result = f7t("up", "--json", "--port-base", base, "--state-root", str(deep))

    assert result.exit_code == 1
    assert "socket path" in json.loads(result.stdout)["error"]["message"]


def test_doctor_says_which_ways_are_possible(f7t: F7t) -> None:
    base = free_port_base()

    report = json.loads(f7t("doctor", "--port-base", str(base), "--json").stdout)

    findings = {check["name"]: check["finding"] for check in report["checks"]}
    for way in ("namespaces", "rootless", "nss-wrapper"):
        assert way in findings["isolation"]
    assert findings["slurm"].startswith("slurm-wlm ")
    assert f"free: gateway {base}" in findings["ports"]


def test_no_possible_way_blocks() -> None:
    check = ways_check(Ways(None, {"namespaces": "refused", "rootless": "needs newuidmap"}))

    assert check.verdict is Verdict.BLOCKS
    assert check.finding == "namespaces: refused\nrootless: needs newuidmap"
    assert check.mend


def test_a_state_root_that_is_no_directory_blocks(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(mode=0o600)

    check = disk_check(model.Testbuild(state_root=file))

    assert check.verdict is Verdict.BLOCKS
    assert "--state-root" in check.mend


def test_little_memory_is_a_note_not_an_obstacle(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:       2000 kB\nMemAvailable:     102400 kB\n")

    check = memory_check(meminfo)

    assert check.verdict is Verdict.NOTE
    assert check.finding.startswith(f"{102400 * 1024 // MIB} MiB available")


def test_the_group_loads_no_command_before_it_is_called() -> None:
    assert main.list_commands(click.Context(main)) == COMMANDS
