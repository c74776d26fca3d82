"""The testbuild that the whole test run shares, brought up on free ports in a directory of its own.

`F7T_TEST_TESTBUILD=<name>[:<port base>]` uses a running one instead (for work on single tests).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from f7t_testbuild.model import Testbuild
from f7t_testbuild.native.runtime import NativeRuntime
from tests.support.live import Live, free_port_base


def pytest_configure() -> None:
    """Let commands under test be interrupted even when this run is a shell's background job.

    Such a job inherits SIGINT as ignored (POSIX, XCU 2.11) and would pass that on.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _live(testbuild: Testbuild) -> Live:
    secrets = json.loads(testbuild.secrets_file.read_text())
    return Live(testbuild, secrets, NativeRuntime(testbuild).status().way)


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """A proved testbuild; taken down, with everything it made, when the run ends."""
    given = os.environ.get("F7T_TEST_TESTBUILD")
    if given:
        name, _, base = given.partition(":")
        yield _live(Testbuild(name, int(base or 8000)))
        return
    # Unix sockets allow 108 bytes of path: pytest's own directories are too deep.
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    testbuild = Testbuild("test", free_port_base(), root)
    runtime = NativeRuntime(testbuild)
    try:
        runtime.up(print)
        yield _live(testbuild)
    finally:
        runtime.down(print, purge=True)
        shutil.rmtree(root, ignore_errors=True)
