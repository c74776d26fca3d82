"""HAProxy's configuration in front of several gateways, as a pure function of what it joins.

`python -m f7t_testbuild.balancer` prints the one of the containers, which is kept in
`firecrest/balancer/haproxy.cfg`. Keywords are those of HAProxy 2.6, Debian 12's.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from f7t.http import deprecation
from f7t.services.documentation import ERROR_HEADERS

_PLAIN_HEADERS = (
    *("Access-Control-Allow-Credentials", "Access-Control-Allow-Headers"),
    *("Access-Control-Allow-Methods", "Access-Control-Allow-Origin"),
    *("Access-Control-Expose-Headers", "Access-Control-Max-Age", "Accept-Ranges", "Allow"),
    *("Cache-Control", "Connection", "Content-Disposition", "Content-Encoding", "Content-Length"),
    *("Content-Range", "Content-Type", "Date", "ETag", "Keep-Alive", "Last-Modified", "Location"),
    *("Server", "Transfer-Encoding", "Vary", "WWW-Authenticate", "X-Request-Id"),
)
"""What answers carry beside the headers that FirecREST defines."""

_OWN_ANSWERS = {
    400: "The request cannot be understood",
    408: "The request did not come to its end in time",
    500: "The balancer failed",
    502: "The gateway broke off its answer",
    503: "No gateway is ready",
    504: "The gateway did not answer in time",
}
"""Instead of HAProxy's pages of HTML: JSON with a message, as every refusal before a service."""


@dataclass(frozen=True)
class Gateway:
    """One gateway, on any machine."""

    name: str
    host: str
    port: int
    internal_port: int


@dataclass(frozen=True)
class Balancing:
    """What HAProxy listens on and whom it asks.

    Attributes:
        public: what `bind` takes: `address:port`, or `fd@N` for an inherited socket.
        internal: address and port of its own health and metrics.
        control: path of the socket for HAProxy's run-time commands, of its own user only.
        names_move: the gateways' names may get another address while HAProxy runs.
    """

    public: str
    internal: str
    gateways: tuple[Gateway, ...]
    control: str
    names_move: bool = False


def header_names() -> tuple[str, ...]:
    """All names of headers in answers, in their capitalisation on the wire."""
    return tuple(sorted({*_PLAIN_HEADERS, *ERROR_HEADERS, *deprecation.HEADERS}))


def haproxy_configuration(balancing: Balancing) -> str:
    """The text of `haproxy.cfg`; it holds no secret."""
    cases = (f"h1-case-adjust {name.lower()} {name}" for name in header_names())
    answers = (
        f"http-error status {status} {_json({'message': text})}"
        for status, text in _OWN_ANSWERS.items()
    )
    servers = (_server(one, names_move=balancing.names_move) for one in balancing.gateways)
    filled = _TEMPLATE.format(
        control=balancing.control,
        cases=_lines(cases),
        resolvers=_RESOLVERS if balancing.names_move else "",
        answers=_lines(answers),
        public=balancing.public,
        servers=_lines(servers),
        internal=balancing.internal,
        log_format=_LOG_FORMAT,
        alive=_json({"status": "UP"}),
        absent=_json({"description": "No such page"}),
    )
    return filled.lstrip()


def _json(value: Mapping[str, str]) -> str:
    """The end of a directive that answers with these values."""
    return f"content-type application/json string '{json.dumps(value)}'"


def _lines(words: Iterable[str]) -> str:
    return textwrap.indent("\n".join(words), "    ").strip()


def _server(gateway: Gateway, *, names_move: bool) -> str:
    told = f"server {gateway.name} {gateway.host}:{gateway.port} check port {gateway.internal_port}"
    return f"{told} resolvers names resolve-prefer ipv4 init-addr libc,none" if names_move else told


_LOG_FORMAT = (
    '{"server":"%s","status":%ST,"milliseconds":%Ta,"method":"%HM","path":"%[var(txn.path)]",'
    '"request_id":"%[var(txn.request_id)]","retries":"%rc","end":"%ts"}'
)

_RESOLVERS = """
# A container that was made anew has another address.
resolvers names
    parse-resolv-conf
    hold valid 1s
"""

_TEMPLATE = """
# Generated (f7t_testbuild.balancer). One service on several gateways that share a Redis.
global
    log stdout format raw local0
    # The gateways are what works; the cores are theirs.
    nbthread 1
    # Larger than what a gateway takes of headers, so that the gateway judges them.
    tune.bufsize 32768
    # A stop lets running requests end (SIGUSR1), for so long.
    hard-stop-after 8s
    # For `set server gateways/NAME state drain|ready` and other commands at run time.
    stats socket {control} mode 600 level admin
    # HAProxy writes header names in small letters; clients of FirecREST look them up with case.
    {cases}
{resolvers}
defaults
    mode http
    log global
    # How long a connection may be silent, never how long a request may take: no buffering is asked
    # for, so bodies of any length flow through. A gateway is silent while the scheduler or a file
    # command works, and bounds that itself.
    timeout connect 2s
    timeout client 120s
    timeout server 120s
    timeout http-request 30s
    # Shorter than a gateway's own 30 s, so that no request meets a connection that is being closed.
    timeout http-keep-alive 25s
    timeout queue 10s
    # A busy gateway answers late; taken out, it would only leave its load to the others.
    timeout check 5s
    {answers}

frontend public
    bind {public}
    option h1-case-adjust-bogus-client
    # What a path holds is the contract's matter, and the gateway's.
    option accept-invalid-http-request
    # One id in both logs. The gateway takes one like this over and sends it back.
    acl sane_id req.hdr(X-Request-Id) -m reg ^[A-Za-z0-9._-]{{1,128}}$
    http-request set-header X-Request-Id %[uuid] unless sane_id
    http-request set-var(txn.request_id) req.hdr(X-Request-Id)
    http-request set-var(txn.path) path,json(utf8s)
    # The first who knows the client says so; what the client claims of itself is dropped.
    http-request del-header X-Forwarded-For
    option forwardfor
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    # No query and no token: the path alone, as in the gateway's log.
    log-format '{log_format}'
    default_backend gateways

backend gateways
    # By user: SSH connections are pooled per user, so a user whose calls all go to one gateway
    # costs the login node the connections of one. The token itself changes when it is renewed, so
    # the name in it counts. It only chooses a gateway, which verifies it. Without a token: in turn.
    balance hash http_auth_bearer,jwt_payload_query('$.preferred_username')
    # A gateway that comes or goes moves its own users only.
    hash-type consistent sdbm avalanche
    # A user who is busier than the others overflows to the next gateway: at most 1.5 times the mean
    # of running requests for each.
    hash-balance-factor 150
    # Alive, not ready: readiness asks Redis, which all share, so its loss would take away every
    # gateway with the calls that do without it. A gateway answers this once it has started.
    option httpchk GET /health/live
    http-check expect status 200
    # Who refuses a connection is out at once, and comes back with the next good check.
    default-server inter 1s fastinter 250ms downinter 250ms fall 2 rise 1
    default-server observe layer4 error-limit 1 on-error mark-down
    # A request that reached nobody goes to another gateway after a second. One that may have
    # reached somebody is sent again for GET only: a submission is never sent twice.
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response
    http-request disable-l7-retry unless METH_GET
    {servers}

# Never to be published: of the balancer itself, as the gateways have their own.
frontend internal
    bind {internal}
    no log
    monitor-uri /health/ready
    monitor fail if {{ nbsrv(gateways) lt 1 }}
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request return status 200 {alive} if {{ path /health/live }}
    http-request return status 404 {absent}
"""

IN_CONTAINERS = Balancing(
    public=":8000",
    internal=":8001",
    gateways=(
        Gateway("gateway", "firecrest", 8000, 8001),
        Gateway("gateway-2", "firecrest-2", 8000, 8001),
    ),
    control="/tmp/control.sock",
    names_move=True,
)
"""The profile `scale` of docker-compose.yml."""


if __name__ == "__main__":
    print(haproxy_configuration(IN_CONTAINERS), end="")
