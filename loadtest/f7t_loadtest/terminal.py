"""What a person sees: a line while it runs, the figures at the end."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from f7t_loadtest.model import Latency, Run, Stage
from f7t_loadtest.said import Said, Snapshot

_EVERY = 10
"""Seconds between two lines where the output is no terminal."""


class Watching:
    """Shows how a run goes: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._live = Live(console=console, transient=True, auto_refresh=False)
        self._seconds = 0
        self._phase = ""

    def __enter__(self) -> Watching:
        if self._console.is_terminal and not self._quiet:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def said(self, said: Said) -> None:
        """Show it."""
        if self._quiet:
            return
        if said.note:
            if self._live.is_started:
                self._live.update("", refresh=True)
            self._console.print(f"{escape(said.note)} …", highlight=False)
        if said.second:
            self._second(said.second)

    def interrupted(self) -> None:
        """Say what happens now."""
        self._console.print(
            "stopping; what was made is removed (Ctrl-C again to leave it)", highlight=False
        )

    def _second(self, one: Snapshot) -> None:
        line = _line(one)
        if self._live.is_started:
            self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)
            return
        if one.phase != self._phase:
            self._phase, self._seconds = one.phase, 0
        self._seconds += 1
        if self._seconds % _EVERY == 1:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def _line(one: Snapshot) -> str:
    if not one.load:
        return f"{one.phase}: {one.made} things to be removed"
    p95 = "-" if one.p95 is None else told(one.p95)
    line = (
        f"[{one.at:5.0f} s] {one.phase}, {one.load}: {one.rate} req/s, p95 {p95}, "
        f"{one.users} busy, {one.failures} errors"
    )
    return f"{line}, {one.tasks} tasks/s" if one.tasks else line


def told(seconds: float) -> str:
    """A time in a unit that suits it."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def summarise(run: Run, console: Console) -> None:
    """Print stages, operations of the best stage, the knee, and what is to be doubted."""
    console.print(
        f"{escape(run.scenario)} at {escape(run.target)} ({escape(run.system)}), "
        f"{run.identities} identities, {run.seconds:.0f} s",
        highlight=False,
    )
    if run.stages:
        console.print(_stages(run.stages))
        shown = _telling(run)
        console.print(_operations(shown))
        for line in _details(shown):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    for failure in run.failures[:10]:
        console.print(
            f"{failure.stage}: {failure.count} × {failure.kind} in {failure.operation}: "
            f"{failure.example[:100]}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    if run.knee is not None:
        console.print(_knee(run), highlight=False, markup=False, soft_wrap=True)
    for warning in run.warnings:
        console.print(
            f"warning: {escape(warning)}", style="yellow", highlight=False, soft_wrap=True
        )
    if run.stopped:
        why = {"interrupted": "it was interrupted", "budget": "the budget was used up"}
        console.print(f"stopped early: {why[run.stopped]}", highlight=False)
    for left in run.leftovers:
        console.print(
            f"could not be removed: {escape(left)}", style="red", highlight=False, soft_wrap=True
        )


def _telling(run: Run) -> Stage:
    """The stage with the highest rate within the objective, or the first."""
    carried = [one for one in run.stages if one.within_objective]
    return max(carried, key=lambda one: one.rate) if carried else run.stages[0]


def _stages(stages: list[Stage]) -> Table:
    table = _table("stage", "load", "req/s", "failed", "p50", "p95", "p99", "tasks/s", "served")
    for one in stages:
        load = f"{one.users} users" if one.users is not None else f"{one.offered:g}/s"
        tasks = f"{one.tasks.rate:.1f}" if one.tasks else "-"
        served = "yes" if one.within_objective else "no"
        table.add_row(
            one.name,
            load,
            f"{one.rate:.1f}",
            str(one.failures),
            *_quantiles(one.latency),
            tasks,
            served,
        )
    return table


def _operations(stage: Stage) -> Table:
    table = _table(f"operation ({stage.name})", "requests/s", "failed", "p50", "p95", "p99")
    for one in stage.operations:
        table.add_row(
            escape(one.name), f"{one.rate:.1f}", str(one.failures), *_quantiles(one.latency)
        )
    return table


def _table(first: str, *numbers: str) -> Table:
    # Nine columns fit into 80 characters.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0))
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _quantiles(latency: Latency | None) -> tuple[str, str, str]:
    if latency is None:
        return "-", "-", "-"
    return told(latency.p50), told(latency.p95), told(latency.p99)


def _details(stage: Stage) -> Iterator[str]:
    tasks = stage.tasks
    if tasks is not None:
        line = f"tasks: {tasks.completed} completed, {tasks.failed} failed"
        line += f", {tasks.unsettled} unsettled"
        if tasks.polls_per_task is not None:
            line += f", {tasks.polls_per_task:.1f} polls each"
        if tasks.to_job_id is not None:
            line += f", job id known after {told(tasks.to_job_id.p50)} (p95 "
            line += f"{told(tasks.to_job_id.p95)})"
        yield line
    if stage.ssh is not None:
        yield (
            f"ssh: {stage.ssh.connections} connections and {stage.ssh.channels} channels opened, "
            f"{stage.ssh.channels_per_request:.2f} channels a request"
        )
    carried = sum(one.bytes_sent + one.bytes_received for one in stage.operations)
    yield (
        f"generator: {stage.generator.cpu_mean:.2f} cores, "
        f"{stage.generator.cpu_maximum:.2f} at most; "
        f"{carried / stage.seconds / 1e6:.2f} MB/s of bodies"
    )


def _knee(run: Run) -> str:
    knee = run.knee
    assert knee is not None
    unit = "users" if knee.load == "users" else "arrivals per second"
    if knee.carried is None:
        return f"knee: not even the first step was carried: {knee.reason}"
    return f"knee: {knee.carried:g} {unit} were carried; {knee.reason}"
