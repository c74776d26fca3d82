"""The testbuild that the whole test run shares, brought up on free ports in a directory of its own.

`F7T_TEST_TESTBUILD=<name>` uses a running one instead (for work on single tests).
`F7T_TEST_RUNTIME`, `F7T_TEST_SLURM`, `F7T_TEST_IDENTITY` and `F7T_TEST_STORE` say what kind of
testbuild it is: native with embedded servers unless told otherwise (see `make test-docker`).
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

from f7t_testbuild.commands.common import Selection, open_runtime, select
from f7t_testbuild.images import record
from f7t_testbuild.images.catalogue import FALLBACK_RELEASE
from f7t_testbuild.model import Identity, Store, Testbuild, default_state_root
from f7t_testbuild.remembered import Choices, remember
from f7t_testbuild.runtime import Runtime, RuntimeName
from tests.support import side_by_side
from tests.support.live import Live, free_port_base


def _look_back(failed: frozenset[tuple[str, int, str]], modules: frozenset[str]) -> str:
    # Imported late: modules with tests must be rewritten by pytest before anybody imports them.
    from tests.support.whole_run import look_back

    return look_back(failed, modules)


def pytest_configure(config: pytest.Config) -> None:
    """Let commands under test be interrupted even when this run is a shell's background job.

    Such a job inherits SIGINT as ignored (POSIX, XCU 2.11) and would pass that on.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Commands under test choose as on a machine without an engine, unless they are told otherwise.
    os.environ["F7T_RUNTIME"] = os.environ.get("F7T_TEST_RUNTIME", RuntimeName.NATIVE.value)
    side_by_side.register(config, _look_back)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes is asked for."""
    if os.environ.get("F7T_TEST_LONG") != "1":
        skip = pytest.mark.skip(reason="takes a minute or so: make test-long")
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(skip)


def _live(selection: Selection, runtime: Runtime) -> Live:
    secrets = json.loads(selection.testbuild.secrets_file.read_text())
    status = runtime.status()
    return Live(selection.testbuild, secrets, status.way, runtime, selection.choices)


def _chosen() -> Choices:
    """The kind of testbuild that the environment asks for; containers run what images were made."""
    runtime = os.environ.get("F7T_TEST_RUNTIME", RuntimeName.NATIVE.value)
    made = record.load(default_state_root()) if runtime == RuntimeName.DOCKER else None
    slurm = None
    if runtime == RuntimeName.DOCKER:
        slurm = (made and made.default_release) or FALLBACK_RELEASE
    return Choices(
        port_base=free_port_base(),
        runtime=runtime,
        slurm=os.environ.get("F7T_TEST_SLURM", slurm),
        identity=os.environ.get("F7T_TEST_IDENTITY", made.identity if made else Identity.EMBEDDED),
        store=os.environ.get("F7T_TEST_STORE", made.store if made else Store.EMBEDDED),
    )


@pytest.fixture(scope="session")
def live() -> Iterator[Live]:
    """A proved testbuild; taken down, with everything it made, when the run ends."""
    given = os.environ.get("F7T_TEST_TESTBUILD")
    if given:
        selection = select(given, None)
        yield _live(selection, open_runtime(selection))
        return
    # Unix sockets allow 108 bytes of path: pytest's own directories are too deep.
    root = Path(tempfile.mkdtemp(prefix="f7t-"))
    choices = _chosen()
    selection = Selection(Testbuild("test", choices.port_base, root), choices, known=False)
    runtime = open_runtime(selection)
    try:
        # As `f7t up` does: other commands find out by its name what the testbuild is.
        remember(selection.testbuild, choices)
        runtime.up(print)
        yield _live(selection, runtime)
    finally:
        runtime.down(print, purge=True)
        shutil.rmtree(root, ignore_errors=True)
