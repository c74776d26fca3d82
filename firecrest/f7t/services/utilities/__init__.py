"""`/utilities`: blocking file commands, as the user (utilities.md)."""

from __future__ import annotations

from fastapi import APIRouter

from f7t.services.utilities import archiving, changing, contents, facts, listing, owning

router = APIRouter(prefix="/utilities", tags=["utilities"])
router.include_router(listing.router)
router.include_router(contents.router)
router.include_router(facts.router)
router.include_router(changing.router)
router.include_router(owning.router)
router.include_router(archiving.router)
