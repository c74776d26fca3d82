"""A running testbuild as its users see it: URLs, tokens, calls, tasks."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests

from f7t_testbuild.model import CLIENT_ID, SYSTEM, Testbuild
from f7t_testbuild.remembered import Choices
from f7t_testbuild.runtime import Runtime
from tests.support.contract import Seen, keep
from tests.support.side_by_side import ports_of_this_process

T = TypeVar("T")
PASSWORDS = {"test1": "test11", "test2": "test22", "test4": "test44"}
SETTLED = frozenset({"114", "117", "118", "200", "302", "400"})
SERVICE_ACCOUNT = f"service-account-{CLIENT_ID}"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port_base() -> int:
    """A port base all of whose ports are free now."""
    for base in ports_of_this_process():
        if all(map(_is_free, Testbuild(port_base=base).ports.values())):
            return base
    raise RuntimeError(f"no free block of ports in {ports_of_this_process()}")


def until(probe: Callable[[], T | None], *, seconds: float = 30, what: str = "condition") -> T:
    """Ask `probe` until it answers something other than None, at most `seconds` long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = probe()
        if answer is not None:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


@dataclass
class Live:
    """A client's view of one testbuild.

    Attributes:
        current: it behaves as the release that the contract describes, so answers are judged.
    """

    testbuild: Testbuild
    secrets: dict[str, str]
    way: str
    runtime: Runtime
    choices: Choices
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    current: bool = True

    @property
    def url(self) -> str:
        return self.testbuild.gateway_url

    def grant(self, **form: str) -> dict[str, Any]:
        """Answer of the token endpoint to this form."""
        response = requests.post(self.testbuild.token_url, data=form, timeout=10)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def token(self, user: str = "test1") -> str:
        """An access token of `user`, or of the client's service account."""
        token, expires = self._tokens.get(user, ("", 0.0))
        if expires > time.monotonic():
            return token
        client = {"client_id": CLIENT_ID, "client_secret": self.secrets["client_secret"]}
        if user == SERVICE_ACCOUNT:
            answer = self.grant(grant_type="client_credentials", **client)
        else:
            answer = self.grant(
                grant_type="password", username=user, password=PASSWORDS[user], **client
            )
        self._tokens[user] = (answer["access_token"], time.monotonic() + answer["expires_in"] / 2)
        return str(answer["access_token"])

    def call(
        self,
        method: str,
        path: str,
        *,
        user: str = "test1",
        machine: str | None = SYSTEM,
        headers: dict[str, str] | None = None,
        **arguments: Any,
    ) -> requests.Response:
        """One request with token and, unless None, machine header.

        The answer keeps the contract, whatever was asked, unless an older release is imitated.
        """
        sent = {"Authorization": f"Bearer {self.token(user)}", **(headers or {})}
        if machine is not None:
            sent["X-Machine-Name"] = machine
        url = f"{self.url}{path}"
        answer = requests.request(method, url, headers=sent, timeout=60, **arguments)
        if self.current:
            received = tuple(answer.headers.items())
            keep(method, path, Seen(answer.status_code, received, answer.content))
        return answer

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return self.call("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> requests.Response:
        return self.call("POST", path, **arguments)

    def delete(self, path: str, **arguments: Any) -> requests.Response:
        return self.call("DELETE", path, **arguments)

    def task(self, task_id: str, *, user: str = "test1") -> dict[str, Any]:
        """The task as `/tasks/{id}` shows it now."""
        response = self.get(f"/tasks/{task_id}", user=user, machine=None)
        assert response.status_code == 200, response.text
        task: dict[str, Any] = response.json()["task"]
        return task

    def settled(
        self,
        answer: requests.Response,
        *,
        user: str = "test1",
        states: frozenset[str] = SETTLED,
        seconds: float = 60,
    ) -> dict[str, Any]:
        """The task that `answer` announced, once it is in one of `states`."""
        assert answer.status_code in {200, 201}, answer.text
        return self.ended(answer.json()["task_id"], user=user, states=states, seconds=seconds)

    def ended(
        self,
        task_id: str,
        *,
        user: str = "test1",
        states: frozenset[str] = SETTLED,
        seconds: float = 60,
    ) -> dict[str, Any]:
        """The task once it is in one of `states`."""

        def probe() -> dict[str, Any] | None:
            task = self.task(task_id, user=user)
            return task if task["status"] in states else None

        return until(probe, seconds=seconds, what=f"task {task_id} in {sorted(states)}")

    def submit(
        self, script: str | bytes, *, user: str = "test1", name: str = "script.sh"
    ) -> dict[str, Any]:
        """Submit a job script; the settled task."""
        answer = self.post("/compute/jobs", user=user, files={"file": (name, script)})
        return self.settled(answer, user=user)

    def accounted(
        self, job_id: int | str, *, user: str = "test1", seconds: float = 60
    ) -> dict[str, Any]:
        """The accounting record of a job once it has ended and is complete.

        The controller hands new jobs to the database in passes: for some seconds the record of a
        finished job may lack its partition and name.
        """

        def probe() -> dict[str, Any] | None:
            answer = self.get("/compute/acct", user=user, params={"jobs": str(job_id)})
            data = self.settled(answer, user=user)["data"]
            rows = [row for row in data or [] if row["jobid"] == str(job_id)]
            over = rows and rows[0]["state"].split()[0] in {
                "COMPLETED",
                "FAILED",
                "CANCELLED",
                "TIMEOUT",
            }
            return rows[0] if over and rows[0]["partition"] else None

        return until(probe, seconds=seconds, what=f"job {job_id} accounted")

    def accounted_names(self, *, user: str = "test1") -> dict[str, str]:
        """Names of all of the user's jobs of today, by id.

        The controller hands new jobs to accounting in a pass every 5 s. Until then a job that has
        ended has no owner there and is missing. The pass takes all new jobs, so that what was
        submitted before one that is there is there too.
        """
        last = str(self.submit("#!/bin/sh\ntrue\n", user=user)["data"]["jobid"])

        def probe() -> dict[str, str] | None:
            rows = self.settled(self.get("/compute/acct", user=user), user=user)["data"]
            names = {row["jobid"]: row["name"] for row in rows}
            return names if last in names else None

        return until(probe, seconds=60, what=f"job {last} in accounting")

    def log(self, part: str) -> str:
        """What a part logged so far."""
        return "\n".join(self.runtime.logs()[part].tail(1_000_000))
