"""The pytest plugin as a client uses it: a tiny project, pytest in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from f7t_testbuild.native.ways import WayName, choose_way
from tests.support.live import Live

pytestmark = [pytest.mark.timeout(240), pytest.mark.long]

ONE_LINE = """
def test_systems(firecrest_url, firecrest_token, firecrest_system): assert firecrest_system
"""
CALLS = """
import json
import urllib.request

import pytest


def whoami(url, token, system):
    headers = {"Authorization": f"Bearer {token}", "X-Machine-Name": system}
    request = urllib.request.Request(url + "/utilities/whoami", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["output"]


@pytest.mark.parametrize("user", ["test1", "test2", None])
def test_users(firecrest_url, firecrest_token, firecrest_system, user):
    name = user or "service-account-firecrest-sample"
    assert whoami(firecrest_url, firecrest_token(user), firecrest_system) == name


def test_the_rest(firecrest_testbuild, firecrest_url):
    assert firecrest_testbuild.users["test1"] == "test11"
    assert firecrest_testbuild.environment["FIRECREST_URL"] == firecrest_url
    assert firecrest_testbuild.client_secret not in repr(firecrest_testbuild)
    with open("urls", "a") as file:
        file.write(firecrest_url + "\\n")


def test_an_unknown_user_is_told(firecrest_token):
    with pytest.raises(Exception, match="no user 'nobody'"):
        firecrest_token("nobody")
"""
QUIET = """
import sys


def test_nothing_heavy_was_loaded():
    heavy = {"f7t_testbuild.native", "f7t_testbuild.lent", "asyncssh", "docker", "fastapi"}
    assert not heavy & set(sys.modules)
"""


@pytest.fixture
def temporary() -> Iterator[Path]:
    """Where the plugin makes its folders; its path is short, as sockets need it."""
    path = Path(tempfile.mkdtemp(prefix="f-"))
    yield path
    shutil.rmtree(path)


def client(
    project: Path, text: str, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a project that has nothing but one file of tests."""
    (project / "test_client.py").write_text(text)
    own = {"F7T_RUNTIME", "F7T_TESTBUILD", "PYTEST_ADDOPTS"}
    kept = {name: value for name, value in os.environ.items() if name not in own}
    kept = {name: value for name, value in kept.items() if not name.startswith("PYTEST_XDIST")}
    # Plugins that are here for other tests: the first warns where it is not configured, the others
    # take seconds to load.
    others = [f"-pno:{name}" for name in ("asyncio", "schemathesis", "hypothesispytest")]
    options = ("-W", "error", *others, "--rootdir=.", *arguments)
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *options],
        cwd=project,
        env={**kept, **variables},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_running_testbuild_is_used_and_left_running(live: Live, tmp_path: Path) -> None:
    root = str(live.testbuild.state_root)
    name = live.testbuild.name
    done = client(tmp_path, CALLS, "--f7t-testbuild", name, F7T_STATE_ROOT=root)
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
    assert (tmp_path / "urls").read_text() == f"{live.url}\n"
    assert live.get("/status/systems").ok


def test_a_parallel_run_starts_one_and_removes_it(tmp_path: Path, temporary: Path) -> None:
    if choose_way().name is WayName.NSS_WRAPPER:
        pytest.skip("only one testbuild at a time is possible without namespaces")
    twice = CALLS.replace("def test_the_rest(", "@pytest.mark.parametrize('n', [1, 2, 3, 4])\n"
                          "def test_the_rest(n, ")  # fmt: skip
    options = ("-n", "2", "--dist", "load", "--f7t-runtime", "native")
    done = client(tmp_path, twice, *options, TMPDIR=str(temporary))
    assert done.returncode == 0, done.stdout
    assert "8 passed" in done.stdout
    assert len(set((tmp_path / "urls").read_text().splitlines())) == 1
    assert list(temporary.glob("f7t-*")) == []
    assert not _processes_of(temporary)


def _processes_of(folder: Path) -> list[str]:
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if str(folder) in line]


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--f7t-testbuild", "nowhere"), "'nowhere' was never started"),
        (("--f7t-testbuild", "../x"), "'../x' was never started"),
        (("--f7t-runtime", "docker"), "no Docker engine"),
    ],
)
def test_a_machine_that_cannot_is_told_readably(
    tmp_path: Path, temporary: Path, option: tuple[str, ...], told: str
) -> None:
    where = {"TMPDIR": str(temporary), "DOCKER_HOST": f"unix://{temporary}/none"}
    done = client(tmp_path, ONE_LINE, *option, F7T_STATE_ROOT=str(temporary), **where)
    assert done.returncode == 1
    assert "no FirecREST testbuild: " in done.stdout
    assert told in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert list(temporary.glob("f7t-*")) == []


def test_who_does_not_use_it_pays_nothing(tmp_path: Path, temporary: Path) -> None:
    done = client(tmp_path, QUIET, TMPDIR=str(temporary))
    assert done.returncode == 0, done.stdout
    assert list(temporary.glob("f7t-*")) == []
