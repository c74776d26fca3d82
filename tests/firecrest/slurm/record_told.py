"""Record what a real scontrol answers when it is told line by line what to show.

    python -m tests.firecrest.slurm.record_told --home DIR --as PREFIX > told.json

Options and file are `record.py`'s, the file is to be `data/<release>/told.json`; the requests are
framed as `f7t.work.compute.programs` does.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from f7t.slurm import commands
from f7t.work.compute.programs import SCONTROL
from tests.firecrest.slurm.record import HETEROGENEOUS, QUICK, Recorder

NONCES = (b"f" * 32, b"e" * 32)


def main() -> None:
    """Read the command line, record, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--as", dest="prefix", required=True)
    options = parser.parse_args()
    root = str(Path(options.home).parent.parent).rstrip("/")
    recorder = Recorder(options.home, root, shlex.split(options.prefix))
    version = recorder.run("", ["sinfo", "--version"]).strip()
    named = recorder.submit("", "named", QUICK, "--hold", "--job-name=a b|c\nJobId=1 x")
    array = recorder.submit("", "array", QUICK, "--hold", "--array=1-3")
    het = recorder.submit("", "het", HETEROGENEOUS, "--hold")
    asked = [named, "999999", array, het]
    together = "\n".join(f"show job {job_id}" for job_id in asked).encode()
    text = SCONTROL.asked(together, NONCES[0]) + SCONTROL.asked(b"show job 999999", NONCES[1])
    argv = ["env", "LC_ALL=C", *(f"{name}={value}" for name, value in commands.ENVIRONMENT.items())]
    recorder.run("told", [*argv, "sh", "-c", "exec scontrol -o 2>&1"], text)
    recorder.run("", ["scancel", "--user=test1"])
    answers = {"version": version, "ids": recorder.ids, "cases": recorder.cases}
    json.dump(answers, sys.stdout, indent=1, ensure_ascii=True)
    print()


if __name__ == "__main__":
    main()
