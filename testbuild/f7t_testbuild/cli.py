"""The command `f7t`: brings a testbuild up, shows it and takes it down; the Makefile calls it."""

from __future__ import annotations

import importlib

import click

from f7t_testbuild.commands.common import Failure, Interrupted, wants_json

_COMMANDS = {
    "up": ("up", "up"),
    "status": ("state", "status"),
    "token": ("access", "token"),
    "env": ("access", "env"),
    "logs": ("logs", "logs"),
    "reset": ("state", "reset"),
    "down": ("state", "down"),
    "list": ("state", "list_command"),
    "doctor": ("diagnose", "doctor"),
    "packages": ("up", "packages_command"),
    "images": ("images", "images"),
    "conformance": ("suite", "conformance"),
    "certify": ("certify", "certify"),
    "load": ("load", "load"),
    "loadtest": ("loadtest", "loadtest"),
}
"""Command to module below `f7t_testbuild.commands` and object in it, in the help text's order."""


class Commands(click.Group):
    """Loads a command only when it is called, and tells every known failure in the same way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name]
        loaded = importlib.import_module(f"f7t_testbuild.commands.{module}")
        command: click.Command = getattr(loaded, attribute)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; RuntimeFailure and Ctrl-C become a Failure in the asked-for form."""
        try:
            return super().invoke(ctx)
        except Failure as failure:
            failure.as_json = wants_json(ctx)
            raise
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            interrupted = Interrupted("interrupted")
            interrupted.as_json = wants_json(ctx)
            raise interrupted from None
        except Exception as error:
            told = _told(error)
            told.as_json = wants_json(ctx)
            raise told from error


def _told(error: Exception) -> Failure:
    """The Failure that tells `error`; what is nobody's mistake but ours is raised as it is."""
    from f7t_testbuild.runtime import RuntimeFailure

    if isinstance(error, RuntimeFailure):
        return Failure(error.message, hint=error.hint, part=error.part, log_tail=error.log_tail)
    raise error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="firecrest-testbuild", prog_name="f7t")
def main() -> None:
    """A simulated HPC centre with FirecREST in front of it, on this machine.

    \b
    The usual day:
      f7t up                        start it and prove that it works
      eval "$(f7t env)"             FIRECREST_URL, client id and secret
      eval "$(f7t token --export)"  a bearer token as TOKEN
      f7t reset                     everything back to the seed
      f7t down                      stop it

    Everything listens on 127.0.0.1 only, and lives in one state directory.
    """
