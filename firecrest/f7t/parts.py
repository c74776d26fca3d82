"""The parts of a running gateway, assembled by `app.py` and handed to services and tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from f7t.delegation import CertificateAuthority
from f7t.settings import Settings
from f7t.ssh.pool import SshPool
from f7t.staging.area import StagingArea
from f7t.staging.arrivals import Arrivals
from f7t.systems import Systems
from f7t.tasks.runner import TaskRunner
from f7t.tasks.store import TaskStore

if TYPE_CHECKING:  # its HTTP client costs every worker megabytes, also where none is needed
    from f7t.certificator.client import RemoteAuthority

Authority: TypeAlias = "CertificateAuthority | RemoteAuthority"
"""Who signs: this process, or the certificator."""


@dataclass(frozen=True)
class Parts:
    """Everything a service may drive."""

    settings: Settings
    systems: Systems
    authority: Authority
    ssh: SshPool
    store: TaskStore
    runner: TaskRunner
    staging: StagingArea
    arrivals: Arrivals
