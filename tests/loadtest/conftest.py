"""Runs of the load test from Python, as the command makes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from f7t_loadtest.model import Objective, Run
from f7t_loadtest.plan import Plan
from f7t_loadtest.running import perform
from f7t_testbuild.loaded import load_environment
from tests.support.live import Live

Running = Callable[..., Run]
OBJECTIVE = Objective(p95=30, error_rate=0.01)


@pytest.fixture(scope="session")
def at_testbuild(live: Live) -> dict[str, str]:
    """The environment of a run against the live testbuild."""
    return {**os.environ, **load_environment(live.testbuild, live.choices)}


def at_stub(url: str) -> dict[str, str]:
    """The environment of a run against a stub, whose token is anything."""
    return {**os.environ, "F7T_LOAD_TARGET": url, "F7T_LOAD_IDENTITY__TOKEN": "st4tic-t0ken"}


def performed(environment: Mapping[str, str], scenario: str, **plan: Any) -> Run:
    """A short run; `plan` is of `Plan`."""
    given = {"duration": 0.7, "warm_up": 0.0, "users": 4, "poll": 0.05, "objective": OBJECTIVE}
    return perform(
        Plan(scenario=scenario, **{**given, **plan}),
        environment=environment,
        on_said=lambda said: None,
        on_interrupt=lambda: None,
    )
