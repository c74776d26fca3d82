"""Several gateways as one service: clients of all and of one alone, and what is up."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import dataclass

import requests

from f7t_testbuild.model import PartState, PartStatus
from tests.support.live import Live, until


@dataclass
class Direct(Live):
    """The same centre past the balancer."""

    base_url: str = ""

    @property
    def url(self) -> str:
        return self.base_url


def past_the_balancer(live: Live, number: int) -> Direct:
    """A client of one gateway alone."""
    port, _ = live.testbuild.gateway_ports(number)
    values = (live.testbuild, live.secrets, live.way, live.runtime, live.choices)
    return Direct(*values, base_url=f"http://127.0.0.1:{port}")


def part(live: Live, name: str) -> PartStatus:
    return next(one for one in live.runtime.status().parts if one.name == name)


def is_ready_again(live: Live, name: str, before: int | None) -> bool:
    now = part(live, name)
    return now.state is PartState.READY and now.pid not in {None, before}


def ready_again(live: Live, name: str, before: int | None) -> None:
    """Wait for the successor of process `before`, also in the balancer's eyes."""
    until(lambda: is_ready_again(live, name, before) or None, what=f"{name} ready again")
    if name != "balancer":
        until(lambda: is_up(live, name) or None, what=f"{name} taken in by the balancer")


def is_up(live: Live, name: str) -> bool:
    """Whether the balancer gives requests to a gateway."""
    url = f"http://127.0.0.1:{live.testbuild.internal_port}/metrics"
    line = f'haproxy_server_status{{proxy="gateways",server="{name}",state="UP"}} 1'
    return line in requests.get(url, timeout=5).text.splitlines()


def raw(url: str, line: str, headers: str) -> tuple[bytes, list[bytes], bytes]:
    """Status line, header lines and body as they came."""
    host, _, port = url.removeprefix("http://").partition(":")
    with closing(socket.create_connection((host, int(port)), timeout=30)) as client:
        text = f"{line} HTTP/1.1\r\nHost: x\r\n{headers}\r\nConnection: close\r\n\r\n"
        client.sendall(text.encode())
        said = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    passing = (b"Date:", b"X-Request-Id:", b"Connection:")
    kept = [one for one in lines if not one.startswith(passing)]
    return status, kept, body
