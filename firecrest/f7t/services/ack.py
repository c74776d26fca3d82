"""The undocumented sign of life of single services, for whoever has a token (contract §1)."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)


@router.get("/utilities/status")
@router.get("/compute/status")
@router.get("/storage/status")
@router.get("/tasks/status")
@router.get("/reservations/status")
async def ack() -> dict[str, str]:
    """One process serves all of them: whoever reads this has the proof that it runs."""
    return {"success": "ack"}
