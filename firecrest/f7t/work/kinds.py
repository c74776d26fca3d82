"""All kinds of work that this gateway carries out."""

from __future__ import annotations

from f7t.settings import Settings
from f7t.ssh.pool import SshPool
from f7t.staging.area import StagingArea
from f7t.staging.arrivals import Arrivals
from f7t.systems import Systems
from f7t.tasks.kinds import Kind
from f7t.tasks.store import TaskStore
from f7t.work import compute
from f7t.work.transfer import ExternalTransfers


def kinds(
    settings: Settings,
    systems: Systems,
    ssh: SshPool,
    store: TaskStore,
    staging: StagingArea,
    arrivals: Arrivals,
) -> tuple[Kind, ...]:
    """Kinds for the task runner, with the parts that they drive."""
    transfers = ExternalTransfers(settings, systems, ssh, store, staging, arrivals)
    return (*compute.kinds(settings, systems, ssh), *transfers.kinds())
