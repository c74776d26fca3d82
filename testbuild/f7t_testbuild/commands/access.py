"""`f7t token` and `f7t env`: what a client needs to talk to the testbuild."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from f7t_testbuild import present
from f7t_testbuild.commands.common import (
    Failure,
    NotRunning,
    as_json,
    name_option,
    select,
)
from f7t_testbuild.credentials import CredentialFailure, client_of, issue_token, user_of
from f7t_testbuild.model import CLIENT_ID
from f7t_testbuild.ports import is_free

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_./:@%+-]*")


@click.command()
@name_option
@click.option("--user", help="A user of the realm, by the password grant (test1, test2, test4).")
@click.option(
    "--client",
    "client_id",
    default=CLIENT_ID,
    show_default=True,
    help="The client; without --user the token is its service account's.",
)
@click.option("--export", "as_export", is_flag=True, help="Print a shell line: export TOKEN=...")
def token(
    name: str, state_root: Path | None, user: str | None, client_id: str, as_export: bool
) -> None:
    """Print a bearer token (valid for five minutes).

    \b
    Examples:
      f7t token
      f7t token --user test1
      eval "$(f7t token --export)"
      curl -H "Authorization: Bearer $(f7t token)" http://127.0.0.1:8000/status/systems
    """
    selection = select(name, state_root)
    try:
        client = client_of(selection.testbuild, client_id)
        person = user_of(user) if user is not None else None
        # Asked first, so that "not running" is told as such and not as a refused connection.
        if is_free(selection.testbuild.identity_port):
            raise selection.not_running()
        issued = issue_token(selection.testbuild, client, person)
    except CredentialFailure as error:
        failure = Failure if selection.known else NotRunning
        raise failure(error.message, hint=error.hint) from error
    click.echo(f"export TOKEN={shlex.quote(issued)}" if as_export else issued)


@click.command()
@name_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["shell", "json", "dotenv"]),
    default="shell",
    show_default=True,
    help="shell: export lines; dotenv: a .env file; json: one object.",
)
@click.option(
    "--conformance", is_flag=True, help="What the conformance suite needs: F7T_CONFORMANCE_…"
)
def env(name: str, state_root: Path | None, style: str, conformance: bool) -> None:
    """Print what a client needs: addresses, client id and secret, machine name.

    \b
    Examples:
      eval "$(f7t env)"
      f7t env --format dotenv > .env
      f7t env --format json
      eval "$(f7t env --conformance)" && f7t conformance run
    """
    selection = select(name, state_root)
    try:
        if conformance:
            from f7t_testbuild.judged import suite_environment

            variables = suite_environment(selection.testbuild, selection.choices)
        else:
            secret = client_of(selection.testbuild).secret
            variables = present.client_environment(selection.testbuild, secret)
    except CredentialFailure as error:
        raise NotRunning(error.message, hint=error.hint) from error
    click.echo(render(variables, style))


def render(values: dict[str, str], style: str) -> str:
    """The variables in one of the three styles; every value survives, whatever it holds."""
    if style == "json":
        return as_json(values)
    if style == "shell":
        return "\n".join(f"export {key}={shlex.quote(value)}" for key, value in values.items())
    return "\n".join(f"{key}={_dotenv_quoted(value)}" for key, value in values.items())


def _dotenv_quoted(value: str) -> str:
    """Single quotes keep `$` and blanks as they are; only `\\` and `'` need an escape inside."""
    if _PLAIN_VALUE.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
