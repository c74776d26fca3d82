"""`report.html`: one file for people, with no other file, no script and no network behind it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from f7t_loadtest.figures import judged, ratios
from f7t_loadtest.model import Run, Stage
from f7t_loadtest.reports import pictures, wording
from f7t_loadtest.reports.plots import Plot, drawn
from f7t_loadtest.reports.repeating import command

HOT = 0.8
"""Cores of the generator's busiest process from which on it may be what limits."""


@dataclass(frozen=True)
class Answer:
    """The sentence at the top, and whether it is good news."""

    seal: str
    good: bool
    sentence: str


@cache
def environment() -> Environment:
    """The templates of this package; everything that is put into one is escaped."""
    made = Environment(
        loader=PackageLoader("f7t_loadtest.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["visible"] = wording.visible
    for word in (wording.seconds, wording.rate, wording.size, wording.number):
        made.filters[word.__name__] = word
    made.globals["share"] = wording.share
    made.globals["asset"] = _asset
    made.globals["fingerprint"] = _fingerprint
    return made


def page(run: Run) -> str:
    """The document, as text."""
    return (
        environment()
        .get_template("report.html")
        .render(
            run=run,
            answer=answer(run),
            judged=judged(run) if run.stages else None,
            ratios=ratios(run),
            overload=_figures(pictures.over_load(run)),
            overtime=_figures(pictures.over_time(run)),
            spread=_figures(pictures.spread(run)),
            load=_load,
            hot=HOT,
            repeat=command(run),
        )
    )


def answer(run: Run) -> Answer:
    """How much it carried, in one sentence."""
    if not run.stages:
        return Answer("nothing measured", False, "The run ended before its first stage.")
    objective = (
        f"p95 at most {wording.brief_seconds(run.objective.p95)}, "
        f"failures at most {100 * run.objective.error_rate:g} %"
    )
    if run.knee is not None:
        return _knee_in_words(run, objective)
    stage = judged(run)
    p95 = stage.latency.p95 if stage.latency else None
    said = (
        f"{wording.rate(stage.rate)} requests per second with {_load(stage)}"
        f"{_tasks_in_words(stage)}; p95 {wording.seconds(p95)}, "
        f"{wording.share(stage.failures, stage.requests)} failed. Objective: {objective}."
    )
    good = stage.within_objective
    return Answer("within the objective" if good else "objective missed", good, said)


def _knee_in_words(run: Run, objective: str) -> Answer:
    knee = run.knee
    assert knee is not None
    unit = "users" if knee.load == "users" else "offered arrivals per second"
    if knee.carried is None:
        said = f"Not even the first step was within the objective ({objective}): {knee.reason}"
        return Answer("objective missed", False, said)
    tasks = f" and {wording.rate(knee.task_rate)} tasks" if knee.task_rate is not None else ""
    said = (
        f"It carries {knee.carried:g} {unit}, {wording.rate(knee.rate)} requests{tasks} per "
        f"second, within the objective ({objective}). "
    )
    if knee.broken is None:
        return Answer("knee not reached", True, said + "The steps ended before it was missed.")
    return Answer("knee found", True, f"{said}At {knee.broken:g}: {knee.reason}")


def _tasks_in_words(stage: Stage) -> str:
    if stage.tasks is None:
        return ""
    return f", {wording.rate(stage.tasks.rate)} tasks completed per second"


def _load(stage: Stage) -> str:
    """The load of a stage in words."""
    if stage.offered is not None:
        return f"{stage.offered:g} arrivals per second"
    return f"{stage.users} user{'' if stage.users == 1 else 's'}"


def _figures(plots: list[Plot]) -> list[tuple[Plot, Markup]]:
    return [(one, drawn(one)) for one in plots]


@cache
def _asset(name: str) -> Markup:
    """A style sheet of this package, as it is: it is ours and no data."""
    loader = environment().loader
    assert loader is not None
    return Markup(loader.get_source(environment(), name)[0])


def _fingerprint(name: str) -> str:
    """Of an asset, for the page's policy: nothing else may shape it, and no script may run."""
    digest = hashlib.sha256(_asset(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
