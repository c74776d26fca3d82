"""Every operation on a machine that cannot be found, refuses, denies the user or answers too late.

The bodies are held against the contract by whatever sends requests; here the headers are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.firecrest.services.sound import SOUND, USER, places_of, request_of
from tests.firecrest.services.variants import Variant, gateway_with
from tests.firecrest.services.wire import Answer, send
from tests.support.contract import contract
from tests.support.live import Live, free_port_base

DENIED_USER = "test4"
DENIED = "User does not have permissions to access machine"
ON_MACHINES = [
    name for name in SOUND if "X-Machine-Name" in places_of(name) and name != "storage_invalidate"
]
# What cannot be connected to is for the task to find out (compute.md, pre-checks of C9 and C10).
LEFT_TO_THE_TASK = {"compute_partitions", "compute_reservations"}


def _troubles(settings: dict[str, Any]) -> None:
    [system] = settings["systems"]
    settings["systems"] += [
        {**system, "name": "unresolved", "host": "no-such-host.invalid"},
        {**system, "name": "refusing", "port": free_port_base()},
        {**system, "name": "denying", "denied_users": [DENIED_USER]},
    ]


def _late(settings: dict[str, Any]) -> None:
    settings["utilities"] = {"timeout": 1e-6}
    settings["reservations"] = {"timeout": 1e-6}


@pytest.fixture(scope="module")
def troubled(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    with gateway_with(live, tmp_path_factory.mktemp("troubled"), _troubles) as variant:
        yield variant


@pytest.fixture(scope="module")
def late(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variant]:
    with gateway_with(live, tmp_path_factory.mktemp("late"), _late) as variant:
        yield variant


def _asked(variant: Variant, name: str, machine: str, user: str = USER) -> Answer:
    request = request_of(name).with_header("X-Machine-Name", machine)
    return send(variant, request, user=user)


def _service(name: str) -> str:
    return str(contract().operations[name].content["tags"][0])


@pytest.mark.parametrize("name", ON_MACHINES)
def test_a_name_that_nobody_knows(troubled: Variant, name: str) -> None:
    answer = _asked(troubled, name, "unresolved")
    assert answer.status == 400
    assert answer.errors == {"X-Machine-Not-Available": "Machine is not available"}


@pytest.mark.parametrize("name", ON_MACHINES)
def test_nobody_listens(troubled: Variant, name: str) -> None:
    answer = _asked(troubled, name, "refusing")
    if name in LEFT_TO_THE_TASK:
        assert answer.status == 200
        task = troubled.ended(answer.json()["task_id"], user=USER)
        assert (task["status"], "refused" in task["data"].lower()) == ("400", True)
        return
    assert answer.status == 400
    assert list(answer.errors) == (["X-Error"] if _service(name) == "utilities" else [])


@pytest.mark.parametrize("name", ON_MACHINES)
def test_who_may_not_log_in(troubled: Variant, name: str) -> None:
    """Contract §2.4: nothing runs on the machine, and no task is left (D23)."""
    before = _tasks(troubled)
    answer = _asked(troubled, name, "denying", DENIED_USER)
    service = _service(name)
    assert answer.status == (404 if service == "reservations" else 400)
    text = DENIED if service == "utilities" and name != "utilities_ls" else f"{DENIED} or path"
    assert answer.errors == {"X-Permission-Denied": DENIED if service == "utilities" else text}
    assert _tasks(troubled) == before


def _tasks(variant: Variant) -> set[str]:
    return set(variant.get("/tasks", user=DENIED_USER, machine=None).json()["tasks"])


@pytest.mark.parametrize(
    "name", [one for one in ON_MACHINES if _service(one) in {"utilities", "reservations"}]
)
def test_too_late(late: Variant, name: str) -> None:
    answer = _asked(late, name, "cluster")
    if name == "utilities_whoami":
        assert answer.status == 200, "this needs nothing of the machine but to be let in"
        return
    assert answer.status == 400
    assert answer.errors == {"X-Timeout": "Command has finished with timeout signal"}
    words = "Command has finished with timeout signal"
    assert words in answer.json().values() or _service(name) == "reservations"
