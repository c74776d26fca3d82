"""What the scheduler is asked when a compute task is carried out (compute.md).

Every operation is one remote command, but for the queue, which also reads the jobs' files.
"""

from __future__ import annotations

from f7t.settings import Settings
from f7t.ssh.pool import SshPool
from f7t.systems import Systems
from f7t.tasks.kinds import Kind
from f7t.work.compute.cluster import Cluster, node_query, partition_query, reservation_query
from f7t.work.compute.jobs import Jobs, accounting_query, cancellation, queue_query
from f7t.work.compute.scheduler import Scheduler
from f7t.work.compute.submission import Submissions, path_submission, submission

__all__ = [
    "accounting_query",
    "cancellation",
    "kinds",
    "node_query",
    "partition_query",
    "path_submission",
    "queue_query",
    "reservation_query",
    "submission",
]


def kinds(settings: Settings, systems: Systems, ssh: SshPool) -> tuple[Kind, ...]:
    """All kinds of work on jobs and cluster."""
    scheduler = Scheduler(settings.compute, systems, ssh, settings.utilities.max_bytes)
    doers = (Submissions(scheduler), Jobs(scheduler), Cluster(scheduler))
    return tuple(kind for doer in doers for kind in doer.kinds())
