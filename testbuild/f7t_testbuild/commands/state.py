"""`f7t status`, `list`, `reset`, `down`: what runs, and the ways back."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from f7t_testbuild import present
from f7t_testbuild.commands.common import (
    EXIT_FAILED,
    EXIT_NOT_RUNNING,
    as_json,
    json_option,
    name_option,
    open_runtime,
    select,
    state_root_option,
    state_root_or_default,
    status_document,
)
from f7t_testbuild.commands.up import termination_interrupts
from f7t_testbuild.invocation import command_line
from f7t_testbuild.model import PartState, RuntimeStatus
from f7t_testbuild.progress import progress_on
from f7t_testbuild.remembered import known


@click.command()
@name_option
@json_option
@click.pass_context
def status(context: click.Context, name: str, state_root: Path | None, as_document: bool) -> None:
    """Show every part: what it is, version, state, address, since.

    \b
    Examples:
      f7t status
      f7t status --name second --json

    Exit codes: 0 running, 1 running with a failed part, 3 not running.
    """
    selection = select(name, state_root)
    found = (
        open_runtime(selection).status()
        if selection.known
        else RuntimeStatus(name=name, way="", running=False, parts=())
    )
    if as_document:
        click.echo(as_json(status_document(selection, found)))
    else:
        click.echo(present.headline(found, selection.testbuild))
        if found.parts:
            present.print_parts(found, sys.stdout)
        if not found.running:
            click.echo(f"start it: {selection.command('up')}", err=True)
    context.exit(_exit_code(found))


def _exit_code(found: RuntimeStatus) -> int:
    if not found.running:
        return EXIT_NOT_RUNNING
    return EXIT_FAILED if any(p.state is PartState.FAILED for p in found.parts) else 0


@click.command("list")
@state_root_option
@json_option
def list_command(state_root: Path | None, as_document: bool) -> None:
    """List the testbuilds known on this machine, running or not.

    \b
    Examples:
      f7t list
      f7t list --json
    """
    rows = []
    for name in known(state_root_or_default(state_root)):
        selection = select(name, state_root)
        found = open_runtime(selection).status()
        rows.append(
            {
                "name": name,
                "running": found.running,
                "way": found.way if found.running else "",
                "url": selection.testbuild.gateway_url,
                "directory": str(selection.testbuild.directory),
            }
        )
    if as_document:
        click.echo(as_json({"testbuilds": rows}))
    elif rows:
        present.print_table(present.known_table(rows), sys.stdout)
    else:
        click.echo(f"no testbuild yet; make one: {command_line('up')}")


@click.command()
@name_option
def reset(name: str, state_root: Path | None) -> None:
    """Put users' files, jobs, reservations, tasks and buckets back to the seed, within seconds.

    The testbuild keeps running, with its keys and secrets.

    \b
    Examples:
      f7t reset
      f7t reset --name second
    """
    selection = select(name, state_root)
    runtime = open_runtime(selection)
    if not (selection.known and runtime.status().running):
        raise selection.not_running()
    with termination_interrupts(), progress_on(sys.stderr) as progress:
        runtime.reset(progress)
    click.echo(f"testbuild {name!r} is as new: files, jobs, tasks and buckets are the seed's")


@click.command()
@name_option
@click.option(
    "--purge", is_flag=True, help="Remove its state as well: files, database, keys, logs."
)
def down(name: str, state_root: Path | None, purge: bool) -> None:
    """Stop the testbuild; nothing of it stays but its state directory.

    \b
    Examples:
      f7t down
      f7t down --name second --purge
    """
    selection = select(name, state_root)
    with progress_on(sys.stderr) as progress:
        stopped = open_runtime(selection).down(progress, purge=purge)
    what = "stopped" if stopped else "was not running"
    kept = "nothing of it is left" if purge else f"state kept in {selection.testbuild.directory}"
    if not purge and not selection.testbuild.directory.exists():
        kept = "and has no state"
    click.echo(f"testbuild {name!r} {what}; {kept}")
