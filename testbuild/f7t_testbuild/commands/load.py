"""`f7t load`: the load test's own command; without a target it loads a testbuild that runs."""

from __future__ import annotations

import os
from inspect import cleandoc
from pathlib import Path
from typing import Any

import click

from f7t_testbuild.commands.common import Failure, name_option, open_runtime, select
from f7t_testbuild.credentials import CredentialFailure
from f7t_testbuild.loaded import PREFIX, load_environment

EXTRA = "firecrest-testbuild[loadtest]"
_TARGETS = (f"{PREFIX}TARGET", "FIRECREST_URL")


def _command() -> click.Command:
    try:
        from f7t_loadtest.cli import load
    except ModuleNotFoundError as error:
        return _absent(str(error.name))
    return click.Group(
        "load",
        commands={**load.commands, "run": _against_a_testbuild(load.commands["run"])},
        help=cleandoc(load.help or ""),
        context_settings=load.context_settings,
    )


def _absent(package: str) -> click.Command:
    """A stand-in, so that the other commands and the help text work without the extra."""

    @click.command(
        "load",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
        short_help="How much does a FirecREST carry? (not installed)",
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def absent(arguments: tuple[str, ...]) -> None:
        raise Failure(
            f"the load test is not installed: there is no package {package!r}",
            hint=f"install it: pip install '{EXTRA}'",
        )

    return absent


def _against_a_testbuild(run: click.Command) -> click.Command:
    """The same command, whose target may be a testbuild of this machine."""
    measure = run.callback
    assert measure is not None

    @name_option
    def callback(name: str, state_root: Path | None, **given: Any) -> None:  # noqa: ANN401
        if not given["target"] and not any(os.environ.get(one) for one in _TARGETS):
            told = _told(name, state_root)
            given["system"] = given["system"] or told.pop(f"{PREFIX}SYSTEM")
            if given["identities"]:
                told.pop(f"{PREFIX}IDENTITIES")
            os.environ.update(told)
        measure(**given)

    more = "Without --target the testbuild called --name is loaded, if it runs."
    own = getattr(callback, "__click_params__", [])
    return click.Command(
        "run",
        params=[*run.params, *reversed(own)],
        callback=callback,
        help=f"{cleandoc(run.help or '')}\n\n{more}",
    )


def _told(name: str, state_root: Path | None) -> dict[str, str]:
    selection = select(name, state_root)
    if not (selection.known and open_runtime(selection).status().running):
        raise selection.not_running()
    try:
        return load_environment(selection.testbuild, selection.choices)
    except CredentialFailure as error:
        raise Failure(error.message, hint=error.hint) from error


load = _command()
