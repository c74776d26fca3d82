"""Everything the installed client offers for the first version of the API, found by looking."""

import inspect
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

firecrest: Any = import_module("firecrest")
path: Any = import_module("firecrest.path")
typer: Any = import_module("typer")
cli: Any = import_module("firecrest.cli")

_FOUND = [*(value for value in vars(firecrest.v1).values() if inspect.isclass(value)), path.FcPath]
# What others only inherit from is never handed out.
CLASSES = [cls for cls in _FOUND if not any(cls in other.__bases__ for other in _FOUND)]


def methods(cls: type) -> Iterator[str]:
    """Public methods and properties, and the operators that the class itself defines."""
    for name in dir(cls):
        found = inspect.getattr_static(cls, name)
        member = callable(found) or isinstance(found, property | classmethod | staticmethod)
        operator = name.startswith("__") and name not in dir(object) and name in vars(cls)
        if member and (operator or not name.startswith("_")):
            yield name


def commands(group: Any, above: str = "firecrest") -> Iterator[str]:
    """All commands that can be run, below their groups."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{above} {name}")
        else:
            yield f"{above} {name}"


def command_line() -> Any:
    """The command line's outermost group."""
    return typer.main.get_command(cli.app)


if __name__ == "__main__":
    found = {
        "version": firecrest.__version__,
        "methods": {cls.__name__: sorted(methods(cls)) for cls in CLASSES},
        "commands": sorted(commands(command_line())),
    }
    json.dump(found, sys.stdout)
