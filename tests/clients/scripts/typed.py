"""Every command of the client's command line, each in a process of its own.

The processes are forked from this one, that has everything imported: an interpreter of its own for
each would need a second just for that. Each goes through the entry point of the installed script.
"""

import contextlib
import gc
import io
import logging
import multiprocessing
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.clients.scripts import driven

entry: Any = import_module("firecrest.cli_script")


@dataclass(frozen=True)
class Typed:
    """A command as a person types it; `before` are options of the program itself."""

    name: str
    arguments: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    answer: str = ""
    """What is typed when it asks."""
    without: str = ""
    """A variable that is not set."""


def _executed(typed: Typed) -> dict[str, Any]:
    """Run it in this process, which must be a fresh one."""
    if typed.name:
        driven.begin(f"firecrest {typed.name}")
    printed = io.StringIO()
    sys.argv = ["firecrest", *typed.before, *typed.name.split(), *typed.arguments]
    sys.stdin = io.StringIO(typed.answer)
    os.environ.pop(typed.without, None)
    status: Any = 0
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            entry.main()
        except SystemExit as end:
            status = end.code
    return {"status": status, "printed": printed.getvalue(), "made": driven.made()}


def prepare_environment() -> None:
    """What the program reads: it chooses by the version which of its two command lines it is."""
    os.environ |= {
        "FIRECREST_CLIENT_ID": os.environ["CLIENT_ID"],
        "FIRECREST_CLIENT_SECRET": os.environ["CLIENT_SECRET"],
        "AUTH_TOKEN_URL": os.environ["TOKEN_URL"],
        "FIRECREST_API_VERSION": "1.16.6",
        "FIRECREST_SYSTEM": driven.MACHINE,
        # Else JSON is wrapped in the middle of its texts.
        "COLUMNS": "10000",
    }


class CommandLine:
    """Runs commands, several at once, and remembers what they printed."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[str, Any]] = {}
        # Loads, for all that will be forked, what is otherwise loaded when it is needed.
        for warming in (("--help",), ("systems",)):
            _executed(Typed("", before=warming))
        logging.getLogger().handlers.clear()
        gc.freeze()

    def run(self, **typed: Typed) -> dict[str, dict[str, Any]]:
        """By the caller's own names: exit status and what was printed."""
        context = multiprocessing.get_context("fork")
        with context.Pool(4, maxtasksperchild=1) as pool:
            done = pool.map(_executed, typed.values(), chunksize=1)
        answers = dict(zip(typed, done, strict=True))
        for answer in answers.values():
            driven.merge(answer.pop("made"))
        self.seen |= answers
        return answers


def installed(*arguments: str) -> dict[str, Any]:
    """The script as pip installed it, in an interpreter of its own."""
    program = Path(sys.executable).with_name("firecrest")
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    return {"status": done.returncode, "printed": done.stdout + done.stderr}
