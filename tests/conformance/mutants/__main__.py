"""Does the suite find out faulty servers?

`python -m tests.conformance.mutants [--only TEXT] [--jobs N] [--testbuild NAME]`, behind
`make mutants`. It starts a testbuild (or uses a running one), lets the healthy server go the way of
the mutants, runs the suite against every mutant to its first failure, and prints who found out
which. Each finder must also pass the healthy server when it is asked alone. A
full run that leaves none alive writes docs/conformance-mutants.md. The exit code is 1 when a mutant
survived, 3 when the healthy server failed or something did not run.

`--false-alarms N` instead runs the suite N times against the healthy server and prints every
finding that is neither pass nor skip (`--profile`, `--only` as for the suite).
"""

from __future__ import annotations

import argparse
import itertools
import queue
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.conformance.mutants import alarms, centres, page
from tests.conformance.mutants.hunting import (
    Centre,
    NotRun,
    Verdict,
    hunted,
    judged,
    serving,
)
from tests.conformance.mutants.model import Mutant
from tests.conformance.mutants.registry import CONTROL, MUTANTS

_DATABASES = range(1, 16)
"""Numbers of Redis databases beside the testbuild's own."""


def main() -> int:
    """Run what was asked for; the exit status."""
    arguments = _arguments()
    with centres.running(arguments.testbuild) as centre:
        if arguments.false_alarms:
            return alarms.counted(
                centre, arguments.false_alarms, arguments.profile, arguments.only or ()
            )
        chosen = [
            one
            for one in MUTANTS.values()
            if not arguments.only or any(text in one.name for text in arguments.only)
        ]
        if not arguments.no_control and not _healthy(centre):
            return 3
        verdicts = list(_hunts(centre, chosen, arguments.jobs))
        verdicts = _believed(centre, verdicts)
    _tell(verdicts)
    survived = [one for one in verdicts if not one.killed_by]
    if not survived and len(verdicts) == len(MUTANTS):
        page.write(verdicts)
    if any(one.reason for one in survived):
        return 3
    return 1 if survived else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance.mutants",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", metavar="TEXT", help="mutants named like this")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at once (default 2)")
    parser.add_argument("--testbuild", metavar="NAME", help="use this running testbuild")
    parser.add_argument("--no-control", action="store_true", help="skip the healthy server")
    parser.add_argument("--false-alarms", type=int, metavar="N", nargs="?", const=20, default=0)
    parser.add_argument("--profile", default="core", help="of --false-alarms (default core)")
    arguments = parser.parse_args()
    if not 1 <= arguments.jobs <= len(_DATABASES):
        parser.error(f"--jobs is 1 to {len(_DATABASES)}")
    return arguments


def _healthy(centre: Centre) -> bool:
    """Whether the whole profile passes against no mutant at all; what does not is printed."""
    with tempfile.TemporaryDirectory(prefix="f7t-mutant-") as name:
        folder = Path(name)
        try:
            with serving(CONTROL, centre, folder, _DATABASES[0]) as url:
                results = judged(centre, url, folder, stop=False)
        except NotRun as error:
            print(f"control: {error}")
            return False
    wrong = alarms.unexpected(results)
    for line in wrong:
        print(f"control: {line}", flush=True)
    print(f"control: the healthy server {'fails' if wrong else 'passes'}", flush=True)
    return not wrong


def _hunts(centre: Centre, chosen: Sequence[Mutant], at_once: int) -> Iterator[Verdict]:
    free: queue.Queue[int] = queue.Queue()
    for number in itertools.islice(_DATABASES, at_once):
        free.put(number)

    def hunt(mutant: Mutant) -> Verdict:
        database = free.get()
        began = time.monotonic()
        try:
            return hunted(mutant, centre, database)
        except NotRun as error:
            return Verdict(mutant, "", False, time.monotonic() - began, str(error))
        finally:
            free.put(database)

    with ThreadPoolExecutor(at_once) as pool:
        for number, verdict in enumerate(pool.map(hunt, chosen), 1):
            print(f"[{number:>3}/{len(chosen)}] {_line(verdict)}", flush=True)
            yield verdict


def _believed(centre: Centre, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts without those that the healthy server earns as well.

    A requirement that fails when it is checked alone, whoever is asked, finds out nobody.
    """
    killers = sorted({one.killed_by for one in verdicts if one.killed_by.startswith("F7T")})
    with tempfile.TemporaryDirectory(prefix="f7t-mutant-") as name:
        folder = Path(name)
        with serving(CONTROL, centre, folder, _DATABASES[0]) as url:
            false = {
                one
                for one in killers
                if alarms.unexpected(judged(centre, url, folder, only=(one,), stop=False))
            }
    print(f"control: {len(killers)} finders alone, {len(false)} accuse the healthy server")
    return [
        replace(one, killed_by="", reason=f"the healthy server fails {one.killed_by} as well")
        if one.killed_by in false
        else one
        for one in verdicts
    ]


def _line(verdict: Verdict) -> str:
    told = verdict.killed_by or ("NOT RUN" if verdict.reason else "SURVIVED")
    late = " (not where expected)" if verdict.whole and verdict.killed_by else ""
    return f"{verdict.mutant.name:<34} {told}{late} {verdict.seconds:.0f} s"


def _tell(verdicts: Sequence[Verdict]) -> None:
    print("\nmutant                             found out by")
    for verdict in verdicts:
        print(_line(verdict))
        if verdict.reason:
            print(f"    {verdict.reason}")
    killed = sum(1 for one in verdicts if one.killed_by)
    share = 100 * killed / len(verdicts) if verdicts else 0.0
    print(f"{killed} of {len(verdicts)} found out ({share:.0f} %)")


if __name__ == "__main__":
    sys.exit(main())
