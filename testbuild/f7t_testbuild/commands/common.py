"""What all commands share: which testbuild is meant, and how a failure is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

from f7t_testbuild.images.catalogue import PREFERRED_RELEASE
from f7t_testbuild.invocation import command_line
from f7t_testbuild.model import (
    DEFAULT_NAME,
    Identity,
    RuntimeStatus,
    Store,
    Testbuild,
    default_state_root,
)
from f7t_testbuild.remembered import NAME, BadRecord, Choices, recall
from f7t_testbuild.runtime import Runtime, RuntimeName

if TYPE_CHECKING:
    from f7t_testbuild.docker.project import Project

EXIT_FAILED = 1
EXIT_NOT_RUNNING = 3

_JSON_FLAG = "f7t.json"

Command = TypeVar("Command", bound=Callable[..., Any])


class Failure(click.ClickException):
    """Something a person has to know: what failed, the mend, and the end of the log that tells why.

    With --json it is one document on standard output: `{"error": {message, hint, part, log_tail}}`.
    """

    def __init__(
        self, message: str, *, hint: str = "", part: str = "", log_tail: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.part = part
        self.log_tail = tuple(log_tail)
        self.as_json = False

    def show(self, file: IO[str] | None = None) -> None:
        """Print for a person on standard error, or for a machine on standard output."""
        if self.as_json:
            click.echo(
                as_json(
                    {
                        "error": {
                            "message": self.message,
                            "hint": self.hint,
                            "part": self.part,
                            "log_tail": self.log_tail,
                        }
                    }
                )
            )
            return
        click.echo(click.style("error: ", fg="red", bold=True) + self.message, err=True)
        if self.log_tail:
            click.echo(f"last lines of the log{f' of {self.part}' if self.part else ''}:", err=True)
            for line in self.log_tail:
                click.echo(f"  {line}", err=True)
        if self.hint:
            click.echo(self.hint, err=True)


class PackagesFailure(Failure):
    """System packages are missing and may or can not be installed."""

    exit_code = 2


class NotRunning(Failure):
    """The command needs a testbuild that runs, or at least once ran."""

    exit_code = EXIT_NOT_RUNNING


class Interrupted(Failure):
    """Ctrl-C, SIGTERM or SIGHUP (128 + SIGINT, as shells count)."""

    exit_code = 130


@dataclass(frozen=True)
class Selection:
    """The testbuild a command is about, with the numbers it was last started with."""

    testbuild: Testbuild
    choices: Choices
    known: bool
    """Whether it has ever been started (and not been purged since)."""

    def command(self, verb: str) -> str:
        """The line to type for `verb` on this testbuild."""
        return command_line(verb, self.testbuild)

    def not_running(self) -> NotRunning:
        """The failure of a command that needs a running testbuild."""
        return NotRunning(
            f"testbuild {self.testbuild.name!r} is not running",
            hint=f"start it: {self.command('up')}",
        )


def _check_name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not NAME.fullmatch(value):
        raise click.BadParameter(
            "use at most 32 lower-case letters, digits, '-' and '_', a letter or digit at both ends"
        )
    return value


def name_option(command: Command) -> Command:
    """`--name` and `--state-root`: which testbuild."""
    name = click.option(
        "--name",
        default=DEFAULT_NAME,
        envvar="F7T_NAME",
        show_default=True,
        callback=_check_name,
        help="Name of the testbuild; several can run side by side.",
    )
    return name(state_root_option(command))


def state_root_option(command: Command) -> Command:
    """`--state-root`: where testbuilds live."""
    return click.option(
        "--state-root",
        type=click.Path(file_okay=False, path_type=Path),
        default=None,
        help="Directory of all testbuilds' state  [default: $F7T_STATE_ROOT or ~/.local/state/f7t]",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: one document on standard output, also for a failure."""

    def note(context: click.Context, _parameter: click.Parameter, value: bool) -> bool:
        context.meta[_JSON_FLAG] = value
        return value

    return click.option(
        "--json",
        "as_document",
        is_flag=True,
        callback=note,
        # Before the others, so that a mistake in those is told in JSON as well.
        is_eager=True,
        help="Print one JSON document on standard output; progress stays on standard error.",
    )(command)


def wants_json(context: click.Context) -> bool:
    return bool(context.meta.get(_JSON_FLAG, False))


def as_json(document: object) -> str:
    return json.dumps(document, indent=2, default=str)


def state_root_or_default(state_root: Path | None) -> Path:
    """Absolute: parts of the testbuild run in other directories."""
    return (state_root or default_state_root()).absolute()


def select(name: str, state_root: Path | None) -> Selection:
    """The testbuild of that name as it was last started, or with the default numbers."""
    root = state_root_or_default(state_root)
    try:
        kept = recall(root, name)
    except BadRecord as error:
        raise Failure(str(error)) from error
    choices = kept or Choices()
    return Selection(Testbuild(name, choices.port_base, root), choices, kept is not None)


def project_of(testbuild: Testbuild, choices: Choices) -> Project:
    """The Compose project of a testbuild in containers."""
    from f7t_testbuild.docker.project import Project

    return Project(
        testbuild,
        nodes=choices.nodes,
        workers=choices.workers,
        slurm=choices.slurm or PREFERRED_RELEASE,
        identity=Identity(choices.identity),
        store=Store(choices.store),
        gateways=choices.gateways,
        deny=choices.deny,
    )


def open_runtime(selection: Selection) -> Runtime:
    """The runtime of the selected testbuild; nothing is started by this."""
    # Imported here: help, env and token answer without loading what starts things.
    choices = selection.choices
    if choices.runtime == RuntimeName.DOCKER:
        from f7t_testbuild.docker.runtime import DockerRuntime

        return DockerRuntime(project_of(selection.testbuild, choices))
    from f7t_testbuild.native.runtime import NativeRuntime

    return NativeRuntime(
        selection.testbuild,
        nodes=choices.nodes,
        workers=choices.workers,
        way=choices.way,
        identity=choices.identity,
        store=choices.store,
        gateways=choices.gateways,
        deny=choices.deny,
    )


def log_tail(runtime: Runtime, part: str) -> tuple[str, ...]:
    """The last lines of a part's log, empty if it has none."""
    source = runtime.logs().get(part)
    return () if source is None else tuple(source.tail(20))


def status_document(selection: Selection, status: RuntimeStatus) -> dict[str, Any]:
    """What `--json` prints of a testbuild's state."""
    from dataclasses import asdict

    testbuild = selection.testbuild
    return {
        **asdict(status),
        "port_base": testbuild.port_base,
        "directory": str(testbuild.directory),
        "urls": {
            "gateway": testbuild.gateway_url,
            "internal": f"http://127.0.0.1:{testbuild.internal_port}",
            "token": testbuild.token_url,
            "staging": testbuild.staging_url,
            "ssh": f"127.0.0.1:{testbuild.ssh_port}",
        },
    }
