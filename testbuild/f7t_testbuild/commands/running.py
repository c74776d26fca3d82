"""A testbuild for as long as a command needs one: one that runs, or one started for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from f7t_testbuild.commands.common import open_runtime, select
from f7t_testbuild.commands.up import uninterrupted, up
from f7t_testbuild.progress import progress_on


@contextmanager
def running(name: str, state_root: Path | None, *options: str) -> Iterator[None]:
    """One runs meanwhile; if it had to be started, with `options`, it is stopped in the end."""
    before = select(name, state_root)
    if before.known and open_runtime(before).status().running:
        yield
        return
    where = ["--state-root", str(state_root)] if state_root else []
    up.main(["--name", name, *where, *options], prog_name="f7t up", standalone_mode=False)
    try:
        yield
    finally:
        with uninterrupted(), progress_on(sys.stderr) as progress:
            open_runtime(select(name, state_root)).down(progress)
