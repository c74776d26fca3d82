"""What a person or a log sees while the suite runs, and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.markup import escape as without_markup
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from f7t_conformance.catalogue import catalogue
from f7t_conformance.model import Finding, Results, Status
from f7t_conformance.reports.wording import BAD, facts, visible

STYLE: Mapping[Status, str] = {
    Status.PASS: "green",
    Status.FAIL: "bold red",
    Status.WARN: "yellow",
    Status.SKIP: "dim",
    Status.WAIVED: "magenta",
    Status.ERROR: "bold red reverse",
}
_QUIET = (Status.PASS, Status.SKIP)
_SIGNS_OF_LIFE = 10


class Watching:
    """Shows progress: one live line on a terminal, plain lines in a pipe.

    In both, what did not pass gets a line of its own that stays. A pipe also gets one line for
    every tenth of the run.
    """

    def __init__(self, console: Console, *, live: bool = True) -> None:
        self._console = console
        self._live = console.is_terminal and live
        self._tenth = 0
        self._counts = dict.fromkeys(Status, 0)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("asking", total=None)

    def __enter__(self) -> Watching:
        if self._live:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._bar.stop()

    def __call__(self, done: int, total: int, finding: Finding) -> None:
        """One more finding; `total` is 0 while it is not known."""
        self._counts[finding.status] += 1
        if finding.status not in _QUIET:
            title = catalogue()[finding.id].title
            self._console.print(f"{_coloured(finding.status)} {finding.id} {escape(title)}")
        if self._live:
            words = f"{tally(self._counts)}  {finding.id}"
            self._bar.update(self._task, description=words, completed=done, total=total or None)
            return
        tenth = done * _SIGNS_OF_LIFE // total if total else 0
        if tenth > self._tenth:
            self._tenth = tenth
            self._console.print(f"{done} of {total}: {tally(self._counts)}", soft_wrap=True)


def tally(counts: Mapping[Status, int]) -> str:
    """Counts of each status that occurs, as rich markup."""
    shown = [f"[{STYLE[one]}]{counts[one]} {one.value}[/]" for one in Status if counts.get(one)]
    return ", ".join(shown) or "nothing yet"


def _coloured(status: Status) -> str:
    return f"[{STYLE[status]}]{status.value:<6}[/]"


def summarise(console: Console, results: Results) -> None:
    """Failures one by one, then what did not count, then the verdict as the last lines."""
    known = {one.id: one for one in results.requirements}
    for finding in results.findings:
        if finding.status in BAD:
            one = known.get(finding.id)
            title = escape(one.title) if one else ""
            console.print(f"\n{_coloured(finding.status)} [bold]{finding.id}[/] {title}")
            for label, text in facts(finding, one):
                console.print(f"  {label + ':':<13}{escape(_indented(text))}", soft_wrap=True)
    for status, word in ((Status.WAIVED, "waived"), (Status.WARN, "not kept, but no MUST")):
        for finding in results.findings:
            if finding.status is status:
                why = escape(finding.reason or f"expected {finding.expected}; got {finding.got}")
                line = f"[{STYLE[status]}]{word}:[/] {finding.id} {why}"
                console.print(line, soft_wrap=True)
    for reason, ids in _skips(results).items():
        console.print(f"[dim]skipped {len(ids)}: {escape(reason)}[/]", soft_wrap=True)
    _generated(console, results)
    for left in results.leftovers:
        console.print(f"[bold yellow]left behind:[/] {escape(left)}", soft_wrap=True)
    _verdict(console, results)


def _generated(console: Console, results: Results) -> None:
    """What the profile `fuzz` saw."""
    word = "[bold red]fail  [/]" if results.gate else "[yellow]warn  [/]"
    for one in results.observations:
        console.print(f"{word} {escape(one.operation)} ({one.phase}, {one.times} times)")
        console.print(f"  expected:    {escape(_indented(one.expected))}", soft_wrap=True)
        console.print(f"  got:         {escape(_indented(one.got))}", soft_wrap=True)
        if one.exchange:
            console.print(f"  repeat:      {escape(one.exchange.curl)}", soft_wrap=True)
    if results.asked:
        seen = len(results.observations)
        console.print(f"{results.asked} generated requests, {seen} findings, seed {results.seed}")


def _skips(results: Results) -> Mapping[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for finding in results.findings:
        if finding.status is Status.SKIP:
            reasons.setdefault(finding.reason, []).append(finding.id)
    return reasons


def _verdict(console: Console, results: Results) -> None:
    summary = results.summary
    version = f" {results.capabilities.version}" if results.capabilities else ""
    console.print(
        f"\n[bold]{escape(results.target)}[/]{escape(version)} "
        f"\\[{results.profile.value}]: {tally(summary.counts)} in {results.seconds:g} s",
        soft_wrap=True,
    )
    if summary.certified:
        waived = results.count(Status.WAIVED)
        extra = f", with {waived} waived" if waived else ""
        console.print(f"[bold green]certified[/] for the profile {results.profile.value}{extra}")
    else:
        console.print(f"[bold]not certified:[/] {escape('; '.join(summary.doubts))}")


def _indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 15)


def escape(text: str) -> str:
    """Text of others for the console: neither markup nor control characters."""
    return without_markup(visible(text))
