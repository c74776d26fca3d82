"""The command that repeats a run, from what the run was asked for."""

from __future__ import annotations

import shlex

from f7t_loadtest.model import Run


def command(run: Run) -> str:
    """One shell line; settings are named like the options of `f7t load run`."""
    words = ["f7t", "load", "run", "--target", run.target, "--scenario", run.scenario]
    for name, value in run.settings.items():
        option = "--" + name.replace("_", "-")
        if option in words or value is None or value is False or value == "":
            continue
        words += [option] if value is True else [option, str(value)]
    return shlex.join(words)
