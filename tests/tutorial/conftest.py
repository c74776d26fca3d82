"""Clients of the tutorial, its prepared files, and a job that has time to be forgotten."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.installation import authority_of
from tests.support.live import Live
from tests.tutorial.clients import Client, Curl, Requests
from tests.tutorial.machine import Machine
from tests.tutorial.walk import HOME, USER

BIG_FILE_BYTES = 6 * 1024 * 1024
SLOW_USER = "test2"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """T27 waits until the controller has forgotten a job: everything else may run meanwhile."""
    items.sort(key=lambda item: "_T27_" in item.name)


@pytest.fixture(scope="session", autouse=True)
def early_job(live: Live) -> int:
    """Id of a job of the tutorial's user that ends soon after the session began."""
    file = {"file": ("early_input", b"early\n")}
    answer = live.post("/utilities/upload", user=USER, data={"targetPath": HOME}, files=file)
    assert answer.status_code == 201, answer.text
    script = (
        "#!/bin/bash\n#SBATCH --job-name=test\n#SBATCH --ntasks=1\n#SBATCH --time=10:00\n"
        f"sha1sum {HOME}/early_input\n"
    )
    task = live.submit(script, user=USER)
    assert task["status"] == "200", task
    return int(task["data"]["jobid"])


@pytest.fixture(scope="session")
def curl_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CURL_HOME of a curl that shows the head of every answer."""
    directory = tmp_path_factory.mktemp("curl")
    (directory / ".curlrc").write_text("include\nsilent\nshow-error\nmax-time = 60\n")
    return directory


@pytest.fixture(params=["curl", "requests"])
def client_of(
    request: pytest.FixtureRequest, live: Live, curl_settings: Path
) -> Callable[[str], Client]:
    """Makes a client from a token; every test that uses it runs with both forms."""

    def make(token: str) -> Client:
        if request.param == "curl":
            return Curl(live.url, token, curl_settings)
        return Requests(live.url, token)

    return make


@pytest.fixture
def client(client_of: Callable[[str], Client], live: Live) -> Client:
    """The tutorial's user, with curl and with requests."""
    return client_of(live.token(USER))


@pytest.fixture
def curl(live: Live, curl_settings: Path) -> Curl:
    """The tutorial's user with curl only."""
    return Curl(live.url, live.token(USER), curl_settings)


@pytest.fixture
def python(live: Live) -> Requests:
    """The tutorial's user with requests only."""
    return Requests(live.url, live.token(USER))


@pytest.fixture(scope="session")
def machine(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The cluster itself, over ssh and past the gateway."""
    keys = tmp_path_factory.mktemp("keys")
    authority = authority_of(live.testbuild, live.runtime.status(), keys)
    return Machine(live.testbuild, authority, keys)


@pytest.fixture
def input_file(tmp_path: Path) -> Path:
    """A small file with the tutorial's name, different in every test."""
    file = tmp_path / "input_file"
    file.write_bytes(os.urandom(2000))
    return file


@pytest.fixture
def big_file(tmp_path: Path) -> Path:
    """A file that is too big for the blocking call."""
    file = tmp_path / "big_input"
    file.write_bytes(os.urandom(BIG_FILE_BYTES))
    return file


@pytest.fixture
def slow_shell(live: Live, machine: Machine) -> Iterator[str]:
    """A user whose every remote command takes two seconds more: states that pass in
    milliseconds can be looked at. A shell that stayed from an earlier submission is ended."""
    home = f"/home/{SLOW_USER}"
    seed = live.get("/utilities/download", user=SLOW_USER, params={"sourcePath": f"{home}/.bashrc"})
    assert seed.status_code == 200, seed.text
    machine.run(SLOW_USER, "sh", "-c", "pkill -f '^sh$' || true")
    _write_bashrc(live, home, b"sleep 2\n")
    yield SLOW_USER
    _write_bashrc(live, home, seed.content)


def _write_bashrc(live: Live, home: str, content: bytes) -> None:
    file = {"file": (".bashrc", content)}
    answer = live.post("/utilities/upload", user=SLOW_USER, data={"targetPath": home}, files=file)
    assert answer.status_code == 201, answer.text
