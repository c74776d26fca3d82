"""The pytest plugin `f7t`, for projects whose tests need a FirecREST.

    def test_systems(firecrest_url, firecrest_token):
        headers = {"Authorization": f"Bearer {firecrest_token('test1')}"}
        assert requests.get(f"{firecrest_url}/status/systems", headers=headers).ok

A testbuild is started when the first test asks for it and removed when the run ends, also of a run
over several processes (pytest-xdist), which share one. `--f7t-testbuild NAME` uses one that runs.
Loading the plugin loads nothing of the testbuild.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from f7t_testbuild.lent import Lent

_FOLDER = pytest.StashKey[Path]()
_WORKER_INPUT = "f7t_testbuild_folder"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("f7t", "FirecREST testbuild")
    group.addoption(
        "--f7t-testbuild",
        metavar="NAME",
        default=os.environ.get("F7T_TESTBUILD"),
        help="use this running testbuild, e.g. default [default: $F7T_TESTBUILD, else start one]",
    )
    group.addoption(
        "--f7t-runtime",
        choices=["auto", "native", "docker"],
        help="how to start one [default: $F7T_RUNTIME, else docker if an engine answers]",
    )
    group.addoption(
        "--f7t-install",
        action="store_true",
        help="install missing system packages (as root) instead of naming them",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401
    """Tell each process of a parallel run where to look for the one testbuild."""
    node.workerinput[_WORKER_INPUT] = str(_folder(node.config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the testbuild that this run started; only the controlling process does."""
    folder = config.stash.get(_FOLDER, None)
    if folder is not None and not hasattr(config, "workerinput"):
        from f7t_testbuild.lent import take_back

        take_back(folder)


def _folder(config: pytest.Config) -> Path:
    """Where this run's own testbuild lives; made when it is first asked for."""
    if _FOLDER not in config.stash:
        given = getattr(config, "workerinput", {}).get(_WORKER_INPUT)
        if given is None:
            from f7t_testbuild.lent import new_folder

            given = new_folder()
        config.stash[_FOLDER] = Path(given)
    return config.stash[_FOLDER]


@pytest.fixture(scope="session")
def firecrest_testbuild(request: pytest.FixtureRequest) -> Lent:
    """A testbuild that works: addresses, client, users, tokens (see `f7t_testbuild.lent.Lent`)."""
    from f7t_testbuild import lent

    config = request.config
    name = config.getoption("--f7t-testbuild")
    try:
        if name:
            return lent.running(name)
        return lent.started(
            _folder(config),
            runtime=config.getoption("--f7t-runtime"),
            install=config.getoption("--f7t-install"),
        )
    except lent.NoTestbuild as error:
        pytest.fail(f"no FirecREST testbuild: {error}", pytrace=False)


@pytest.fixture(scope="session")
def firecrest_url(firecrest_testbuild: Lent) -> str:
    """The gateway's base URL, without a slash at the end."""
    return firecrest_testbuild.url


@pytest.fixture(scope="session")
def firecrest_system(firecrest_testbuild: Lent) -> str:
    """The system's name, for `X-Machine-Name`."""
    return firecrest_testbuild.system


@pytest.fixture(scope="session")
def firecrest_token(firecrest_testbuild: Lent) -> Callable[..., str]:
    """`firecrest_token("test1")`: a valid access token; without a name the service account's."""
    return firecrest_testbuild.token
