"""How this person reaches the command, so that advice can be pasted as it is printed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from f7t_testbuild.model import DEFAULT_NAME


def program() -> str:
    """`f7t` where the shell finds this very installation, else the path of its script."""
    script = Path(sys.executable).parent / "f7t"
    found = shutil.which("f7t")
    if not script.exists() or (found is not None and Path(found).resolve() == script.resolve()):
        return "f7t"
    relative = os.path.relpath(script)
    return str(script) if relative.startswith("..") else relative


def command_line(verb: str, name: str = DEFAULT_NAME) -> str:
    """The line to type for `verb` (with its arguments) on the testbuild called `name`."""
    line = f"{program()} {verb}"
    return line if name == DEFAULT_NAME else f"{line} --name {name}"
