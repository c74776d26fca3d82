"""What all visitors of one run share: plan, recorder, turns, budget, and what has to be removed."""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from gevent.event import Event
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import RescheduleTask

from f7t_loadtest.callers import Tokens
from f7t_loadtest.calls import Calls
from f7t_loadtest.plan import Plan
from f7t_loadtest.recorder import Recorder
from f7t_loadtest.settings import Settings
from f7t_loadtest.turns import Turns

Reason = Literal["interrupted", "budget"]
Kind = Literal["job", "directory", "submission", "transfer"]


@cache
def tls() -> ssl.SSLContext:
    """Checks certificates; one for all, because making one reads every authority there is."""
    return ssl.create_default_context()


class Broken(Exception):
    """Nothing can be measured; the message says why, without secrets."""


class OutOfBudget(RescheduleTask):
    """Jobs or bytes are used up; the run ends."""


@dataclass
class Place:
    """One caller and what is prepared for it.

    Attributes:
        user: its name on the system, as far as it is known.
        root: its directory of this run; empty while there is none.
        jobs: ids of its held jobs.
        tasks: ids of settled tasks to look at.
        owned: what it made and nobody has removed yet.
        submits: whether a job may have been submitted, of which nobody knows yet.
        calls: how many cold calls were made as it.
    """

    tokens: Tokens
    user: str = ""
    root: str = ""
    jobs: list[str] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    owned: set[tuple[Kind, str]] = field(default_factory=set)
    submits: bool = False
    calls: int = 0


@dataclass
class Work:
    """One run in the process that makes the load.

    Attributes:
        name: begins the name of everything that is made.
        system: the machine that is used.
        stop: set when the run has to end.
        stopped: why, if it was not its time.
    """

    plan: Plan
    settings: Settings
    target: str
    system: str
    places: list[Place]
    environment: Environment
    recorder: Recorder
    turns: Turns
    name: str = field(default_factory=lambda: f"f7t-load-{secrets.token_hex(4)}")
    stop: Event = field(default_factory=Event)
    stopped: Reason | None = None
    _jobs: int = 0
    _bytes: int = 0
    _visitors: int = 0

    def number(self) -> int:
        """The next visitor's number, from 0."""
        self._visitors += 1
        return self._visitors - 1

    def end(self, reason: Reason) -> None:
        """End the run before its time; the first reason counts."""
        self.stopped = self.stopped or reason
        self.stop.set()

    def spend_job(self) -> None:
        """One more job may be submitted; raises `OutOfBudget` otherwise, and ends the run."""
        if self._jobs >= self.plan.max_jobs:
            self.end("budget")
            raise OutOfBudget(f"{self.plan.max_jobs} jobs were submitted")
        self._jobs += 1

    def spend_bytes(self, count: int) -> None:
        """So many bytes may be carried; raises `OutOfBudget` otherwise, and ends the run."""
        if self._bytes + count > self.plan.max_bytes:
            self.end("budget")
            raise OutOfBudget(f"{self._bytes} of {self.plan.max_bytes} bytes were carried")
        self._bytes += count

    def session(self) -> FastHttpSession:
        """Connections of its own, for calls that are not measured."""
        return FastHttpSession(
            base_url=self.target,
            request_event=self.environment.events.request,
            user=None,
            insecure=False,
            ssl_context_factory=tls,
            network_timeout=self.plan.timeout,
            connection_timeout=self.plan.timeout,
        )

    def quiet(self, place: Place) -> Calls:
        """Calls as that caller which nobody counts."""
        return Calls(self.session(), place.tokens, self.system, None)

    @property
    def script(self) -> bytes:
        """A job that is held, named after the run, and would be short."""
        lines = ["#!/bin/bash", f"#SBATCH --job-name={self.name}", "#SBATCH --hold"]
        lines += ["#SBATCH --time=1"]
        if self.settings.partition:
            lines.append(f"#SBATCH --partition={self.settings.partition}")
        return "\n".join([*lines, "true", ""]).encode()

    @property
    def charged(self) -> dict[str, str]:
        """Form fields of a submission."""
        return {"account": self.settings.account} if self.settings.account else {}
