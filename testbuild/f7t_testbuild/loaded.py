"""What the load test is told of a testbuild: settings as variables `F7T_LOAD_…`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from f7t_testbuild.credentials import client_of, user_of
from f7t_testbuild.model import SYSTEM, Testbuild
from f7t_testbuild.remembered import Choices

PREFIX = "F7T_LOAD_"
USERS = ("test1", "test2", "test4")
"""Who calls besides the client's service account."""


def load_environment(testbuild: Testbuild, choices: Choices) -> dict[str, str]:
    """Variables for one testbuild: its URL, its metrics, and every identity that is not denied.

    Raises:
        CredentialFailure: the testbuild has never been started.
    """
    return {
        f"{PREFIX}TARGET": testbuild.gateway_url,
        f"{PREFIX}SYSTEM": SYSTEM,
        f"{PREFIX}METRICS": " ".join(
            f"http://127.0.0.1:{port}/metrics" for port in _internal_ports(testbuild, choices)
        ),
        f"{PREFIX}IDENTITIES": json.dumps(list(_identities(testbuild, choices))),
    }


def _internal_ports(testbuild: Testbuild, choices: Choices) -> Sequence[int]:
    """Of each gateway: a balancer in front of several has only metrics of its own."""
    if choices.gateways == 1:
        return [testbuild.internal_port]
    return [testbuild.gateway_ports(one)[1] for one in range(1, choices.gateways + 1)]


def _identities(testbuild: Testbuild, choices: Choices) -> Iterator[dict[str, str]]:
    client = client_of(testbuild)
    own = {
        "token_url": testbuild.token_url,
        "client_id": client.client_id,
        "client_secret": client.secret,
    }
    yield own
    for name in USERS:
        if name not in choices.deny:
            yield {**own, "username": name, "password": user_of(name).password}
