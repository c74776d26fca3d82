"""Who holds a port: seen on real processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest

from f7t_testbuild import model, ports
from f7t_testbuild.doctor import describe_taken, port_advice, ports_check

Listener = Callable[[str], tuple[int, int]]


DUAL_STACK = pytest.param(
    "::", marks=pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", DUAL_STACK])
def test_the_holder_of_a_taken_port_is_named(listener: Listener, address: str) -> None:
    pid, port = listener(address)

    holders = ports.taken({"gateway": port})

    assert holders["gateway"].pid == pid
    assert "python" in holders["gateway"].command
    assert f"pid {pid}" in describe_taken(holders)
    assert f"port {port} (gateway)" in describe_taken(holders)


def test_a_listener_on_another_loopback_address_does_not_count(listener: Listener) -> None:
    _, port = listener("127.0.0.9")

    assert ports.is_free(port)


def test_a_free_port_has_no_holder_and_stays_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    assert ports.taken({"gateway": port}) == {}
    assert ports.is_free(port)


def test_an_accepted_connection_is_not_taken_for_the_listener() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            accepted, _ = server.accept()
            with accepted:
                found = ports._listening({port})

                assert found == {str(os.fstat(server.fileno()).st_ino): port}


def test_closed_connections_do_not_make_a_port_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            # The accepting side closes first, so the port is left in TIME_WAIT.
            accepted, _ = server.accept()
            accepted.close()

    assert ports.is_free(port)


def test_a_process_we_cannot_see_is_told_as_such() -> None:
    holder = ports.Holder(80, None, "a process of another user or container")

    assert str(holder) == "a process of another user or container"


def test_the_advice_gives_ports_that_are_free_now(listener: Listener) -> None:
    _, port = listener("127.0.0.1")
    testbuild = model.Testbuild(name="second", port_base=port - 100)

    advice = port_advice(testbuild, testbuild.ports)

    base = int(advice.partition("--port-base ")[2].split()[0])
    assert base > port
    assert "--name second" in advice
    assert ports.taken(model.Testbuild(port_base=base).ports) == {}


def test_doctor_looks_at_the_ports_of_every_gateway(listener: Listener) -> None:
    pid, port = listener("127.0.0.1")
    testbuild = model.Testbuild(port_base=port - 4)

    one = ports_check(testbuild, running=False)
    two = ports_check(testbuild, running=False, gateways=2)

    assert "gateway-2" not in one.finding
    assert f"port {port} (gateway-2) is taken by pid {pid}" in two.finding
    assert two.mend


def test_no_base_is_offered_beyond_the_highest() -> None:
    assert ports.free_base(64000, [0], 64050) is None
