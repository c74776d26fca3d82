"""How this person reaches the command, so that advice can be pasted as it is printed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from f7t_testbuild.model import DEFAULT_NAME, Testbuild, default_state_root


def program() -> str:
    """`f7t` where the shell finds this very installation, else the path of its script."""
    script = Path(sys.executable).parent / "f7t"
    found = shutil.which("f7t")
    if not script.exists() or (found is not None and Path(found).resolve() == script.resolve()):
        return "f7t"
    relative = os.path.relpath(script)
    return str(script) if relative.startswith("..") else relative


def command_line(verb: str, testbuild: Testbuild | None = None) -> str:
    """The line to type for `verb` (with its arguments) on that testbuild, else on the default."""
    words = [program(), verb]
    if testbuild is not None and testbuild.name != DEFAULT_NAME:
        words.append(f"--name {testbuild.name}")
    if testbuild is not None and testbuild.state_root != default_state_root().absolute():
        words.append(f"--state-root {shlex.quote(str(testbuild.state_root))}")
    return " ".join(words)
