"""`f7t certify`: the conformance suite against a testbuild, which is started if none runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from f7t_testbuild.children import run_to_end
from f7t_testbuild.commands.common import Failure, name_option, select
from f7t_testbuild.commands.running import running
from f7t_testbuild.commands.suite import EXTRA
from f7t_testbuild.commands.up import termination_interrupts
from f7t_testbuild.credentials import CredentialFailure
from f7t_testbuild.distribution import python_module
from f7t_testbuild.judged import suite_environment

DEFAULTS = ("--profile", "full", "--report", "build/conformance")


@click.command(context_settings={"ignore_unknown_options": True})
@name_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def certify(name: str, state_root: Path | None, arguments: tuple[str, ...]) -> None:
    """Run the conformance suite against the testbuild, with everything the suite can use.

    A testbuild that runs is used and keeps running; otherwise one is started as `f7t up` would
    (F7T_RUNTIME, F7T_PORT_BASE and the like hold) and stopped again, its state is kept. Reports go
    to build/conformance, the profile is full; other ARGUMENTS are those of `f7t conformance run`.

    \b
    Examples:
      f7t certify
      f7t certify --profile probe --report /tmp/report
      f7t certify --name second --only F7T-JOB --workers 1

    Exit codes are those of f7t conformance run: 0 the contract is kept.
    """
    _require_suite()
    with termination_interrupts(), running(name, state_root):
        selection = select(name, state_root)
        try:
            variables = suite_environment(selection.testbuild, selection.choices)
        except CredentialFailure as error:
            raise Failure(error.message, hint=error.hint) from error
        argv = [*python_module("f7t_conformance"), "run", *DEFAULTS, *arguments]
        status = run_to_end(argv, environment={**os.environ, **variables}).status
    sys.exit(status)


def _require_suite() -> None:
    """Before anything is started for nothing."""
    try:
        import f7t_conformance.cli  # noqa: F401
    except ModuleNotFoundError as error:
        raise Failure(
            f"the conformance suite is not installed: there is no package {error.name!r}",
            hint=f"install it: pip install '{EXTRA}'",
        ) from error
