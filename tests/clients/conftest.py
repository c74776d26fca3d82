"""The official client in an environment of its own, and a way to run scripts with it.

The environment is made once per pinned set of packages and kept in `.f7t/clients/` of the
repository. A run that cannot make it fails: the client is part of the proof.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from f7t_testbuild.cluster.site import load_site
from f7t_testbuild.runtime import RuntimeName
from tests.clients.running import ROOT, Run, execute
from tests.firecrest.services.variants import gateway_with
from tests.support.live import Live

HERE = Path(__file__).parent
REQUIREMENTS = HERE / "requirements.txt"
MARKER = "f7t-complete"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first question waits for whole scripts: longer than other tests may take."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(600))


def _directory() -> Path:
    """Where the environment of these requirements and this interpreter belongs."""
    text = REQUIREMENTS.read_bytes() + sys.version.encode() + str(ROOT).encode()
    return ROOT / ".f7t" / "clients" / hashlib.sha256(text).hexdigest()[:16]


def _installers(directory: Path) -> list[Sequence[str]]:
    """Commands that install the requirements, best first. Each leaves the person's settings be."""
    python = str(directory / "bin" / "python")
    wanted = ("--require-hashes", "-r", str(REQUIREMENTS))
    commands: list[Sequence[str]] = [(python, "-m", "pip", "install", "--quiet", *wanted)]
    uv = Path(sys.executable).parent / "uv"
    if uv.exists():
        commands.insert(0, (str(uv), "pip", "install", "--quiet", "--python", python, *wanted))
    return commands


def _build(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True, timeout=120)
    said = []
    for command in _installers(directory):
        tried = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        if tried.returncode == 0:
            (directory / MARKER).touch()
            return
        said.append(f"{' '.join(command)}\n{tried.stdout}{tried.stderr}")
    pytest.fail("the client's environment could not be made:\n" + "\n".join(said), pytrace=False)


@pytest.fixture(scope="session")
def client_python() -> Path:
    """Interpreter of the environment that holds the official client, and nothing of ours."""
    directory = _directory()
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / MARKER).exists():
            _build(directory)
    return directory / "bin" / "python"


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
