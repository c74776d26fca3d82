"""A run of one of the scripts with the client."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from f7t_testbuild.model import CLIENT_ID, SYSTEM
from tests.support.live import Live

ROOT = Path(__file__).parents[2]

_HANGS = 300
"""Seconds after which a script is taken for stuck; alone on two cores none takes 40."""


@dataclass(frozen=True)
class Run:
    """One run of a script with the client, in a directory of its own.

    Attributes:
        script: module in `scripts/`.
        variables: more of its environment.
        user: whose token it is given as `TOKEN`; most take the client's own credentials.
        change: other settings of the gateway it talks to; None is the testbuild's own gateway.
    """

    script: str
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    change: Callable[[dict[str, Any]], None] | None = None


def execute(python: Path, live: Live, run: Run, directory: Path) -> Any:
    """What the script printed, read as JSON."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "FIRECREST_URL": live.url,
        "TOKEN_URL": live.testbuild.token_url,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": live.secrets["client_secret"],
        "MACHINE": SYSTEM,
        "TOKEN": live.token(run.user) if run.user else "",
        **run.variables,
    }
    # The repository comes last, for the scripts' sake: the client's own packages come first.
    start = (
        f"import runpy, sys; sys.path.append({str(ROOT)!r}); "
        f"runpy.run_module('tests.clients.scripts.{run.script}', run_name='__main__')"
    )
    done = subprocess.run(
        [str(python), "-I", "-c", start],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_HANGS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
