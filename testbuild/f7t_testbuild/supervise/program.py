"""Running a program to its end, under the one reaper of a supervisor."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from f7t_testbuild.supervise.process import Children

_LARGEST_OUTPUT = 1024 * 1024


@dataclass(frozen=True)
class Outcome:
    """Exit code (negative: the signal) and stdout with stderr of a finished program."""

    code: int
    output: str


async def run(
    children: Children, argv: Sequence[str], environment: Mapping[str, str], *, timeout: float
) -> Outcome:
    """Run a program; raises `TimeoutError` (it is killed then) or `SpawnFailure`."""
    with tempfile.TemporaryFile() as file:
        child = children.start(argv, environment, output=file.fileno())
        try:
            code = await asyncio.wait_for(asyncio.shield(child.exited), timeout)
        except BaseException:
            child.kill_group()
            raise
        output = os.pread(file.fileno(), _LARGEST_OUTPUT, 0)
    return Outcome(code, output.decode(errors="replace"))
