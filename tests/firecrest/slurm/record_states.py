"""Record what a real Slurm says of its nodes, and of jobs in the states that `record.py` lacks.

    python -m tests.firecrest.slurm.record_states \
        --as TEST1-PREFIX --long LONG-PREFIX --root ROOT-PREFIX > data/<release>/states.json

A prefix is a command that runs its arguments in the cluster as test1, as
service-account-firecrest-sample, or as root. The cluster has no jobs and no reservations, and:

    PreemptType=preempt/partition_prio PreemptMode=SUSPEND,GANG
    SuspendProgram=/bin/true ResumeProgram=/bin/true SuspendTime=86400
    NodeName=nid0[1-3] CPUs=4 Feature=f7t,gpu
    NodeName=nid04                                   (nothing answers there)
    NodeName=cloud01 State=CLOUD
    NodeName=spare01 State=FUTURE
    PartitionName=part01 Nodes=nid0[1-4] Default=YES PriorityTier=10
    PartitionName=cancelled Nodes=nid0[1-2] PreemptMode=CANCEL PriorityTier=1
    PartitionName=requeued Nodes=nid0[1-2] PreemptMode=REQUEUE PriorityTier=1
    PartitionName=cloud Nodes=cloud01 State=DRAIN
    PartitionName=closed Nodes=nid01 State=DOWN
    PartitionName=empty State=INACTIVE               (no nodes)

The file has the form of `record.py`'s.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from f7t.slurm import commands
from tests.firecrest.slurm.record import QUICK, SETTLED, SLEEPER, Recorder

LONG = "service-account-firecrest-sample"
REASON = "two words State=UP Partitions=zz"
SECONDS = 60.0


@dataclass(frozen=True)
class Centre:
    """The same cluster as three users see it; all keep what they record in one place."""

    user: Recorder
    long: Recorder
    root: Recorder

    def wait(self, names: list[str], state: str) -> None:
        """Until all jobs of these names are in that state."""
        ids = ",".join(self.user.ids[name] for name in names)

        def states() -> set[str]:
            return set(
                self.user.run("", ["squeue", "-h", "-t", "all", "-j", ids, "-o", "%T"]).split()
            )

        _wait(lambda: states() == {state}, f"{names} {state}")


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.2)


def record(centre: Centre) -> None:
    """All cases, in an order in which none disturbs a later one."""
    nothing(centre)
    machines(centre.user, "")
    preempted(centre)
    states(centre)
    time.sleep(SETTLED)
    centre.user.run("accounting", commands.accounting("test1"))
    centre.user.run("accounting long", commands.accounting(LONG))
    trouble(centre)
    for user in ("test1", LONG):
        centre.root.run("", ["scancel", f"--user={user}"])


def nothing(centre: Centre) -> None:
    """A cluster without jobs."""
    run = centre.user.run
    run("queue empty", commands.queue())
    run("accounting empty", commands.accounting(LONG))
    run("reservations none", commands.reservations())


def machines(recorder: Recorder, suffix: str) -> None:
    """Nodes, partitions and reservations as they are."""
    run = recorder.run
    run(f"nodes{suffix}", commands.nodes())
    run(f"partitions{suffix}", commands.partitions())
    run(f"reservations{suffix}", commands.reservations())
    run(f"node{suffix}", commands.nodes(["nid01"]))
    run(f"node unknown{suffix}", commands.nodes(["nid99"]))
    run(f"node option{suffix}", commands.nodes(["--all"]))
    run(f"nodes one unknown{suffix}", commands.nodes(["nid01", "nid99", "nid02"]))


def preempted(centre: Centre) -> None:
    """Two jobs that must make room for a third."""
    submit = centre.user.submit
    place = ("--exclusive", "--requeue", "--partition")
    submit("", "cancelled", SLEEPER, *place, "cancelled", "--nodelist=nid02")
    submit("", "requeued", SLEEPER, *place, "requeued", "--nodelist=nid01")
    centre.wait(["cancelled", "requeued"], "RUNNING")
    submit("", "winner", SLEEPER, "--exclusive", "--nodes=2", "--nodelist=nid01,nid02")
    centre.wait(["winner"], "RUNNING")
    centre.wait(["cancelled"], "PREEMPTED")
    centre.user.run("queue preempted", commands.queue(ended=True))
    centre.user.run("", ["scancel", centre.user.ids["winner"]])
    centre.wait(["winner"], "CANCELLED")


def states(centre: Centre) -> None:
    """Jobs that were put back, held, stopped, or wait for all kinds of things."""
    submit, ids = centre.user.submit, centre.user.ids
    changed = ["again", "held-again", "special", "stopped"]
    for name in changed:
        submit("", name, SLEEPER, "--requeue")
    submit("", "running", SLEEPER)
    submit("submit warned", "warned", QUICK, "--nodes=2", "--ntasks=1")
    submit("", "failing", b"#!/bin/sh\nexit 3\n")
    submit("", "dependent", QUICK, f"--dependency=afterok:{ids['running']}")
    submit("", "later", QUICK, "--begin=now+1hour")
    submit("", "held", QUICK, "--hold")
    submit("", "limited", SLEEPER, "--array=1-3%1")
    submit("", "drained", QUICK, "--partition=closed")
    centre.long.submit("submit long", "long", SLEEPER, f"--job-name={'n' * 200}")
    centre.wait([*changed, "running", "long"], "RUNNING")
    centre.wait(["failing"], "FAILED")
    submit("", "large", QUICK, "--nodes=3", "--exclusive")
    centre.user.run("", ["scontrol", "requeue", ids["again"]])
    centre.user.run("", ["scontrol", "requeuehold", ids["held-again"]])
    centre.user.run("", ["scontrol", "requeuehold", "State=SpecialExit", ids["special"]])
    centre.root.run("", ["scontrol", "suspend", ids["stopped"]])
    centre.wait(["again", "held-again"], "PENDING")
    centre.wait(["special"], "SPECIAL_EXIT")
    centre.wait(["stopped"], "SUSPENDED")
    time.sleep(SETTLED)  # until the scheduler has given all that wait a reason
    centre.user.run("queue", commands.queue(ended=True))
    centre.user.run("queue user", commands.queue(user="test1"))
    centre.user.run("queue long", commands.queue(user=LONG))
    listed = [*changed, "running", "dependent", "later", "held", "long"]
    centre.user.run("job files", commands.job_files([ids[name] for name in listed]))


def trouble(centre: Centre) -> None:
    """Nodes that are drained, down, silent or powered up, and reservations."""

    def change(*what: str) -> None:
        centre.root.run("", ["scontrol", *what])

    start = ("starttime=now+1hour", "duration=60")
    change("create", "reservation", "reservationname=one", *start, "users=test1", "nodes=nid02")
    more = ("features=f7t", "partitionname=part01", "nodecnt=1")
    change("create", "reservation", "reservationname=two", *start, "accounts=test", *more)
    now = ("starttime=now", "duration=60", "flags=MAINT,IGNORE_JOBS", "users=root")
    change("create", "reservation", "reservationname=x.now", *now, "nodes=nid03")
    change("update", "nodename=nid01", "state=drain", f"reason={REASON}")
    change("update", "nodename=nid02", "state=drain", "reason=busy")
    change("update", "nodename=nid04", "state=down", "reason=broken")
    change("update", "nodename=cloud01", "state=power_up")
    time.sleep(SETTLED)  # a reservation becomes active when the controller looks next
    machines(centre.user, " in trouble")
    for name in ("one", "two", "x.now"):
        change("delete", f"reservation={name}")
    for node in ("nid01", "nid02"):
        change("update", f"nodename={node}", "state=resume")


def main() -> None:
    """Read the command line, record, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--as", "--long", "--root"):
        parser.add_argument(name, required=True, dest=name.strip("-") + "_prefix")
    options = parser.parse_args()
    user = Recorder("/home/test1", "", shlex.split(options.as_prefix))
    long = replace(user, home=f"/home/{LONG}", prefix=shlex.split(options.long_prefix))
    root = replace(user, prefix=shlex.split(options.root_prefix))
    version = user.run("", ["sinfo", "--version"]).strip()
    record(Centre(user, long, root))
    answers = {"version": version, "ids": user.ids, "cases": user.cases}
    json.dump(answers, sys.stdout, indent=1, ensure_ascii=True)
    print()


if __name__ == "__main__":
    main()
