"""Record what a real Slurm answers to the commands of `f7t.slurm.commands`.

    python tests/firecrest/slurm/record.py --home DIR --as USER1-PREFIX --other USER2-PREFIX > FILE

A prefix is a command that runs its arguments as that user of a small test cluster (partition
`part01`, at least two nodes, accounting, no jobs of anybody); DIR is the first user's home
directory there. The cluster's root directory is cut out of all texts, so that homes appear as
`/home/...`. The file holds a JSON object: `version`; `ids`, name of a submission -> job id;
`cases`, case -> argv, exit_status, stdout, stderr (bytes that are no UTF-8 as surrogate escapes).
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from f7t.slurm import commands

SLEEPER = b"#!/bin/bash\n#SBATCH --time=10:00\nsleep 600\n"
QUICK = b"#!/bin/bash\ntrue\n"
HETEROGENEOUS = b"#!/bin/bash\n#SBATCH -n1\n#SBATCH hetjob\n#SBATCH -n1\nsleep 600\n"
SETTLED = 8.0
"""Seconds until accounting has seen everything (it learns of jobs every five seconds)."""


@dataclass
class Recorder:
    """Runs commands and keeps what came back."""

    home: str
    root: str
    prefix: list[str]
    cases: dict[str, dict[str, object]] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def run(self, case: str, argv: list[str], stdin: bytes = b"", prefix: str = "") -> str:
        """Run one command as a user and record it as `case`, if that has a name."""
        done = subprocess.run(
            [*(shlex.split(prefix) or self.prefix), *argv],
            input=stdin,
            capture_output=True,
            check=False,
        )
        out, err = (
            raw.decode("utf-8", "surrogateescape").replace(self.root, "")
            for raw in (done.stdout, done.stderr)
        )
        if case:
            shown = [word.replace(self.root, "") for word in argv]
            self.cases[case] = {
                "argv": shown,
                "exit_status": done.returncode,
                "stdout": out,
                "stderr": err,
            }
        return out

    def submit(self, case: str, name: str, script: bytes, *options: str, **more: str) -> str:
        """Submit a script from a directory of its own, named after the case; its job id."""
        directory = f"{self.home}/firecrest/{name}"
        argv = commands.submit_script(
            directory,
            "job.sh",
            size=len(script),
            account=more.get("account"),
            environment={"A": "b 1,c'd\""} if "environment" in more else None,
            options=options,
        )
        out = self.run(case, argv, script)
        return self.named(name, out)

    def named(self, name: str, answer: str) -> str:
        """Keep the job id of an answer under a name; empty if the submission was refused."""
        self.ids[name] = answer.partition("job ")[2].partition("\x1e")[0]
        return self.ids[name]


def record(recorder: Recorder, other: str) -> None:
    """All cases, in an order in which none disturbs a later one."""
    run, submit = recorder.run, recorder.submit
    plain = submit("submit", "0" * 32, SLEEPER, environment="yes", account="test")
    run(
        "submit again",
        commands.submit_script(
            f"{recorder.home}/firecrest/{'0' * 32}", "job.sh", size=len(SLEEPER)
        ),
        SLEEPER,
    )
    named = submit("", "named", SLEEPER, "--job-name=a b|c\"d'e\tf StdOut=/etc/x")
    lines = submit("", "lines", SLEEPER, "--job-name=x\n1\x1fforged\n\x1e2\x1fmore")
    held = submit("", "held", SLEEPER, "--hold", "--output=out put/%x-%j.txt")
    array = submit("", "array", SLEEPER, "--array=1-4%2")
    het = submit("", "het", HETEROGENEOUS)
    submit("", "large", QUICK, "--nodes=50")
    quick = submit("", "quick", QUICK)
    submit("", "failing", b"#!/bin/sh\nexit 3\n")
    script = f"{recorder.home}/firecrest/{'0' * 32}/job.sh"
    by_path = commands.submit_path(script, options=["--job-name=by-path", "--hold"])
    path_id = recorder.named("path", run("submit path", by_path))
    time.sleep(3)
    run("queue", commands.queue(user="test1"))
    run("queue everybody", commands.queue(), prefix=other)
    run("queue one", commands.queue([plain], user="test1"))
    run("queue gone", commands.queue(["999999"], user="test1"))
    run("queue known and gone", commands.queue([plain, "999999"], user="test1"))
    run("queue finished", commands.queue([quick], user="test1"))
    run("queue zeros", commands.queue(["000"], user="test1"))
    run("queue elements", commands.queue([f"{array}_[1-4]"], user="test1"))
    run("queue user without jobs", commands.queue(user="test2"), prefix=other)
    run("queue unknown user", commands.queue(user="nosuchuser"))
    listed = [plain, named, lines, held, f"{array}_1", f"{array}_2", f"{array}_[3-4%2]"]
    listed += [f"{het}+0", f"{het}+1", path_id, "999999"]
    run("job files", commands.job_files(listed))
    run("find", commands.find_submission(f"{recorder.home}/firecrest/{'0' * 32}"))
    run("find nothing", commands.find_submission(f"{recorder.home}/firecrest/{'f' * 32}"))
    run("cancel another's", commands.cancel(plain), prefix=other)
    run("cancel", commands.cancel(f"{named},{lines}"))
    run("cancel unknown", commands.cancel("999999"))
    run("cancel known and unknown", commands.cancel(f"{held},999999"))
    run("cancel finished", commands.cancel(quick))
    run("cancel nonsense", commands.cancel("abc"))
    run("cancel option", commands.cancel("--user=test1"))
    run("cancel nothing", commands.cancel(","))
    refused(recorder)
    time.sleep(SETTLED)
    accounting(recorder, array)
    run("", ["scancel", "--user=test1"])


def refused(recorder: Recorder) -> None:
    """Submissions that the scheduler does not accept."""
    submit = recorder.submit
    submit("submit unknown partition", "r1", QUICK, "--partition=nosuch")
    submit("submit unknown option", "r2", QUICK, "--nosuchoption=3")
    submit("submit bad value", "r3", QUICK, "--time=nonsense")
    submit("submit no interpreter", "r4", b"true\n")
    submit("submit empty", "r5", b"")
    submit("submit dos", "r6", b"#!/bin/sh\r\ntrue\r\n")
    submit("submit too much memory", "r7", QUICK, "--mem=900G")
    recorder.run("submit path missing", commands.submit_path("/nosuch/script.sh"))
    recorder.run("submit path directory", commands.submit_path("/etc"))


def accounting(recorder: Recorder, array: str) -> None:
    """Accounting, when it knows everything."""
    run, ids = recorder.run, recorder.ids
    past, future = datetime(2020, 1, 1), datetime(2100, 1, 1)
    run("accounting", commands.accounting("test1"))
    run("accounting one", commands.accounting("test1", ids=f"{ids['0' * 32]},{ids['named']}"))
    run("accounting elements", commands.accounting("test1", ids=f"{array}_[1-2]"))
    run("accounting unknown", commands.accounting("test1", ids="999999"))
    run("accounting period", commands.accounting("test1", start=past, end=future))
    run("accounting before", commands.accounting("test1", end=past))
    run("accounting nonsense", commands.accounting("test1", ids="abc"))


def main() -> None:
    """Read the command line, record, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--as", dest="prefix", required=True)
    parser.add_argument("--other", required=True)
    options = parser.parse_args()
    root = str(Path(options.home).parent.parent).rstrip("/")
    recorder = Recorder(options.home, root, shlex.split(options.prefix))
    version = recorder.run("", ["sinfo", "--version"]).strip()
    record(recorder, options.other)
    answers = {"version": version, "ids": recorder.ids, "cases": recorder.cases}
    json.dump(answers, sys.stdout, indent=1, ensure_ascii=True)
    print()


if __name__ == "__main__":
    main()
