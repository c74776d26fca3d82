"""Real clusters, one per way, each for the tests of one module."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from f7t_testbuild.model import Testbuild
from f7t_testbuild.native.layout import NSS_ROOT
from f7t_testbuild.native.ways import NoWay, WayName, choose_way
from tests.testbuild.native.clusters import (
    Driven,
    docker_like,
    free_port_base,
    state_root,
    unprivileged,
)


def _possible(prefix: tuple[str, ...], way: str) -> str:
    """Why a way is not possible behind a prefix; empty if it is."""
    if not prefix:
        try:
            choose_way(way)
        except NoWay as failure:
            return str(failure)
        return ""
    done = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip()


def _prefix(way: str, home: Path) -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ()
    match way:
        case WayName.ROOTLESS:
            return unprivileged(home)
        case WayName.NSS_WRAPPER:
            return docker_like()
        case _:
            return ()


@pytest.fixture(scope="module", params=list(WayName), ids=str)
def cluster(request: pytest.FixtureRequest) -> Iterator[Driven]:
    """A started cluster with Redis and staging store; the way is the one that `up` chose itself."""
    way = WayName(request.param)
    root = state_root()
    try:
        prefix = _prefix(way, root)
        if way is WayName.NSS_WRAPPER and NSS_ROOT.exists():
            pytest.skip("another testbuild uses the nss-wrapper way on this machine")
        if reason := _possible(prefix, way):
            pytest.skip(reason)
        testbuild = Testbuild("t", free_port_base(), root / "state")
        driven = Driven(testbuild, way, prefix)
        try:
            driven.run("up")
            yield driven
        finally:
            driven.run("down", "--purge")
    finally:
        shutil.rmtree(root)
