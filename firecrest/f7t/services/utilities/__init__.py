"""`/utilities`: blocking file commands, as the user (utilities.md)."""

from __future__ import annotations

from fastapi import APIRouter

from f7t.services.utilities import changing, reading

router = APIRouter(prefix="/utilities", tags=["utilities"])
router.include_router(reading.router)
router.include_router(changing.router)
