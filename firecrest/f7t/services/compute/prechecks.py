"""What every operation makes sure of before it creates a task (compute.md)."""

from __future__ import annotations

from f7t.errors import CertificateRefused, MachineUnavailable, RemoteError
from f7t.services.routing import Call
from f7t.systems import System


async def reachable(system: System, call: Call) -> None:
    """A session of the user can be had; raises `RemoteError` otherwise."""
    async with call.session(system):
        pass


async def not_barred(system: System, call: Call) -> None:
    """Like `reachable`, but only for what C9 and C10 detect; the task meets any other failure.

    Raises:
        MachineUnavailable: there is no such machine.
        CertificateRefused: the user may not go there.
    """
    try:
        await reachable(system, call)
    except (MachineUnavailable, CertificateRefused):
        raise
    except RemoteError:
        pass
