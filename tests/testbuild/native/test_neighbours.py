"""What the machine already runs is neither disturbed nor used, and no file of it is touched."""

from __future__ import annotations

import contextlib
import hashlib
import select
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from f7t_testbuild import model
from f7t_testbuild.native.runtime import NativeRuntime
from f7t_testbuild.native.ways import NoWay, WayName, choose_way
from tests.support.live import until
from tests.testbuild.native.clusters import free_port_base, state_root

STANDARD_PORTS = {
    "sshd": 22,
    "MariaDB": 3306,
    "Redis": 6379,
    "slurmctld": 6817,
    "slurmd": 6818,
    "slurmdbd": 6819,
}
HOST_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/hosts", "/etc/hostname")
HOST_DIRECTORIES = ("/etc/slurm", "/etc/munge", "/etc/mysql", "/etc/ssh", "/etc/redis", "/home")


@pytest.fixture
def neighbours() -> Iterator[dict[str, socket.socket]]:
    """A listener on every standard port that is free: a connection to it would be a mistake."""
    with contextlib.ExitStack() as stack:
        made = {}
        for name, port in STANDARD_PORTS.items():
            with contextlib.suppress(OSError):
                made[name] = stack.enter_context(socket.create_server(("127.0.0.1", port)))
        yield made


@pytest.fixture
def runtime() -> Iterator[NativeRuntime]:
    try:
        way = choose_way(None).name
    except NoWay as failure:
        pytest.skip(str(failure))
    if way is WayName.NSS_WRAPPER:
        pytest.skip("without namespaces the homes of the users are the host's /home by necessity")
    root = state_root()
    testbuild = model.Testbuild("n", free_port_base(), root / "state")
    made = NativeRuntime(testbuild, parts=frozenset({"redis", "cluster"}))
    yield made
    made.down(lambda _: None, purge=True)
    shutil.rmtree(root)


def _fingerprint() -> dict[str, str]:
    """Content of the files, and names with times in the directories, that are the host's own."""
    found = {}
    for name in HOST_FILES:
        with contextlib.suppress(OSError):
            found[name] = hashlib.sha256(Path(name).read_bytes()).hexdigest()
    for name in HOST_DIRECTORIES:
        for path in Path(name).rglob("*"):
            with contextlib.suppress(OSError):
                found[str(path)] = str(path.lstat().st_mtime_ns)
    return found


def _listening() -> set[str]:
    """Addresses of all TCP listeners of the host, as the kernel writes them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return {line.split()[1] for line in lines if line.split()[3] == "0A"}


def test_standard_services_are_left_alone(
    neighbours: dict[str, socket.socket], runtime: NativeRuntime
) -> None:
    assert neighbours, "no standard port was free to be watched"
    before, listening = _fingerprint(), _listening()

    runtime.up(lambda _: None)

    called = select.select(list(neighbours.values()), [], [], 0)[0]
    assert called == []
    assert _fingerprint() == before
    loopback = {address for address in _listening() - listening if address[:8] == "0100007F"}
    assert _listening() - listening == loopback


def test_a_redis_of_the_host_keeps_its_data(runtime: NativeRuntime, tmp_path: Path) -> None:
    """A server with the same program name is not taken for ours, in starting nor in stopping."""
    socket_path = tmp_path / "r.sock"
    argv = ["redis-server", "--port", "0", "--unixsocket", str(socket_path), "--save", ""]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL) as host:
        try:
            client = ["redis-cli", "-s", str(socket_path)]
            until(
                lambda: (
                    subprocess.run([*client, "ping"], capture_output=True).returncode == 0 or None
                )
            )
            subprocess.run([*client, "set", "kept", "yes"], check=True, capture_output=True)

            runtime.up(lambda _: None)
            runtime.reset(lambda _: None)
            runtime.down(lambda _: None, purge=True)

            kept = subprocess.run([*client, "get", "kept"], capture_output=True, text=True)
            assert kept.stdout.strip() == "yes"
            assert host.poll() is None
        finally:
            host.terminate()
