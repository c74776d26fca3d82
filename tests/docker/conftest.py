"""Tests of the Docker runtime against real containers: `make test-docker`."""

from __future__ import annotations

import os
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from f7t_testbuild.docker import parts
from f7t_testbuild.docker.project import project_name
from f7t_testbuild.runtime import RuntimeName
from tests.support.installation import authority_of
from tests.support.live import Live
from tests.tutorial.machine import Machine

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a Docker testbuild there is nothing to test here."""
    if os.environ.get("F7T_TEST_RUNTIME") == RuntimeName.DOCKER:
        return
    reason = "needs a Docker engine and minutes of time: make test-docker"
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def machine(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The login node, over ssh and past the gateway."""
    keys = tmp_path_factory.mktemp("keys")
    return Machine(live.testbuild, authority_of(live.testbuild, live.runtime.status(), keys), keys)


class Containers:
    """The containers of the testbuild by the name of their part."""

    def __init__(self, project: str) -> None:
        self.client = docker.from_env()
        self.project = project

    def all(self) -> dict[str, Container]:
        label = f"{parts.PROJECT_LABEL}={self.project}"
        found = self.client.containers.list(all=True, filters={"label": label})
        return {parts.part_name(one): one for one in found}

    def run(self, name: str, *argv: str, user: str = "") -> str:
        """Output of a program in a container; its exit code must be 0."""
        done = self.all()[name].exec_run(list(argv), user=user)
        assert isinstance(done.output, bytes)
        text = done.output.decode(errors="replace")
        assert done.exit_code == 0, (name, argv, text)
        return text


@pytest.fixture(scope="session")
def containers(live: Live) -> Containers:
    return Containers(project_name(live.testbuild))
