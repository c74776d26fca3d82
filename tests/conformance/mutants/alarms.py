"""Does the suite accuse a healthy server?"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from f7t_conformance.model import Results, Status
from tests.conformance.mutants.hunting import Centre, NotRun, judged, serving
from tests.conformance.mutants.registry import CONTROL


def unexpected(results: Results | None) -> list[str]:
    """Findings of a healthy server that are neither pass nor skip, a line each."""
    if results is None:
        return ["the suite does not take it for a FirecREST"]
    found = [
        f"{one.id} {one.status.value}: expected {one.expected}; got {one.got} {one.reason}"
        for one in results.findings
        if one.status not in {Status.PASS, Status.SKIP}
    ]
    return found + [f"left behind: {one}" for one in results.leftovers]


def counted(centre: Centre, times: int, profile: str, only: Sequence[str]) -> int:
    """Run so often, print what was found; 1 if there was anything, 3 if a run did not come about.

    The server is started once and serves all runs.
    """
    alarms = 0
    with tempfile.TemporaryDirectory(prefix="f7t-alarms-") as name:
        folder = Path(name)
        with serving(CONTROL, centre, folder, 1) as url:
            for turn in range(1, times + 1):
                try:
                    results = judged(centre, url, folder, profile=profile, only=only, stop=False)
                except NotRun as error:
                    print(f"run {turn}: {error}", flush=True)
                    return 3
                found = unexpected(results)
                for line in found:
                    print(f"run {turn}: {line}", flush=True)
                alarms += len(found)
                judgements = len(results.findings) if results else 0
                print(
                    f"run {turn} of {times}: {judgements} findings, {len(found)} false alarms",
                    flush=True,
                )
    print(f"{alarms} false alarms in {times} runs of {profile}")
    return 1 if alarms else 0
