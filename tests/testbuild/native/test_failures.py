"""What the runtime says, and leaves, when a start does not succeed."""

from __future__ import annotations

import fcntl
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from f7t_testbuild import model
from f7t_testbuild.native import remains
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.native.ways import NoWay, WayName, choose_way
from f7t_testbuild.runtime import RuntimeFailure
from tests.support.live import until
from tests.testbuild.native.clusters import Driven, free_port_base, state_root

PARTS = frozenset({"redis", "cluster"})


@pytest.fixture(scope="module")
def way() -> str:
    """A way with private namespaces; the directories of the nss-wrapper way may be in use."""
    for name in (WayName.NAMESPACES, WayName.ROOTLESS):
        try:
            return choose_way(name).name.value
        except NoWay as failure:
            reason = str(failure)
    pytest.skip(reason)


@pytest.fixture
def testbuild() -> Iterator[model.Testbuild]:
    root = state_root()
    chosen = model.Testbuild("f", free_port_base(), root / "state")
    yield chosen
    NativeRuntime(chosen).down(lambda _: None, purge=True)
    shutil.rmtree(root)


def _fails(runtime: NativeRuntime) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        runtime.up(lambda _: None)
    return caught.value


def _left(testbuild: model.Testbuild) -> list[str]:
    """Processes and run-time files of a testbuild that is not up."""
    run = Layout(testbuild.directory, WayName.NAMESPACES).run
    files = [path.name for path in run.iterdir()] if run.exists() else []
    return [*map(str, remains.marked_processes(testbuild.directory)), *files]


def test_a_taken_port(testbuild: model.Testbuild, way: str) -> None:
    with socket.create_server(("127.0.0.1", testbuild.ssh_port)):
        failure = _fails(NativeRuntime(testbuild, way=way, parts=PARTS))

    assert failure.part == "cluster"
    assert f"port {testbuild.ssh_port} of 127.0.0.1 (ssh): Address already in use" in str(failure)
    assert "--port-base" in failure.hint
    assert _left(testbuild) == []


def test_a_daemon_that_refuses(testbuild: model.Testbuild, way: str) -> None:
    """The culprit is the daemon inside, and its own words are shown."""
    layout = Layout(testbuild.directory, WayName(way))
    layout.munge_key.parent.mkdir(parents=True)
    layout.munge_key.write_bytes(b"short")
    failure = _fails(NativeRuntime(testbuild, way=way, parts=PARTS))

    assert failure.part == "munged"
    assert str(failure) == "munged: exited with code 1"
    assert any("Keyfile must be at least" in line for line in failure.log_tail)
    assert "f7t logs munged --name" in failure.hint
    assert _left(testbuild) == []


def test_a_path_that_is_too_long(testbuild: model.Testbuild, way: str) -> None:
    deep = model.Testbuild("n" * 90, testbuild.port_base, testbuild.state_root)
    failure = _fails(NativeRuntime(deep, way=way, parts=PARTS))

    assert "107 are possible" in str(failure)
    assert _left(deep) == []


def test_an_unknown_way(testbuild: model.Testbuild) -> None:
    failure = _fails(NativeRuntime(testbuild, way="magic"))

    assert "choose one of namespaces, rootless, nss-wrapper" in str(failure)


def test_two_commands_at_once(testbuild: model.Testbuild) -> None:
    testbuild.state_root.mkdir(parents=True, exist_ok=True)
    with (testbuild.state_root / "f.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        failure = _fails(NativeRuntime(testbuild))

    assert "another command is at work on the testbuild f" in str(failure)


def test_what_needs_a_running_testbuild(testbuild: model.Testbuild) -> None:
    runtime = NativeRuntime(testbuild)

    assert runtime.status() == model.RuntimeStatus("f", "namespaces", False, ())
    assert runtime.logs() == {}
    assert runtime.down(lambda _: None) is False
    with pytest.raises(RuntimeFailure, match="not up"):
        runtime.reset(lambda _: None)
    with pytest.raises(RuntimeFailure, match="cannot restart redis"):
        runtime.restart("redis")


def test_an_unknown_part(testbuild: model.Testbuild, way: str) -> None:
    runtime = NativeRuntime(testbuild, way=way, parts=frozenset({"redis"}))
    assert runtime.up(lambda _: None) is True

    assert [part.name for part in runtime.status().parts] == ["redis"]
    with pytest.raises(RuntimeFailure, match="cannot restart nobody"):
        runtime.restart("nobody")


@pytest.mark.parametrize("seen", ["redis starting", "cluster: mariadbd ready"])
def test_an_interrupted_start_leaves_nothing(
    testbuild: model.Testbuild, way: str, seen: str
) -> None:
    driven = Driven(testbuild, way, parts=PARTS)
    process = subprocess.Popen(
        driven.command("up"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if seen in line:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0

    assert _left(testbuild) == []


def test_a_killed_up_leaves_nothing(testbuild: model.Testbuild, way: str) -> None:
    """The supervisor notices that nobody waits for it any more."""
    process = subprocess.Popen(
        Driven(testbuild, way, parts=PARTS).command("up"), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            if "cluster starting" in line:
                break
        process.kill()
        process.wait()
    until(lambda: True if not remains.marked_processes(testbuild.directory) else None)


def test_side_by_side(testbuild: model.Testbuild, way: str, tmp_path: Path) -> None:
    """Two names, two port bases, one state root: neither knows of the other."""
    other = model.Testbuild("g", free_port_base(), testbuild.state_root)
    runtimes = [NativeRuntime(chosen, way=way, parts=PARTS) for chosen in (testbuild, other)]
    try:
        for runtime in runtimes:
            assert runtime.up(lambda _: None) is True
        assert runtimes[0].down(lambda _: None) is True
        assert {part.state for part in runtimes[1].status().parts} == {"ready"}
    finally:
        runtimes[1].down(lambda _: None, purge=True)
    assert _left(testbuild) == []
    until(lambda: True if not remains.marked_processes(other.directory) else None)
