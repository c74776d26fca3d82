"""The official client in an environment of its own, and a way to run scripts with it.

A run that cannot make the environment fails: the client is part of the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.runtime import RuntimeName
from tests.clients.environment import EnvironmentNotMade, client_interpreter
from tests.clients.running import Run, execute
from tests.firecrest.services.variants import gateway_with
from tests.support.live import Live

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first question waits for whole scripts: longer than other tests may take."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def client_python() -> Path:
    """Interpreter of the environment that holds the official client, and nothing of ours."""
    try:
        return client_interpreter()
    except EnvironmentNotMade as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def run_script(live: Live, client_python: Path) -> Callable[[Run, Path], Any]:
    """Run one, in a directory, against the testbuild's gateway or one with other settings."""

    def run(wanted: Run, directory: Path) -> Any:
        work = directory / "client"
        work.mkdir()
        if wanted.change is None:
            return execute(client_python, live, wanted, work)
        with gateway_with(live, directory, wanted.change) as variant:
            return execute(client_python, variant, wanted, work)

    return run


@pytest.fixture(scope="session")
def node_names(live: Live) -> set[str]:
    """Nodes of the testbuild, as many as it was started with."""
    return {node.name for node in load_site(live.choices.nodes).nodes}


@pytest.fixture(scope="session")
def told(
    request: pytest.FixtureRequest,
    live: Live,
    run_script: Callable[[Run, Path], Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Any]]:
    """What a run printed, by its name in the `RUNS` of a test module.

    The runs of all selected modules are begun with the first question, four at a time: most of
    their time they wait. More would only compete for the processor.
    """
    native = live.choices.runtime == RuntimeName.NATIVE
    modules = dict.fromkeys(item.getparent(pytest.Module) for item in request.session.items)
    runs: dict[str, Run] = {}
    for module in modules:
        runs |= getattr(module.obj if module else None, "RUNS", {})
    possible = {name: run for name, run in runs.items() if native or run.change is None}

    def answer(name: str) -> Any:
        if name not in started:
            pytest.skip("a second gateway needs the files of a native testbuild")
        return started[name].result()

    with ThreadPoolExecutor(4) as pool:
        started = {
            name: pool.submit(run_script, run, tmp_path_factory.mktemp(name))
            for name, run in possible.items()
        }
        yield answer
