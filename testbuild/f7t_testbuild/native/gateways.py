"""The gateway as parts: one on the public port, or several behind HAProxy."""

from __future__ import annotations

from collections.abc import Iterator

from f7t_testbuild import keys
from f7t_testbuild.cluster.versions import package_version
from f7t_testbuild.distribution import own_version, python_module
from f7t_testbuild.model import Testbuild
from f7t_testbuild.native.layout import Layout
from f7t_testbuild.native.outer import Listener
from f7t_testbuild.native.ways import SYSTEM_PATH
from f7t_testbuild.supervise.part import Check, CheckKind, Part

BALANCER = "balancer"
FIRST_DESCRIPTOR = "3"


def gateway_parts(
    testbuild: Testbuild, layout: Layout, workers: int, gateways: int
) -> Iterator[Part]:
    """The gateway, or several and the balancer; writes the balancer's configuration."""
    if gateways == 1:
        yield _only(testbuild, layout, workers)
        return
    for number in range(1, gateways + 1):
        yield _numbered(testbuild, layout, workers, number)
    yield _balancer(testbuild, layout, gateways)


def gateway_listeners(testbuild: Testbuild, gateways: int) -> list[Listener]:
    """Ports of these parts. The public one is held for its part, so that a restart refuses nobody.

    Those behind the balancer bind their own: it has to see that one is gone.
    """
    front = "gateway" if gateways == 1 else BALANCER
    internal = Listener("gateway-internal", testbuild.internal_port, front, hold=False)
    listeners = [Listener("gateway", testbuild.gateway_port, front), internal]
    for name, port in testbuild.ports_with(gateways).items():
        if name not in testbuild.ports:
            listeners.append(Listener(name, port, name.removesuffix("-internal"), hold=False))
    return listeners


def is_of_the_gateway(part: str) -> bool:
    """Whether a part comes with the selection `gateway` of outer parts."""
    return part in {"gateway", BALANCER} or part.startswith("gateway-")


def _only(testbuild: Testbuild, layout: Layout, workers: int) -> Part:
    return Part(
        name="gateway",
        what=f"FirecREST gateway ({workers} workers)",
        version=own_version(),
        address=f"127.0.0.1:{testbuild.gateway_port}",
        argv=(*python_module("f7t"), "--workers", str(workers), "--fd", FIRST_DESCRIPTOR),
        environment={"F7T_CONFIG": str(layout.gateway_config)},
        requires=("redis",),
        listeners=("gateway",),
        ready=Check(CheckKind.HTTP, f"http://127.0.0.1:{testbuild.internal_port}/health/ready"),
    )


def _numbered(testbuild: Testbuild, layout: Layout, workers: int, number: int) -> Part:
    """One of several: the same settings, but for what belongs to a single process tree."""
    name = f"gateway-{number}"
    port, internal = testbuild.gateway_ports(number)
    return Part(
        name=name,
        what=f"FirecREST gateway {number} ({workers} workers)",
        version=own_version(),
        address=f"127.0.0.1:{port}",
        argv=(*python_module("f7t"), "--workers", str(workers), "--port", str(port)),
        environment={
            "F7T_CONFIG": str(layout.gateway_config),
            "F7T_INTERNAL_PORT": str(internal),
            "F7T_METRICS_DIRECTORY": str(layout.run / f"metrics-{number}"),
        },
        requires=("redis",),
        ready=Check(CheckKind.HTTP, f"http://127.0.0.1:{internal}/health/ready"),
    )


def _balancer(testbuild: Testbuild, layout: Layout, gateways: int) -> Part:
    # Imported here: it asks the gateway's own modules, which a testbuild with one does not need.
    from f7t_testbuild.balancer import Balancing, Gateway, haproxy_configuration

    joined = tuple(
        Gateway(f"gateway-{number}", "127.0.0.1", *testbuild.gateway_ports(number))
        for number in range(1, gateways + 1)
    )
    balancing = Balancing(
        public=f"fd@{FIRST_DESCRIPTOR}",
        internal=f"127.0.0.1:{testbuild.internal_port}",
        gateways=joined,
        control=str(layout.balancer_control),
    )
    keys.write_private(layout.balancer_config, haproxy_configuration(balancing).encode())
    return Part(
        name=BALANCER,
        what=f"HAProxy in front of {gateways} gateways (real)",
        version=package_version("haproxy", SYSTEM_PATH),
        address=f"127.0.0.1:{testbuild.gateway_port}",
        # -W: a process above the one that works, for a change of configuration (SIGUSR2).
        argv=("haproxy", "-W", "-db", "-f", str(layout.balancer_config)),
        # It takes a gateway for ready until a check says otherwise.
        requires=tuple(one.name for one in joined),
        listeners=("gateway",),
        ready=Check(CheckKind.HTTP, f"http://127.0.0.1:{testbuild.internal_port}/health/ready"),
        stop_signal="USR1",
        clear=(str(layout.balancer_control),),
    )
