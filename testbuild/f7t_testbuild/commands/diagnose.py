"""`f7t doctor`: what is missing, what is in the way, and the mend."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from f7t_testbuild import present
from f7t_testbuild.commands.choose import Options, choose, runtime_option
from f7t_testbuild.commands.common import (
    EXIT_FAILED,
    as_json,
    json_option,
    name_option,
    open_runtime,
    project_of,
    select,
)
from f7t_testbuild.doctor import Check, Verdict, Ways, examine
from f7t_testbuild.model import Testbuild
from f7t_testbuild.native.ways import NoWay, choose_way
from f7t_testbuild.remembered import HIGHEST_BASE, LOWEST_BASE, Choices
from f7t_testbuild.runtime import RuntimeName


@click.command()
@name_option
@click.option(
    "--port-base", type=click.IntRange(LOWEST_BASE, HIGHEST_BASE), help="Ports to look at."
)
@runtime_option
@json_option
@click.pass_context
def doctor(
    context: click.Context,
    name: str,
    state_root: Path | None,
    port_base: int | None,
    runtime: str,
    as_document: bool,
) -> None:
    """Say what is missing, which ports are taken and by whom, and the mend for each.

    Nothing is changed. Exit codes: 0 nothing stands in the way of `f7t up`, 1 something does.

    \b
    Examples:
      f7t doctor
      f7t doctor --port-base 9000 --json
    """
    selection = select(name, state_root)
    kept = selection.testbuild
    choices = choose(selection, Options(port_base=port_base, runtime=runtime), _silent)
    testbuild = Testbuild(name, port_base or kept.port_base, kept.state_root)
    running = (
        selection.known
        and testbuild.port_base == kept.port_base
        and open_runtime(selection).status().running
    )
    if choices.runtime == RuntimeName.DOCKER:
        checks = docker_checks(testbuild, choices, running=running)
    else:
        checks = examine(
            testbuild,
            running=running,
            look_for_ways=look_for_ways,
            gateways=choices.gateways,
        )
    blocked = [check for check in checks if check.verdict is Verdict.BLOCKS]
    if as_document:
        click.echo(as_json({"checks": [asdict(check) for check in checks], "ready": not blocked}))
    else:
        present.print_table(present.checks_table(checks), sys.stdout)
        ready = f"testbuild {name!r} {'is up' if running else 'can be started'}"
        click.echo(f"{len(blocked)} in the way of f7t up" if blocked else ready)
    context.exit(EXIT_FAILED if blocked else 0)


def _silent(_text: str) -> None:
    """What is chosen shows in the checks."""


def docker_checks(testbuild: Testbuild, choices: Choices, *, running: bool) -> list[Check]:
    """The checks of the Docker runtime."""
    from f7t_testbuild.docker.doctor import examine as examine_docker

    project = project_of(testbuild, choices)
    return examine_docker(project, running=running)


def look_for_ways() -> Ways:
    """Every way of isolating the cluster, tried for real, once."""
    try:
        chosen = choose_way(None)
    except NoWay as refusal:
        return Ways(None, refusal.reasons)
    return Ways(chosen.name.value, chosen.reasons)
