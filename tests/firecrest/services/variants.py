"""A second gateway in front of the same cluster, with other settings."""

from __future__ import annotations

import copy
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.support.contract import contract
from tests.support.live import Live, until


@dataclass
class Variant(Live):
    """The same centre, seen through the other gateway."""

    base_url: str = ""

    @property
    def url(self) -> str:
        return self.base_url


# As it is before the first test: variants are also started beside tests that run, and pytest notes
# in the environment which one, so that a variable may be gone between its name and its value.
_ENVIRONMENT = dict(os.environ)


@contextmanager
def gateway_with(
    live: Live, directory: Path, change: Callable[[dict[str, Any]], None]
) -> Iterator[Variant]:
    """A gateway whose settings are those of the testbuild after `change`."""
    settings = yaml.safe_load((live.testbuild.directory / "gateway.yaml").read_text())
    settings = copy.deepcopy(settings) | {"public_url": "", "internal_port": 0}
    change(settings)
    file = directory / "gateway.yaml"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(settings))
    log = directory / "gateway.log"
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as output:
        port = listener.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "f7t", "--fd", str(listener.fileno())],
            env={**_ENVIRONMENT, "F7T_CONFIG": str(file)},
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=output,
        )
    release = contract().document["info"]["version"]
    variant = Variant(
        live.testbuild,
        live.secrets,
        live.way,
        live.runtime,
        live.choices,
        current=settings.get("firecrest_version", release) == release,
        base_url=f"http://127.0.0.1:{port}",
    )

    def answers() -> bool | None:
        assert process.poll() is None, log.read_text()
        try:
            return requests.get(f"{variant.url}/tasks", timeout=60).status_code == 401
        except requests.ConnectionError:
            return None

    try:
        until(answers, seconds=60, what="the other gateway")
        yield variant
    finally:
        process.terminate()
        process.wait(timeout=30)
