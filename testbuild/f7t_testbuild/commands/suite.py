"""`f7t conformance`: the suite's own command, or how to get it where it is not installed."""

from __future__ import annotations

import click

from f7t_testbuild.commands.common import Failure

EXTRA = "firecrest-testbuild[conformance]"


def _command() -> click.Command:
    try:
        from f7t_conformance.cli import conformance
    except ModuleNotFoundError as error:
        return _absent(str(error.name))
    return conformance


def _absent(package: str) -> click.Command:
    """A stand-in, so that the other commands and the help text work without the extra."""

    @click.command(
        "conformance",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
        short_help="Does a FirecREST keep the contract? (not installed)",
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def absent(arguments: tuple[str, ...]) -> None:
        raise Failure(
            f"the conformance suite is not installed: there is no package {package!r}",
            hint=f"install it: pip install '{EXTRA}'",
        )

    return absent


conformance = _command()
