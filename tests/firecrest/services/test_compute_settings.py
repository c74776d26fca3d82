"""`/compute` before machines that cannot be had, and with an operator's plug-in option."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.firecrest.services.jobs import cancel, queued, submit
from tests.firecrest.services.variants import Variant, gateway_with
from tests.support.live import Live, until

JOBS = "Failed to retrieve jobs information"
ACCOUNT = "Failed to retrieve account information"
DENIED_USER = "test2"
DENIED = "User does not have permissions to access machine or path"


@pytest.fixture(scope="module")
def closed_port() -> Iterator[int]:
    """A port that nobody listens at, and that nobody can take meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        number: int = bound.getsockname()[1]
        yield number


@pytest.fixture(scope="module")
def variant(
    live: Live, closed_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Variant]:
    """A gateway that also knows a name without address and a machine without sshd."""

    def change(settings: dict[str, Any]) -> None:
        [system] = settings["systems"]
        nameless = {**system, "name": "nameless", "host": "nowhere.invalid"}
        closed = {**system, "name": "closed", "host": "127.0.0.1", "port": closed_port}
        system["denied_users"] = [DENIED_USER]
        settings["systems"] += [nameless, closed]
        settings["compute"] = {**settings.get("compute", {}), "spank_plugin_option": "--hold"}

    with gateway_with(live, tmp_path_factory.mktemp("compute"), change) as other:
        yield other


SCRIPT = {"file": ("job.sh", b"#!/bin/sh\n")}
PATH = {"targetPath": "/srv/f7t/test_sbatch.sh"}
PRECHECKED: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/compute/jobs", {"files": SCRIPT}, JOBS),
    ("POST", "/compute/jobs/upload", {"files": SCRIPT}, JOBS),
    ("POST", "/compute/jobs/path", {"data": PATH}, JOBS),
    ("GET", "/compute/jobs", {}, JOBS),
    ("GET", "/compute/jobs/1", {}, JOBS),
    ("DELETE", "/compute/jobs/1", {}, JOBS),
    ("GET", "/compute/acct", {}, JOBS),
    ("GET", "/compute/nodes", {}, JOBS),
    ("GET", "/compute/nodes/cluster", {}, JOBS),
    ("GET", "/compute/partitions", {}, ACCOUNT),
    ("GET", "/compute/reservations", {}, ACCOUNT),
]
prechecked = pytest.mark.parametrize(
    ("method", "path", "arguments", "description"),
    PRECHECKED,
    ids=[f"{method} {path}" for method, path, _, _ in PRECHECKED],
)


@prechecked
def test_a_machine_without_address(
    variant: Variant, method: str, path: str, arguments: dict[str, Any], description: str
) -> None:
    answer = variant.call(method, path, machine="nameless", **arguments)
    assert (answer.status_code, answer.json()) == (400, {"description": description})
    assert answer.headers["X-Machine-Not-Available"] == "Machine is not available"


@prechecked
def test_a_user_who_may_not(
    variant: Variant, method: str, path: str, arguments: dict[str, Any], description: str
) -> None:
    """D23."""
    answer = variant.call(method, path, user=DENIED_USER, **arguments)
    assert (answer.status_code, answer.json()) == (400, {"description": description})
    assert answer.headers["X-Permission-Denied"] == DENIED


@prechecked
def test_a_machine_that_refuses_connections(
    variant: Variant, method: str, path: str, arguments: dict[str, Any], description: str
) -> None:
    """No header; partitions and reservations leave it to their task."""
    answer = variant.call(method, path, machine="closed", **arguments)
    if description == ACCOUNT:
        task = variant.settled(answer)
        assert (task["status"], task["data"]) == ("400", "Connection refused")
        return
    assert (answer.status_code, answer.json()) == (400, {"description": description})
    assert [name for name in answer.headers if name.startswith("X-")] == ["X-Request-Id"]


def test_the_plug_ins_option_is_part_of_every_submission(variant: Variant) -> None:
    """Any option will do to see it: this one holds the jobs."""
    uploaded = submit(variant, "#!/bin/sh\n")["jobid"]
    answer = variant.post("/compute/jobs/path", data=PATH)
    ids = [str(uploaded), str(variant.settled(answer)["data"]["jobid"])]
    try:
        for job_id in ids:
            [job] = variant.settled(variant.get(f"/compute/jobs/{job_id}"))["data"].values()
            assert (job["state"], job["nodelist"]) == ("PENDING", "(JobHeldUser)")
    finally:
        cancel(variant, ",".join(ids))
    until(lambda: True if not set(ids) & set(queued(variant)) else None, what="cancelled")
