"""`f7t up` and `f7t packages`: environment, packages, start, proof, table."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from f7t_testbuild import packages, ports, present
from f7t_testbuild.commands.choose import Options, check_denied, choose, runtime_option
from f7t_testbuild.commands.common import (
    Failure,
    PackagesFailure,
    Selection,
    as_json,
    json_option,
    log_tail,
    name_option,
    open_runtime,
    select,
    status_document,
)
from f7t_testbuild.credentials import CredentialFailure, client_of, issue_token
from f7t_testbuild.doctor import describe_taken, port_advice
from f7t_testbuild.images.catalogue import SLURM_BASES
from f7t_testbuild.invocation import command_line
from f7t_testbuild.model import MOST_GATEWAYS, Identity, PartState, RuntimeStatus, Store, Testbuild
from f7t_testbuild.native.ways import WayName
from f7t_testbuild.progress import Progress, progress_on
from f7t_testbuild.remembered import HIGHEST_BASE, LOWEST_BASE, remember
from f7t_testbuild.runtime import NotProvided, Runtime, RuntimeName

if TYPE_CHECKING:
    from f7t_testbuild.proof import Proof

no_install_option = click.option(
    "--no-install", is_flag=True, help="Never install system packages; name them and stop."
)


@click.command()
@name_option
@click.option(
    "--port-base",
    envvar="F7T_PORT_BASE",
    type=click.IntRange(LOWEST_BASE, HIGHEST_BASE),
    help="First port; the others are +1, +22, +80, +1000, and with several gateways from +2 on  "
    "[default: the last one used, else 8000]",
)
@click.option("--nodes", type=click.IntRange(1, 64), help="Compute nodes  [default: last, else 2]")
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Processes of a gateway  [default: last, else 2]"
)
@click.option(
    "--gateways",
    type=click.IntRange(1, MOST_GATEWAYS),
    help="Gateways of so many workers each, behind HAProxy if more than 1  [default: last, else 1]",
)
@click.option(
    "--way",
    type=click.Choice([way.value for way in WayName]),
    help="How the cluster is isolated natively (see f7t doctor)  [default: the best one possible]",
)
@runtime_option
@click.option(
    "--slurm",
    envvar=["F7T_SLURM", "SLURM"],
    type=click.Choice(list(SLURM_BASES)),
    help="Release of Slurm (docker)  [default: last, else what f7t images made, else 19.05]",
)
@click.option(
    "--identity",
    envvar=["F7T_IDENTITY", "IDENTITY"],
    type=click.Choice([kind.value for kind in Identity]),
    help="Who issues tokens  [default: last, else Keycloak with docker, embedded natively]",
)
@click.option(
    "--store",
    envvar=["F7T_STORE", "STORE"],
    type=click.Choice([kind.value for kind in Store]),
    help="The staging area's store  [default: last, else MinIO with docker, embedded natively]",
)
@click.option(
    "--deny",
    multiple=True,
    metavar="USER",
    callback=check_denied,
    help="User who may do nothing on the system; repeatable; none: nobody  [default: last]",
)
@no_install_option
@json_option
def up(
    name: str,
    state_root: Path | None,
    port_base: int | None,
    nodes: int | None,
    workers: int | None,
    gateways: int | None,
    way: str | None,
    runtime: str,
    slurm: str | None,
    identity: str | None,
    store: str | None,
    deny: tuple[str, ...],
    no_install: bool,
    as_document: bool,
) -> None:
    """Start the testbuild, prove that it works, and show where it listens.

    With a Docker engine it runs in containers, without one as processes of this machine; both have
    the same ports, users and credentials. Missing images are built; natively, missing system
    packages are listed and installed first (as root on Debian or Ubuntu). It returns once a token
    was issued, a job reached COMPLETED in accounting and a file went through the staging area both
    ways. Doing it again is harmless. Ctrl-C undoes what was started.

    \b
    Examples:
      f7t up
      f7t up --name second --port-base 18000 --nodes 4
      f7t up --runtime docker --slurm 24.11 --identity embedded
      f7t up --deny test2
      f7t up --gateways 2
      f7t up --json > testbuild.json

    Exit codes: 0 it is up, 1 it failed, 2 packages are missing, 130 interrupted.
    """
    kept = select(name, state_root)
    options = Options(
        port_base, nodes, workers, way, runtime, slurm, identity, store, deny, gateways
    )
    with termination_interrupts(), progress_on(sys.stderr) as progress:
        selection = _selected(kept, options, progress)
        status = open_runtime(kept).status() if kept.known else None
        if status is not None and status.running:
            _refuse_other_numbers(kept, selection)
            proof = None
        else:
            try:
                status, proof = _start(selection, progress, install=not no_install)
            except NotProvided as missing:
                if kept.known or not options.leave_the_runtime_open:
                    raise
                selection = _native_instead(kept, options, missing, progress)
                status, proof = _start(selection, progress, install=not no_install)
    _report(selection, status, proof, as_document=as_document)


def _selected(kept: Selection, options: Options, progress: Progress) -> Selection:
    wanted = choose(kept, options, progress)
    testbuild = Testbuild(kept.testbuild.name, wanted.port_base, kept.testbuild.state_root)
    return Selection(testbuild, wanted, kept.known)


def _native_instead(
    kept: Selection, options: Options, missing: NotProvided, progress: Progress
) -> Selection:
    """Nobody asked for containers: without their images the native runtime does as well."""
    progress(f"runtime native instead of docker: {missing.message}")
    for line in missing.hint.splitlines():
        progress(f"  {line}")
    return _selected(kept, replace(options, runtime=RuntimeName.NATIVE.value), progress)


@click.command("packages")
@click.option(
    "--gateways",
    type=click.IntRange(1, MOST_GATEWAYS),
    default=1,
    show_default=True,
    help="Of a testbuild with so many gateways: more than 1 need HAProxy.",
)
@no_install_option
def packages_command(gateways: int, no_install: bool) -> None:
    """Install the system packages the testbuild needs, and nothing else.

    Does nothing when all are there. Without root it prints the exact command and exits with 2.
    """
    with termination_interrupts(), progress_on(sys.stderr) as progress:
        ensure_packages(progress, install=not no_install, gateways=gateways)


def ensure_packages(progress: Progress, *, install: bool, gateways: int = 1) -> None:
    """Have all system packages in place, or fail with the command that would do it."""
    advice = "\nhaproxy is for several gateways only: --gateways 1 does without it"
    advice = advice if packages.HAPROXY in packages.missing(packages.packages_for(gateways)) else ""
    try:
        packages.ensure(progress, allowed=install, packages=packages.packages_for(gateways))
    except packages.PackagesMissing as error:
        raise PackagesFailure(error.message, hint=error.hint + advice) from error
    except packages.InstallationFailed as error:
        hint = "install them by hand, then run this again"
        raise Failure(error.message, log_tail=error.log_tail, hint=hint + advice) from error


def _start(
    selection: Selection, progress: Progress, *, install: bool
) -> tuple[RuntimeStatus, Proof | None]:
    if selection.choices.runtime == RuntimeName.NATIVE:
        ensure_packages(progress, install=install, gateways=selection.choices.gateways)
    testbuild = selection.testbuild
    wanted = testbuild.ports_with(selection.choices.gateways)
    holders = ports.taken(wanted)
    if holders:
        raise Failure(describe_taken(holders), hint=port_advice(testbuild, wanted))
    runtime = open_runtime(selection)
    # First, so that nothing is kept of a start that had no chance.
    runtime.provide(progress)
    remember(testbuild, selection.choices)
    # Loading the HTTP client takes as long as a daemon: it happens while the daemons start.
    loading = threading.Thread(target=_load_proof, name="load-proof", daemon=True)
    loading.start()
    runtime.up(progress)
    try:
        progress("proving: a token, a job in accounting, a file through the staging area")
        loading.join()
        return runtime.status(), _prove(testbuild, runtime)
    except BaseException:
        with uninterrupted():
            progress("stopping everything again")
            runtime.down(progress)
        raise


def _load_proof() -> None:
    import f7t_testbuild.proof  # noqa: F401


def _prove(testbuild: Testbuild, runtime: Runtime) -> Proof:
    from f7t_testbuild.proof import ProofFailure, prove

    try:
        client = client_of(testbuild)
        return prove(testbuild, lambda: issue_token(testbuild, client))
    except CredentialFailure as error:
        raise Failure(
            f"it started, but does not work: {error.message}",
            part="identity",
            log_tail=log_tail(runtime, "identity"),
        ) from error
    except ProofFailure as error:
        raise Failure(
            f"it started, but does not work: {error}",
            part=error.part,
            log_tail=log_tail(runtime, error.part),
            hint=f"all logs: {command_line('logs', testbuild)}",
        ) from error


def _refuse_other_numbers(running: Selection, wanted: Selection) -> None:
    """A running testbuild keeps its numbers: say so instead of ignoring the wish."""
    if running.choices != wanted.choices:
        raise Failure(
            f"testbuild {running.testbuild.name!r} is already up, with other numbers: "
            f"{running.choices}",
            hint=f"stop it first ({running.command('down')}), or start another one: "
            f"{command_line('up --name NAME --port-base N')}",
        )


def _report(
    selection: Selection, status: RuntimeStatus, proof: Proof | None, *, as_document: bool
) -> None:
    from dataclasses import asdict

    failed = [part.name for part in status.parts if part.state is PartState.FAILED]
    if as_document:
        document: dict[str, Any] = status_document(selection, status)
        document["started"] = proof is not None
        document["proof"] = asdict(proof) if proof is not None else None
        click.echo(as_json(document))
    else:
        if proof is None:
            click.echo(f"testbuild {status.name!r} is already up")
        click.echo(present.headline(status, selection.testbuild))
        present.print_parts(status, sys.stdout)
        if proof is not None:
            click.echo(present.proof_line(proof))
        click.echo(present.next_steps(selection.testbuild))
    if failed:
        raise Failure(
            f"these parts have failed: {', '.join(failed)}",
            hint=f"look: {selection.command('logs ' + failed[0])}; "
            f"start anew: {selection.command('down')}, then {selection.command('up')}",
        )


@contextmanager
def termination_interrupts() -> Iterator[None]:
    """SIGTERM and SIGHUP undo like Ctrl-C does: a CI job's time limit must leave nothing behind."""

    def interrupt(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A second Ctrl-C must not stop the undoing half-way."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
